"""Bench: codecs and their peers on the same images, in one run. Knows DICOM and codecs, and no archive."""
