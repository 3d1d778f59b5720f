"""Insight: what the archive reads in the pixels. Knows no DICOM and no database; torch only trains it."""
