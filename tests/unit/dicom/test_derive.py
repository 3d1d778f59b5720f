"""A derived instance is what PS3.3 C.7.6.1.1.5 and C.12.4.1 want, and otherwise its original."""

import datetime as dt
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from contracts.objects import SHIPPED, ct
from medarchive.codecs.quantise import dequantised, quantised
from medarchive.codecs.spec import ImageSpec
from medarchive.dicom.derive import Loss, derived_series, derived_uid, write_derived
from medarchive.dicom.frames import all_frames
from medarchive.dicom.source import open_source
from medarchive.errors import MayNotLose
from medarchive.image import Image

LOSS = Loss("near-lossless 2", "MEDARCHIVE_NEAR", "no pixel is off by more than 2", 7.25)
NOW = dt.datetime(2026, 5, 4, 3, 2, 1)
NAMES = [
    *("CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"),
    *("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "examples_overlay.dcm"),
]


def coarse(image: Image, error: int = 2) -> Image:
    return dequantised(quantised(image, error), ImageSpec.of(image, len(image)), error)


def derive(part10: bytes, error: int = 2) -> bytes:
    source = open_source(io.BytesIO(part10))
    image = coarse(source.image, error)
    uid = derived_uid("1.2", "ab", LOSS.what)
    before, behind = write_derived(source, image, LOSS, uid, NOW)
    return before + b"".join(source.recipe.data([image])) + behind


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


@pytest.fixture(params=NAMES)
def pair(request: pytest.FixtureRequest) -> tuple[Dataset, Dataset]:
    """An original and what was derived from it."""
    data = next(SHIPPED.rglob(request.param)).read_bytes()
    return read(data), read(derive(data))


@pytest.mark.parametrize("name", NAMES)
def test_the_pixels_are_near(name: str) -> None:
    data = next(SHIPPED.rglob(name)).read_bytes()
    old, new = (list(all_frames(io.BytesIO(file))) for file in (data, derive(data)))
    errors = [
        np.abs(after.pixels.astype(int) - before.pixels.astype(int)).max()
        for before, after in zip(old, new, strict=True)
    ]
    assert 1 <= max(errors) <= 2


def test_it_is_derived_and_says_from_what_and_how(pair: tuple[Dataset, Dataset]) -> None:
    old, new = pair
    assert new.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID == derived_uid("1.2", "ab", LOSS.what)
    assert new.SOPInstanceUID != old.SOPInstanceUID
    assert new.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert new.SOPClassUID == old.SOPClassUID == new.file_meta.MediaStorageSOPClassUID
    assert new.ImageType == ["DERIVED", *old.ImageType[1:]]
    assert new.LossyImageCompression == "01"
    assert (new.LossyImageCompressionRatio, new.LossyImageCompressionMethod) == (7.25, "MEDARCHIVE_NEAR")
    assert new.DerivationDescription.endswith("no pixel is off by more than 2")
    codes = [(c.CodeValue, c.CodingSchemeDesignator, c.CodeMeaning) for c in new.DerivationCodeSequence]
    assert codes[-1] == ("113040", "DCM", "Lossy Compression")
    source = new.SourceImageSequence[-1]
    assert source.ReferencedSOPInstanceUID == old.SOPInstanceUID
    assert source.ReferencedSOPClassUID == old.SOPClassUID
    assert source.SpatialLocationsPreserved == "YES"
    (purpose,) = source.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("121320", "DCM")
    assert purpose.CodeMeaning == "Uncompressed predecessor"
    assert (new.InstanceCreationDate, new.InstanceCreationTime) == ("20260504", "030201")


def test_study_and_space_are_the_originals_and_the_series_is_another(pair: tuple[Dataset, Dataset]) -> None:
    old, new = pair
    assert new.StudyInstanceUID == old.StudyInstanceUID
    assert new.get("FrameOfReferenceUID") == old.get("FrameOfReferenceUID")
    assert new.SeriesInstanceUID == derived_series(old.SeriesInstanceUID, LOSS.what) != old.SeriesInstanceUID
    assert new.SeriesDescription.endswith("[near-lossless 2]")
    assert len(new.SeriesDescription) <= 64


def test_all_else_is_the_originals(pair: tuple[Dataset, Dataset]) -> None:
    old, new = pair
    changed = [
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "SeriesDescription",
        "ImageType",
        "PixelData",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "InstanceCreatorUID",
        "DerivationDescription",
        "DerivationCodeSequence",
        "SourceImageSequence",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "LossyImageCompressionMethod",
        "PixelPaddingValue",
        "SmallestImagePixelValue",
        "LargestImagePixelValue",
        "DataSetTrailingPadding",
    ]
    for element in old:
        if element.keyword not in changed and element.tag.element != 0:
            there = new[element.tag].value
            assert there == element.value or np.array_equal(there, element.value), element
    assert not [element for element in new if element.tag not in old and element.keyword not in changed]
    assert not [element for element in new if element.tag.element == 0], "group lengths are gone"


def test_words_of_big_endian_files_are_turned() -> None:
    big, little = (next(SHIPPED.rglob(name)).read_bytes() for name in ("MR_small_bigendian.dcm", "MR_small.dcm"))
    assert read(derive(big)).PixelData == read(derive(little)).PixelData


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")
def test_a_validator_finds_nothing_new(tmp_path: Path) -> None:
    def complaints(data: bytes) -> set[str]:
        file = tmp_path / "image.dcm"
        file.write_bytes(data)
        ended = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        return {line for line in ended.stderr.splitlines() if line.startswith(("Error", "Warning"))}

    for name in ("CT_small.dcm", "MR_small.dcm"):
        data = next(SHIPPED.rglob(name)).read_bytes()
        new = complaints(derive(data)) - complaints(data)
        assert all("MEDARCHIVE_NEAR" in line for line in new), "but that our method is no term of the standard"


def test_what_was_derived_before_keeps_its_history() -> None:
    earlier, code = Dataset(), Dataset()
    earlier.ReferencedSOPClassUID, earlier.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.77"
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113072", "DCM", "Multiplanar reformatting"
    new = read(
        derive(
            ct(
                ImageType=["DERIVED", "SECONDARY", "MPR"],
                SourceImageSequence=[earlier],
                DerivationCodeSequence=[code],
                DerivationDescription="MPR " * 255,
            )
        )
    )
    assert [item.ReferencedSOPInstanceUID for item in new.SourceImageSequence] == ["1.2.77", "1.2.3.1.1.1"]
    assert [item.CodeValue for item in new.DerivationCodeSequence] == ["113072", "113040"]
    assert new.ImageType == ["DERIVED", "SECONDARY", "MPR"]
    assert len(new.DerivationDescription) <= 1024
    assert new.DerivationDescription.endswith("no pixel is off by more than 2")


def test_uids_follow_from_what_was_derived_from_what() -> None:
    one = derived_uid("1.2.3", "ab", "near-lossless 2")
    assert one == derived_uid("1.2.3", "ab", "near-lossless 2")
    others = [
        ("1.2.4", "ab", "near-lossless 2"),
        ("1.2.3", "ac", "near-lossless 2"),
        ("1.2.3", "ab", "near-lossless 3"),
    ]
    assert len({one, *(derived_uid(*other) for other in others), derived_series("1.2.3", "near-lossless 2")}) == 5
    assert one.startswith("2.25.")
    assert len(one) <= 64


def padded(value: int, *, signed: bool = False, vr: str = "US") -> bytes:
    """A slice whose corner is padding."""
    pixels = np.arange(1000, 1000 + 32 * 32).reshape(32, 32).astype("<i2")
    pixels[:4, :4] = value
    ds = read(ct(PixelData=pixels.tobytes(), PixelRepresentation=int(signed), BitsStored=16, HighBit=15))
    ds.add_new(0x00280120, vr, value if vr == "SS" else value & 0xFFFF)
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "signed", "vr"),
    [(0, False, "US"), (7, False, "US"), (-2000, True, "SS"), (-2000, True, "US"), (-32768, True, "SS")],
)
def test_padding_is_still_known_as_such(value: int, signed: bool, vr: str) -> None:
    new = read(derive(padded(value, signed=signed, vr=vr)))
    assert ("SS" if signed else "US") == new["PixelPaddingValue"].VR
    padding = new.pixel_array == new.PixelPaddingValue
    assert padding[:4, :4].all()
    assert padding.sum() == 16
    assert abs(int(new.PixelPaddingValue) - value) <= 2


