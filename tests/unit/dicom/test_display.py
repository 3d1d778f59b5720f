"""What a header says about showing a frame; pydicom's look-ups are the peer."""

import io
import warnings
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from contracts.objects import SHIPPED
from medarchive.dicom.display import evidence, view
from medarchive.dicom.frames import file_frame
from medarchive.errors import MedarchiveError
from medarchive.image import Image
from medarchive.view import View

STORED = np.arange(-8, 56, dtype=np.int16).reshape(8, 8)
GREY = ("693_J2KI", "CT_small", "J2K_pixelrep_mismatch", "JPEGLSNearLossless_16", "MR_small", "MR_small_bigendian",
        "MR_small_jpeg_ls_lossless", "examples_overlay", "image_dfl", "rtdose_1frame")  # fmt: skip


def header(**attributes: Any) -> Dataset:
    dataset = Dataset()
    dataset.Modality, dataset.PhotometricInterpretation = "MR", "MONOCHROME2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values are what some tests are about
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
    return dataset


def seen(dataset: Dataset, pixels: Any = STORED, bits: int = 16, frame: int = 0) -> View:
    array = np.asarray(pixels)
    shape = (1, *array.shape, 1) if array.ndim == 2 else (1, *array.shape)
    return view(dataset, Image(array.reshape(shape), bits), frame)


def item(**attributes: Any) -> Dataset:
    one = Dataset()
    for keyword, value in attributes.items():
        setattr(one, keyword, value)
    return one


def group(**macros: Dataset) -> Dataset:
    return item(**{keyword: Sequence([one]) for keyword, one in macros.items()})


def opened(name: str, frame: int = 0) -> tuple[Dataset, Image]:
    path = next(SHIPPED.parent.rglob(f"{name}.dcm"))
    with path.open("rb") as stream:
        return pydicom.dcmread(path, stop_before_pixels=True), file_frame(stream, frame)


@pytest.mark.parametrize("name", GREY)
def test_as_pydicom_shows_it(name: str) -> None:
    dataset, image = opened(name)
    mine = view(dataset, image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = apply_modality_lut(image.pixels[0, ..., 0], dataset)
        assert mine.values == pytest.approx(values, rel=1e-6, abs=1e-3)
        theirs = apply_voi_lut(values, dataset).astype(np.float64)
        low, high = _ends(dataset)
    if mine.window is not None:
        assert mine.shown() == pytest.approx((theirs - low) / (high - low), abs=1e-6)
    else:
        assert "WindowWidth" not in dataset


def _ends(dataset: Dataset) -> tuple[float, float]:
    """What pydicom draws black and white."""
    low, high = apply_voi_lut(np.array([-100_000, 100_000]), dataset).tolist()
    return low, high


def test_some_of_them_have_windows() -> None:
    assert sum(view(*opened(name)).window is not None for name in GREY) >= 5


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_functions_as_pydicom_has_them(function: str) -> None:
    dataset, image = opened("MR_small")
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 700, 900, function
    theirs = apply_voi_lut(image.pixels[0, ..., 0], dataset).astype(np.float64)
    low, high = _ends(dataset)
    assert view(dataset, image).shown() == pytest.approx((theirs - low) / (high - low), abs=1e-6)


def test_rescale_and_hounsfield() -> None:
    ct = seen(header(Modality="CT", RescaleSlope=2, RescaleIntercept=-1024))
    assert ct.hounsfield
    assert ct.values == pytest.approx(STORED * 2.0 - 1024)
    assert not seen(header(RescaleSlope=2, RescaleIntercept=-1024)).hounsfield
    assert seen(header(RescaleSlope=1, RescaleIntercept=0, RescaleType="HU")).hounsfield
    assert not seen(header(Modality="CT")).hounsfield


def test_groups_of_an_enhanced_object_per_frame_before_shared() -> None:
    shared = group(
        PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU"),
        FrameVOILUTSequence=item(WindowCenter=40, WindowWidth=400),
    )
    second = group(
        PixelValueTransformationSequence=item(RescaleSlope=2, RescaleIntercept=5, RescaleType="US"),
        FrameVOILUTSequence=item(WindowCenter=[7, 9], WindowWidth=[20, 30], VOILUTFunction="SIGMOID"),
    )
    enhanced = header(
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence([Dataset(), second]),
    )
    first = seen(enhanced, frame=0)
    assert (first.window, first.function, first.hounsfield) == ((40, 400), "LINEAR", True)
    assert first.values == pytest.approx(STORED - 1024.0)
    other = seen(enhanced, frame=1)
    assert (other.window, other.function, other.hounsfield) == ((7, 20), "SIGMOID", False)
    assert other.values == pytest.approx(STORED * 2 + 5.0)
    assert seen(enhanced, frame=9).window == (40, 400)


def test_a_frame_out_of_many() -> None:
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4, 1)
    assert view(header(), Image(pixels, 8), 1).values.tolist() == pixels[1, ..., 0].tolist()
    assert view(header(), Image(pixels[1:], 8), 1).values.tolist() == pixels[1, ..., 0].tolist()


