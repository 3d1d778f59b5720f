"""The DICOM node: C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE over the archive, on pynetdicom."""
