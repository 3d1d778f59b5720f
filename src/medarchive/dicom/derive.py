"""Derive: what DICOM wants of an image of which something was lost (PS3.3 C.7.6.1.1.5, C.12.4.1).

It is another object: DERIVED, with a UID and a series of its own, and a reference to the image that it was made from.
Everything else is that image's. Uncompressed, Explicit VR Little Endian; how its pixels are kept is the archive's.
"""

import datetime as dt
import re
import struct
import uuid
import warnings
from dataclasses import dataclass

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian

from medarchive.dicom.groups import has_groups, mark_groups
from medarchive.dicom.padding import mend_range
from medarchive.dicom.part10 import IMPLEMENTATION_UID, file_meta
from medarchive.dicom.source import Source
from medarchive.errors import MayNotLose
from medarchive.image import Image

__all__ = ["Loss", "code_item", "derived_series", "derived_uid", "named_uid", "write_derived"]

_PIXEL_DATA = 0x7FE00010
_PADDING = 0xFFFCFFFC
_LOSSY = ("113040", "DCM", "Lossy Compression")
"""PS3.16 CID 7203, how an image was derived."""
_PREDECESSOR = ("121320", "DCM", "Uncompressed predecessor")
"""PS3.16 CID 7202, what the source image was to it."""
_NAMESPACE = uuid.UUID("7c5a8b1e-52a4-4f0c-9d3f-0d1a2d8f6a41")


@dataclass(frozen=True, slots=True)
class Loss:
    """What was done to the pixels.

    Attributes:
        what: in a few words, ``near-lossless 2``; the same words and the same source give the same UIDs.
        method: for Lossy Image Compression Method (0028,2114), at most 16 characters.
        description: for Derivation Description (0008,2111).
        ratio: bytes of the uncompressed pixel data, by Bits Allocated, for each byte kept of them.
    """

    what: str
    method: str
    description: str
    ratio: float


def derived_uid(source_uid: str, source_sha256: str, what: str) -> str:
    """The SOP Instance UID of what is derived from a source: always the same, so that nothing is derived twice.

    Args:
        source_uid: SOP Instance UID.
        source_sha256: of the source's data set; another object that takes the same UID later gives another one.
        what: see ``Loss``.
    """
    return named_uid(f"instance {source_uid} {source_sha256} {what}")


def derived_series(source_series: str, what: str) -> str:
    """The Series Instance UID for what is derived from a series."""
    return named_uid(f"series {source_series} {what}")


def write_derived(source: Source, image: Image, loss: Loss, uid: str, now: dt.datetime) -> tuple[bytes, bytes]:
    """The derived object's Part 10 file, but for its pixels: all before them and all after them.

    Args:
        source: what it is derived from; its data set is changed.
        image: all frames as they are now.
        loss: what was done.
        uid: see ``derived_uid``.
        now: for Instance Creation Date and Time.

    Raises:
        MayNotLose: padding can no longer be told from the image, or the data set cannot be written anew.
    """
    dataset = source.dataset
    mend_range(dataset, source.image, image)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values pass through as they are: judging them is not our business
            _mark(dataset, loss, uid, now)
            dataset.walk(lambda *_: None)  # every element gets its VR
            correct_ambiguous_vr(dataset, is_little_endian=True)
            encodings = convert_encodings(dataset.get("SpecificCharacterSet", ""))
            head = _written(dataset[0x00080000:_PIXEL_DATA], encodings)
            tail = _written(dataset[_PIXEL_DATA + 1 : _PADDING], encodings)
    except Exception as error:  # what pydicom raises on broken objects has no common root
        raise MayNotLose(f"its data set cannot be written anew: {type(error).__name__}: {error}") from error
    length = source.recipe.body_bytes
    vr = b"OB" if source.recipe.allocated == 8 else b"OW"
    meta = file_meta(str(dataset.SOPClassUID), uid, ExplicitVRLittleEndian)
    element = struct.pack("<HH2sHI", _PIXEL_DATA >> 16, _PIXEL_DATA & 0xFFFF, vr, 0, length + length % 2)
    return meta + head + element, bytes(length % 2) + tail


def _mark(dataset: Dataset, loss: Loss, uid: str, now: dt.datetime) -> None:
    """Say in the data set what it is now, and what it was made from."""
    predecessor = (str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))
    if has_groups(dataset):
        mark_groups(dataset, lambda frame: _derived(Dataset(), loss, _reference(*predecessor, frame)))
    else:
        _derived(dataset, loss, _reference(*predecessor))

    kinds = _values(dataset, "ImageType") or ["ORIGINAL", "PRIMARY"]
    dataset.ImageType = ["DERIVED", *kinds[1:]]
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = [*_values(dataset, "LossyImageCompressionRatio"), f"{loss.ratio:.4g}"]
    dataset.LossyImageCompressionMethod = [*_values(dataset, "LossyImageCompressionMethod"), loss.method]

    dataset.SOPInstanceUID = UID(uid)
    dataset.SeriesInstanceUID = UID(derived_series(str(dataset.get("SeriesInstanceUID", "")), loss.what))
    suffix = f"[{loss.what}]"
    description = str(dataset.get("SeriesDescription", "")).strip()
    dataset.SeriesDescription = f"{description[: 63 - len(suffix)]} {suffix}".strip()
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.InstanceCreatorUID = UID(IMPLEMENTATION_UID.decode("ascii"))


def _reference(sop_class: str, uid: str, frame: int | None = None) -> Dataset:
    """An item of a Source Image Sequence: the image, or one of its frames."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, uid
    if frame is not None:
        reference.ReferencedFrameNumber = frame
    reference.PurposeOfReferenceCodeSequence = [code_item(*_PREDECESSOR)]
    reference.SpatialLocationsPreserved = "YES"
    return reference


def _derived(dataset: Dataset, loss: Loss, reference: Dataset) -> Dataset:
    """Add a step to the history in the General Reference module, or in an item of a Derivation Image Sequence."""
    dataset.SourceImageSequence = [*dataset.get("SourceImageSequence", ()), reference]
    dataset.DerivationCodeSequence = [*dataset.get("DerivationCodeSequence", ()), code_item(*_LOSSY)]
    earlier = str(dataset.get("DerivationDescription", "")).strip()
    before = f"{earlier}; " if earlier else ""
    dataset.DerivationDescription = before[: 1024 - len(loss.description)] + loss.description
    return dataset


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [str(each) for each in value] if isinstance(value, MultiValue) else [str(value)]


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 8.8)."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _written(dataset: Dataset, encodings: list[str]) -> bytes:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_dataset(out, dataset, encodings)
    return out.getvalue()


def named_uid(name: str) -> str:
    """A UID made of a name-based UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, re.sub('[ ]+', ' ', name)).int}"
