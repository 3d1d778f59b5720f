"""Lossy: rate and distortion of our codecs beside their peers, at the same rates and at the same demands."""
