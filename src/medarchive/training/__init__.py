"""Training: what makes the weights that the codecs ship with. The only package that knows torch."""
