"""DICOM as files and data sets: reading, splitting, joining, transcoding, asking. pydicom below, no network."""