def test_padding_that_would_be_confused_with_the_image() -> None:
    with pytest.raises(MayNotLose, match="padding"):
        derive(padded(1500))


def test_the_smallest_and_the_largest_value_are_those_that_there_are() -> None:
    new = read(derive(ct(SmallestImagePixelValue=1000, LargestImagePixelValue=1400)))
    assert (new.SmallestImagePixelValue, new.LargestImagePixelValue) == (new.pixel_array.min(), new.pixel_array.max())


def test_frames_and_odd_lengths() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 5, 5)).astype("u1")
    data = pixels.tobytes() + b"\0"
    eight: dict[str, Any] = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": 5, "Columns": 5}
    new = read(derive(ct(PixelData=data, NumberOfFrames=3, **eight), error=1))
    assert len(new.PixelData) == 76
    assert new["PixelData"].VR == "OB"
    assert np.abs(new.pixel_array.astype(int) - pixels).max() == 1


def test_elements_behind_the_pixels_stay() -> None:
    ds = read(ct())
    ds.add_new(0x7FE10010, "LO", "SOMEONE")
    ds.add_new(0x7FE11001, "LO", "behind")
    out = io.BytesIO()
    ds.save_as(out)
    assert read(derive(out.getvalue()))[0x7FE11001].value == "behind"


