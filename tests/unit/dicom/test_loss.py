"""What may never lose anything, whatever a policy says: every reason, and that nothing else is refused."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    MPEG2MPML,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSNearLossless,
    RLELossless,
)

from contracts.objects import SHIPPED, ct
from medarchive.dicom.loss import may_not_lose
from medarchive.dicom.source import open_source
from medarchive.errors import MayNotLose

STORAGE = "1.2.840.10008.5.1.4.1.1."


def image(**attributes: Any) -> Dataset:
    """A CT slice of which something may be lost, but for these attributes; None takes one away."""
    dataset = pydicom.dcmread(io.BytesIO(ct()))
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"LossyImageCompression": "00"},
        {"LossyImageCompression": ""},
        {"BurnedInAnnotation": "NO"},
        {"ImageType": ["DERIVED", "SECONDARY", "MPR"]},
        {"Modality": "MR", "SOPClassUID": STORAGE + "4"},
        {"Modality": "CR", "SOPClassUID": STORAGE + "1"},
        {"Modality": "DX", "SOPClassUID": STORAGE + "1.1"},
        {"Modality": "US", "SOPClassUID": STORAGE + "6.1"},
        {"Modality": "XA", "SOPClassUID": STORAGE + "12.1"},
        {"Modality": "MR", "SOPClassUID": STORAGE + "4.1", "SharedFunctionalGroupsSequence": []},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"BitsStored": 16, "HighBit": 15},
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
    ],
)
def test_what_may_lose(attributes: dict[str, Any]) -> None:
    assert may_not_lose(image(**attributes), ExplicitVRLittleEndian) is None


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"LossyImageCompression": "01"}, "compressed with loss before (0028,2110)"),
        ({"LossyImageCompressionRatio": [10, 2]}, "compressed with loss before (0028,2112)"),
        ({"LossyImageCompressionMethod": "ISO_10918_1"}, "compressed with loss before"),
        ({"Modality": "MG"}, "modality MG is never"),
        ({"Modality": "PT"}, "modality PT is never"),
        ({"Modality": "NM"}, "modality NM is never"),
        ({"Modality": "SEG"}, "modality SEG is never"),
        ({"Modality": "RTDOSE"}, "modality RTDOSE is never"),
        ({"SOPClassUID": STORAGE + "1.2"}, "it is mammography"),
        ({"SOPClassUID": STORAGE + "1.2.1"}, "it is mammography"),
        ({"SOPClassUID": STORAGE + "13.1.3"}, "it is mammography"),
        ({"SOPClassUID": STORAGE + "128"}, "it is a PET image"),
        ({"SOPClassUID": STORAGE + "20"}, "it is a nuclear medicine image"),
        ({"SOPClassUID": STORAGE + "66.4"}, "it is a segmentation"),
        ({"SOPClassUID": STORAGE + "66.7"}, "it is a segmentation"),
        ({"SOPClassUID": STORAGE + "30"}, "it is a parametric map"),
        ({"SOPClassUID": STORAGE + "481.1"}, "it is a radiotherapy object"),
        ({"SOPClassUID": STORAGE + "7"}, "it is a secondary capture"),
        ({"SOPClassUID": STORAGE + "7.3"}, "it is a secondary capture"),
        ({"BurnedInAnnotation": "YES"}, "burned into its pixels"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "picture of a screen"),
        ({"ImageType": ["DERIVED", "SECONDARY", "DISPLAY"]}, "picture of a screen"),
        ({"MACParametersSequence": []}, "digitally signed"),
        ({"SeriesInstanceUID": None}, "of which study and series"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "not grey: Photometric Interpretation RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not grey: Photometric Interpretation PALETTE COLOR"),
        ({"PhotometricInterpretation": None}, "not grey: Photometric Interpretation is absent"),
        ({"SamplesPerPixel": 3}, "do not have one sample"),
        ({"BitsAllocated": 32}, "no integers of 2 to 16 bits"),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "no integers of 2 to 16 bits"),
        ({"BitsStored": 1, "HighBit": 0}, "no integers of 2 to 16 bits"),
        ({"HighBit": 15}, "do not lie in the lowest bits"),
        ({"HighBit": None}, "do not lie in the lowest bits"),
    ],
)
def test_what_may_not(attributes: dict[str, Any], reason: str) -> None:
    assert reason in str(may_not_lose(image(**attributes), ImplicitVRLittleEndian))


@pytest.mark.parametrize(
    "syntax",
    [
        *(JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K, MPEG2MPML),
        *("1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.112", "1.2.3.4", ""),
    ],
)
def test_a_transfer_syntax_that_may_have_lost_something(syntax: str) -> None:
    assert "may have lost something already" in str(may_not_lose(image(), syntax))


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, RLELossless, "1.2.840.10008.1.2.4.110"])
def test_a_transfer_syntax_that_cannot(syntax: str) -> None:
    assert may_not_lose(image(), syntax) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CT_small.dcm", ""),
        ("MR_small_bigendian.dcm", ""),
        ("MR_small_jp2klossless.dcm", ""),
        ("MR_small_RLE.dcm", ""),
        ("JPEG-lossy.dcm", "may have lost something"),
        ("rtdose.dcm", "modality RTDOSE"),
        ("liver_1frame.dcm", "modality SEG"),
        ("test-SR.dcm", "modality SR"),
        ("SC_rgb_small_odd.dcm", "secondary capture"),
        ("examples_palette.dcm", "PALETTE COLOR"),
        ("MR_truncated.dcm", "cannot be decoded: pixel data is shorter"),
    ],
)
def test_shipped_files(name: str, reason: str) -> None:
    with next(SHIPPED.rglob(name)).open("rb") as file:
        if not reason:
            assert open_source(file).image.pixels.shape[3] == 1
            return
        with pytest.raises(MayNotLose, match=reason):
            open_source(file)


def test_bits_above_the_stored_ones() -> None:
    pixels = np.full((32, 32), 0x8001, "<u2").tobytes()
    with pytest.raises(MayNotLose, match="the bits above its stored ones hold something"):
        open_source(io.BytesIO(ct(PixelData=pixels)))


@pytest.mark.parametrize("size", [2046, 2048 + 16])
def test_pixel_data_that_is_not_its_frames(size: int) -> None:
    with pytest.raises(MayNotLose, match=r"longer or shorter|shorter than one frame"):
        open_source(io.BytesIO(ct(PixelData=bytes(size))))
