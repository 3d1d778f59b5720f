"""Every error that medarchive raises on purpose.

The tree::

    MedarchiveError
    ├── SettingsError            a setting that is unknown, malformed or out of range
    ├── AccountError             an account that cannot be made, or changed, as it was asked for
    ├── CodecError
    │   ├── UnsupportedImage     this codec cannot take this image (another one can)
    │   ├── UnknownCodec         no codec of that name, or its package is not installed
    │   ├── CorruptStream        bytes that are no container or stream, or were changed since
    │   └── LimitExceeded        dimensions, counts or sizes beyond what a decoder allows
    ├── DicomError
    │   ├── NotDicom             no Part 10 file, or one that cannot be read to its end
    │   ├── MissingIdentity      no SOP Class UID or no SOP Instance UID: nothing to file it under
    │   ├── BadQuery             a query that the level or the standard does not allow
    │   ├── CannotTranscode      the pixel data cannot be brought into the transfer syntax asked for
    │   └── MayNotLose           an object of which nothing may be lost, whatever the policy says
    └── ArchiveError
        ├── NotFound             no such instance, series, study or blob
        ├── Conflict             the SOP Instance UID is taken by an object with other bytes
        ├── Mismatch             the object is not the one that was announced
        ├── BlobCorrupt          stored bytes no longer have the hash that names them
        ├── BlobMissing          a blob that the catalogue names is not in the store
        ├── ArchiveBusy          the catalogue stayed locked, or the disk is full: try again
        └── BadCorrection        what was said of a reading has no verdict, or nobody who says so

A message says what happened, to which object, and what to do next. Each face translates the tree once: DIMSE status,
exit code. ``exit_code`` is the command line's.
"""

__all__ = [
    "AccountError",
    "ArchiveBusy",
    "ArchiveError",
    "BadCorrection",
    "BadQuery",
    "BlobCorrupt",
    "BlobMissing",
    "CannotTranscode",
    "CodecError",
    "Conflict",
    "CorruptStream",
    "DicomError",
    "LimitExceeded",
    "MayNotLose",
    "MedarchiveError",
    "Mismatch",
    "MissingIdentity",
    "NotDicom",
    "NotFound",
    "SettingsError",
    "UnknownCodec",
    "UnsupportedImage",
]


class MedarchiveError(Exception):
    """The root: catching it catches every error that medarchive raises on purpose."""

    exit_code = 10


class SettingsError(MedarchiveError):
    """A setting is unknown, malformed or out of range."""

    exit_code = 11


class AccountError(MedarchiveError):
    """An account of the web face cannot be made, or changed, as it was asked for."""

    exit_code = 13


class CodecError(MedarchiveError):
    """Encoding or decoding did not succeed."""

    exit_code = 20


class UnsupportedImage(CodecError):
    """The codec cannot take this image; another one may."""

    exit_code = 21


class UnknownCodec(CodecError):
    """No codec has this name, or the package that brings it is not installed."""

    exit_code = 22


class CorruptStream(CodecError):
    """The bytes are no medarchive container or codec stream, or they were changed since they were written."""

    exit_code = 23


class LimitExceeded(CodecError):
    """The stream asks for dimensions, counts or sizes beyond what a decoder allows."""

    exit_code = 24


class DicomError(MedarchiveError):
    """A DICOM object or message could not be understood."""

    exit_code = 30


class NotDicom(DicomError):
    """The bytes are no DICOM Part 10 file, or cannot be read to their end."""

    exit_code = 31


class MissingIdentity(DicomError):
    """The object has no SOP Class UID or no SOP Instance UID, so there is nothing to file it under."""

    exit_code = 32


class BadQuery(DicomError):
    """The query asks for what its level or the standard does not allow."""

    exit_code = 33


class CannotTranscode(DicomError):
    """The pixel data cannot be brought into the transfer syntax asked for."""

    exit_code = 34


class MayNotLose(DicomError):
    """Nothing of this object may be lost, whatever the policy says, or no smaller version of it can be made."""

    exit_code = 35


class ArchiveError(MedarchiveError):
    """The archive could not do what was asked."""

    exit_code = 40


class NotFound(ArchiveError):
    """No such instance, series, study or blob."""

    exit_code = 41


class Conflict(ArchiveError):
    """The SOP Instance UID is taken by an object with other bytes; the one that was stored first stays."""

    exit_code = 42


class Mismatch(ArchiveError):
    """The object is not the one that was announced: its SOP Class or Instance UID differs."""

    exit_code = 43


class BlobCorrupt(ArchiveError):
    """Stored bytes no longer have the hash that names them. They are never returned as good data."""

    exit_code = 44


class BlobMissing(ArchiveError):
    """A blob that the catalogue names is not in the store."""

    exit_code = 45


class ArchiveBusy(ArchiveError):
    """The catalogue stayed locked for too long, or the disk is full. Nothing was acknowledged; try again."""

    exit_code = 46


class BadCorrection(ArchiveError):
    """What was said of a reading has no verdict that is one, or nobody who says so, or contradicts itself."""

    exit_code = 47