def enhanced(*, derived: bool = False) -> bytes:
    """Two frames with functional groups, as enhanced objects have them."""

    def item(**attributes: Any) -> Dataset:
        dataset = Dataset()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        return dataset

    kind = "DERIVED" if derived else "ORIGINAL"
    frames = [item(MRImageFrameTypeSequence=[item(FrameType=[kind, "PRIMARY", "M", "NONE"])]) for _ in range(2)]
    for frame in frames if derived else ():
        frame.DerivationImageSequence = [item(DerivationDescription="ADC")]
    pixels = np.random.default_rng(3).integers(0, 4096, (2, 32, 32)).astype("<u2")
    groups: dict[str, Any] = {"SharedFunctionalGroupsSequence": [item()], "PerFrameFunctionalGroupsSequence": frames}
    return ct(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
        Modality="MR",
        ImageType=[kind, "PRIMARY", "M", "NONE"],
        NumberOfFrames=2,
        PixelData=pixels.tobytes(),
        **groups,
    )


def test_the_groups_of_an_enhanced_object_say_it() -> None:
    new = read(derive(enhanced()))
    assert new.ImageType == ["DERIVED", "PRIMARY", "M", "NONE"]
    for frame in new.PerFrameFunctionalGroupsSequence:
        assert frame.MRImageFrameTypeSequence[0].FrameType == ["DERIVED", "PRIMARY", "M", "NONE"]
        assert "DerivationImageSequence" not in frame
    (item,) = new.SharedFunctionalGroupsSequence[0].DerivationImageSequence
    assert item.DerivationCodeSequence[0].CodeValue == "113040"
    assert item.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.1.1.1"
    assert "ReferencedFrameNumber" not in item.SourceImageSequence[0]
    (evidence,) = new.SourceImageEvidenceSequence
    assert evidence.StudyInstanceUID == new.StudyInstanceUID
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.1.1"
    assert "SourceImageSequence" not in new, "there is no such module at the top level"
    assert new.LossyImageCompression == "01"


def test_frames_that_were_derived_before_keep_their_history() -> None:
    new = read(derive(enhanced(derived=True)))
    assert "DerivationImageSequence" not in new.SharedFunctionalGroupsSequence[0]
    for number, frame in enumerate(new.PerFrameFunctionalGroupsSequence, 1):
        first, second = frame.DerivationImageSequence
        assert first.DerivationDescription == "ADC"
        assert second.SourceImageSequence[0].ReferencedFrameNumber == number
