"""Described: objects that come as metadata in JSON, with their bulk data beside it (PS3.18 10.5.2, F.2)."""

import io
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urljoin

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from medarchive.dicom.part10 import IMPLEMENTATION_UID
from medarchive.errors import CorruptStream, LimitExceeded, NotDicom

__all__ = ["Bulk", "described"]

_MOST_BULK = 512 << 20
"""Bytes of bulk data of one object: it is put together in memory."""
_SYNTAXES = {
    "image/jpeg": JPEGBaseline8Bit,
    "image/jls": JPEGLSLossless,
    "image/jp2": JPEG2000,
    "image/jphc": HTJ2K,
    "image/dicom-rle": RLELossless,
    "application/octet-stream": ExplicitVRLittleEndian,
}
"""What pixel data of a media type is where nothing says it more precisely (PS3.18 8.7.3.3)."""
_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True, slots=True)
class Bulk:
    """A part with bulk data.

    Attributes:
        file: its bytes.
        size: how many.
        media_type: in lower case, without parameters.
        transfer_syntax: UID, or "".
    """

    file: BinaryIO
    size: int
    media_type: str
    transfer_syntax: str


def described(metadata: bytes, bulks: dict[str, list[Bulk]], base: str) -> Iterator[BinaryIO | Exception]:
    """Part 10 files, one for each object that is described, or what is wrong with it.

    Args:
        metadata: the JSON array.
        bulks: by Content-Location; several of one location are the frames of an encapsulated image.
        base: the address that relative locations are relative to.

    Raises:
        NotDicom: the JSON is none, or describes no objects.
    """
    try:
        objects = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise NotDicom(f"the metadata are no JSON: {error}") from error
    objects = [objects] if isinstance(objects, dict) else objects
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise NotDicom("the metadata are no array of data sets in DICOM JSON (PS3.18 F.2)")
    placed = {urljoin(base, location): found for location, found in bulks.items()}
    for one in objects:
        try:
            yield _written(one, placed, base)
        except (NotDicom, CorruptStream, LimitExceeded) as error:
            yield error
        except Exception as error:  # noqa: BLE001  # what pydicom raises on what is no data set has no common root
            yield NotDicom(f"the metadata describe no data set: {type(error).__name__}: {error}")


def _written(one: dict[str, Any], bulks: dict[str, list[Bulk]], base: str) -> BinaryIO:
    pixels: list[Bulk] = []
    left = _MOST_BULK

    def found(uri: str) -> list[Bulk]:
        nonlocal left
        there = bulks.get(urljoin(base, uri))
        if there is None:
            raise CorruptStream(f"the bulk data of {uri[:100]!r} were not sent along")
        left -= sum(bulk.size for bulk in there)
        if left < 0:
            raise LimitExceeded(f"more than {_MOST_BULK} bytes of bulk data: send the object as application/dicom")
        return there

    def value(tag: str, _vr: str, uri: str) -> bytes:
        there = found(uri)
        if int(tag, 16) == _PIXEL_DATA:
            pixels[:] = there
            return b""
        return b"".join(map(_bytes, there))

    plain = {tag: element for tag, element in one.items() if not tag.startswith("0002") and tag != "00083002"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values pass through: judging them is not our business
        dataset = Dataset.from_json(plain, bulk_data_uri_handler=value)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        syntax = _set_pixels(dataset, pixels, _text(one, "00020010") or _text(one, "00083002"))
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID.decode("ascii"))
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
    out.seek(0)
    return out


def _set_pixels(dataset: Dataset, frames: Sequence[Bulk], said: str) -> str:
    """Put the pixel data in, and return their transfer syntax UID.

    Raises:
        NotDicom: they are of a kind that cannot be told.
    """
    if not frames:
        return str(ExplicitVRLittleEndian)
    first = frames[0]
    default = str(_SYNTAXES.get(first.media_type, ""))
    syntax = first.transfer_syntax or (said if default and default != ExplicitVRLittleEndian else "") or default
    if not syntax:
        raise NotDicom(f"pixel data of the media type {first.media_type[:64]!r}: which transfer syntax is that?")
    if not _is_compressed(syntax):
        wide = int(dataset.get("BitsAllocated", 16)) > 8
        data = b"".join(map(_bytes, frames))
        dataset.add_new(_PIXEL_DATA, "OW" if wide else "OB", data + bytes(len(data) % 2))
        return str(ExplicitVRLittleEndian)
    dataset.add_new(_PIXEL_DATA, "OB", encapsulate([_bytes(frame) for frame in frames]))
    dataset[_PIXEL_DATA].is_undefined_length = True
    return syntax


def _is_compressed(syntax: str) -> bool:
    uid = UID(syntax)
    return bool(uid.is_transfer_syntax and uid.is_compressed)


def _bytes(bulk: Bulk) -> bytes:
    bulk.file.seek(0)
    return bulk.file.read()


def _text(one: dict[str, Any], tag: str) -> str:
    """The first value of an element."""
    element = one.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]).strip() if isinstance(values, list) and values else ""