@pytest.mark.parametrize(
    ("centre", "width", "function", "window"),
    [
        (10, 20, None, (10, 20)),
        ([10, 30], [20, 40], None, (10, 20)),
        ([10, 30], [0, 40], None, (30, 40)),
        (10, 0.5, "LINEAR_EXACT", (10, 0.5)),
        (10, 0.5, None, None),
        (10, 0, None, None),
        (10, -20, None, None),
        (0, 1, None, None),
        (4000, 100, None, None),
        (-4000, 100, None, None),
        (None, None, None, None),
        ([], [], None, None),
        (10, 20, "WHATEVER", (10, 20)),
    ],
)
def test_windows(centre: Any, width: Any, function: str | None, window: tuple[float, float] | None) -> None:
    dataset = header(WindowCenter=centre, WindowWidth=width)
    dataset.VOILUTFunction = function
    found = seen(dataset)
    assert found.window == window
    shown = found.shown()
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert np.ptp(shown) > 0


def test_a_window_in_hounsfield_units_stays_even_where_all_is_air() -> None:
    dataset = header(Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=80)
    air = seen(dataset)
    assert not air.shown().any()
    assert air.window == (40, 80)


def test_monochrome1() -> None:
    dataset = header(PhotometricInterpretation="MONOCHROME1", WindowCenter=24, WindowWidth=40)
    shown = seen(dataset).shown()
    assert seen(dataset).inverted
    assert (shown[0, 0], shown[-1, -1]) == (1, 0)


@pytest.mark.parametrize(
    ("padding", "limit", "count"), [(-8, None, 1), (0xFFF8, None, 1), (-8, -5, 4), (-5, -8, 4), ([1, 2], None, 0)]
)
def test_padding_is_no_image(padding: Any, limit: int | None, count: int) -> None:
    dataset = header(RescaleSlope=3, RescaleIntercept=100)
    dataset.add_new(0x00280120, "US" if padding == 0xFFF8 else "SS", padding)
    if limit is not None:
        dataset.add_new(0x00280121, "SS", limit)
    found = seen(dataset)
    padded = np.zeros((8, 8), np.bool_) if found.valid is None else ~found.valid
    assert padded.sum() == count
    assert not found.shown()[padded].any()


def lookup(first: int, entries: list[int], bits: int, *, as_bytes: bool) -> Dataset:
    one = Dataset()
    one.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
    if as_bytes:
        one.add_new(0x00283006, "OW", np.array(entries, "<u2").tobytes())
    else:
        one.add_new(0x00283006, "US", entries)
    return one


@pytest.mark.parametrize("as_bytes", [True, False])
def test_look_up_tables(as_bytes: bool) -> None:
    entries = [1000 + 10 * number for number in range(30)]
    dataset = header(PixelRepresentation=1)
    dataset.ModalityLUTSequence = Sequence([lookup(-4, entries, 16, as_bytes=as_bytes)])
    dataset.VOILUTSequence = Sequence([lookup(1100, [0, 1, 2, 1023], 10, as_bytes=as_bytes)])
    found = seen(dataset)
    assert found.values.ravel()[[0, 4, 5, -1]].tolist() == [1000, 1000, 1010, 1290]
    shown = found.shown()
    assert shown.ravel()[[0, 13, 14, 15, -1]] == pytest.approx([0, 0, 0, 1, 1])
    assert found.table is not None
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    theirs = apply_voi_lut(apply_modality_lut(STORED, dataset), dataset)
    assert shown == pytest.approx(theirs / 1023, abs=1e-6)


