"""Transcode: any stored object into a transfer syntax that its peer takes, without loss."""

import io
import warnings
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medarchive.dicom.encapsulate import COMPRESSED, check_frames, compress_frames
from medarchive.dicom.encapsulated import decode_frame, decoded_photometric
from medarchive.dicom.part10 import DEFLATED, Header, as_inflated, read_header
from medarchive.dicom.pixels import plan
from medarchive.dicom.recipe import Reason, Verbatim
from medarchive.errors import CannotTranscode, LimitExceeded

__all__ = ["COMPRESSED", "NATIVE", "TARGETS", "make_little", "transcode"]

NATIVE = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
TARGETS = (*NATIVE, *COMPRESSED)
"""UIDs of the transfer syntaxes into which objects are brought: native, JPEG-LS, HTJ2K, JPEG 2000, JPEG XL and RLE, all
lossless."""
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_MOST_BYTES = 1 << 30
_PIXEL_DATA = 0x7FE00010


def transcode(part10: BinaryIO, transfer_syntax: str) -> BinaryIO:
    """The same object in another transfer syntax; UIDs and all attributes that do not describe the encoding stay.

    Args:
        part10: a Part 10 file.
        transfer_syntax: UID, one of ``TARGETS``.

    Raises:
        CannotTranscode: another target, or data that cannot be decoded or is too large once decoded or inflated.
        NotDicom: the file cannot be read.
    """
    if transfer_syntax not in TARGETS:
        raise CannotTranscode(f"cannot transcode to {transfer_syntax}; possible are {', '.join(TARGETS)}")
    if transfer_syntax in COMPRESSED:
        return _compressed(part10, transfer_syntax)
    header = read_header(part10)
    reason = plan(header, part10)
    try:
        if header.trouble == DEFLATED:
            part10 = as_inflated(part10, header, _MOST_BYTES)
        part10.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values pass through as they are: judging them is not our business
            dataset = pydicom.dcmread(part10)
            if isinstance(reason, Verbatim) and reason.reason is Reason.ENCAPSULATED:
                _decapsulate(dataset, part10, header)
            make_little(dataset, header)
            return _written(dataset, transfer_syntax)
    except CannotTranscode:
        raise
    except LimitExceeded as error:
        raise CannotTranscode(str(error)) from error
    except Exception as error:  # what pydicom raises on broken objects has no common root
        raise CannotTranscode(f"the data set cannot be written anew: {type(error).__name__}: {error}") from error


def _compressed(part10: BinaryIO, transfer_syntax: str) -> BinaryIO:
    """Native first, then compressed, then decoded again and compared."""
    little = transcode(part10, str(ExplicitVRLittleEndian))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(little)
            images = compress_frames(little, dataset, transfer_syntax)
            written = _written(dataset, transfer_syntax)
        check_frames(written, images)
    except CannotTranscode:
        raise
    except Exception as error:  # what codecs raise on images beyond them has no common root
        raise CannotTranscode(f"not into {transfer_syntax}: {type(error).__name__}: {error}") from error
    return written


def make_little(dataset: Dataset, header: Header) -> None:
    """Bring what pydicom read of a file into a state in which it can be written in little endian."""
    if header.big_endian:
        dataset.walk(_swap_words)
    if header.implicit and header.transfer_syntax != ImplicitVRLittleEndian:
        dataset.walk(_looked_up)  # against the standard; pydicom believes that elements have their VR


def _decapsulate(dataset: Dataset, part10: BinaryIO, header: Header) -> None:
    """Replace compressed by native pixel data (PS3.5 8.2: the Image Pixel module must then describe what is there)."""
    count = max(header.integer(0x00280008) or 1, 1)
    first = decode_frame(part10, header, 0)
    if count * first.pixels.nbytes > _MOST_BYTES:
        raise CannotTranscode(
            f"{count * first.pixels.nbytes} bytes of pixel data once decoded, more than {_MOST_BYTES}"
        )
    width = max((header.integer(0x00280100) or 8) // 8, 1)
    out = io.BytesIO()
    for index in range(count):
        image = first if index == 0 else decode_frame(part10, header, index)
        little = np.ascontiguousarray(image.pixels, f"<{image.pixels.dtype.kind}{width}")
        out.write(little.data)
    if out.tell() % 2:
        out.write(b"\0")
    samples = first.pixels.shape[3]
    dataset.PixelData = out.getvalue()
    element = dataset["PixelData"]
    element.VR = "OB" if width == 1 else "OW"
    element.is_undefined_length = False
    dataset.SamplesPerPixel = samples
    if samples > 1:
        dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = decoded_photometric(header)
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            del dataset[keyword]


def _looked_up(dataset: Dataset, element: pydicom.DataElement) -> None:
    """Nothing: being walked over, an element has got its VR from the dictionary."""


def _swap_words(dataset: Dataset, element: pydicom.DataElement) -> None:
    """Turn the words of a big endian element round; pydicom leaves them as bytes."""
    size = _WORD_BYTES.get(element.VR)
    if element.tag == _PIXEL_DATA and element.VR == "OW":
        size = max(int(dataset.get("BitsAllocated", 16)) // 8, 2)
    if size and isinstance(element.value, bytes) and len(element.value) % size == 0:
        element.value = np.frombuffer(element.value, f">u{size}").astype(f"<u{size}").tobytes()


def _written(dataset: Dataset, transfer_syntax: str) -> BinaryIO:
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    if "MediaStorageSOPClassUID" not in dataset.file_meta:
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    if "MediaStorageSOPInstanceUID" not in dataset.file_meta:
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.preamble = dataset.preamble or bytes(128)
    out = io.BytesIO()
    implicit = transfer_syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(
        out, dataset, implicit_vr=implicit, little_endian=True, force_encoding=True, enforce_file_format=False
    )
    out.seek(0)
    return out
