"""The DICOM node: C-ECHO, C-STORE, C-FIND, C-GET, C-MOVE and Storage Commitment over the archive, on pynetdicom."""