def test_colour_is_luminance() -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)
    rgb = seen(header(PhotometricInterpretation="RGB", WindowCenter=1, WindowWidth=2), pixels, 8)
    assert rgb.shown() == pytest.approx(np.array([[0.299, 0.587]]), abs=1e-6)
    ybr = seen(header(PhotometricInterpretation="YBR_FULL"), pixels, 8)
    assert ybr.shown().tolist() == [[1, 0]]


def test_a_transform_that_the_codec_undid_left_rgb() -> None:
    dataset, image = opened("examples_ybr_color", 2)
    mine = view(dataset, image, 2)
    assert mine.values == pytest.approx(image.pixels[0] @ np.array([0.299, 0.587, 0.114]), abs=1e-3)


def test_a_palette_as_pydicom_has_it() -> None:
    dataset, image = opened("examples_palette")
    colours = apply_color_lut(image.pixels[0, ..., 0], dataset)[..., :3].astype(np.float64)
    full = 255 if colours.max() < 256 else 65535
    grey = colours @ np.array([0.299, 0.587, 0.114]) * 255 / full
    assert view(dataset, image).values == pytest.approx(grey, abs=0.01)


@pytest.mark.parametrize(
    "attributes",
    [
        {"RescaleSlope": 1e300, "RescaleIntercept": 0},
        {"RescaleSlope": 1e-300, "RescaleIntercept": 0},
        {"RescaleSlope": 1, "RescaleIntercept": -1e300},
        {"RescaleSlope": 0, "RescaleIntercept": 3},
        {"ModalityLUTSequence": Sequence([Dataset()])},
        {"VOILUTSequence": Sequence([Dataset()])},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"PhotometricInterpretation": None},
        {"PerFrameFunctionalGroupsSequence": Sequence([Dataset()]), "SharedFunctionalGroupsSequence": Sequence([])},
        {"PixelPaddingValue": ""},
    ],
)
def test_odd_headers_count_as_saying_nothing(attributes: dict[str, Any]) -> None:
    found = seen(header(**attributes))
    assert found.values == pytest.approx(STORED)
    assert found.shown().max() == 1


def test_broken_numbers_in_a_file_count_as_saying_nothing() -> None:
    raw = Dataset()
    raw.add_new(0x00281050, "LO", "forty")
    raw.add_new(0x00281051, "LO", "1\\wide")
    raw.add_new(0x00281053, "LO", "steep")
    out = io.BytesIO()
    pydicom.dcmwrite(out, raw, implicit_vr=True, little_endian=True)
    dataset = pydicom.dcmread(io.BytesIO(out.getvalue()), force=True)
    found = seen(dataset)
    assert found.window is None
    assert found.values == pytest.approx(STORED)


def test_no_shipped_image_stops_it() -> None:
    looked_at = 0
    for path in sorted(SHIPPED.glob("*.dcm")):
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                image = file_frame(stream, 0)
            except MedarchiveError:
                continue
            found = view(pydicom.dcmread(path, stop_before_pixels=True, force=True), image)
        shown = found.shown()
        assert shown.shape == image.pixels.shape[1:3]
        assert np.isfinite(shown).all()
        assert np.isfinite(found.values).all()
        looked_at += 1
    assert looked_at > 50


def test_evidence() -> None:
    assert evidence(header(Modality="ct ", BodyPartExamined="Chest")) == evidence(
        header(Modality="CT", BodyPartExamined="CHEST")
    )
    region = header(AnatomicRegionSequence=Sequence([item(CodeMeaning="Brain")]))
    assert evidence(region).body_part == "BRAIN"
    assert (evidence(Dataset()).modality, evidence(Dataset()).body_part) == ("", "")
