"""Codecs: integer pixels in, bytes out. Knows no DICOM, no files, no database, no network."""
