"""The heat map is a picture of its own in the same study, and says what it was made of."""

import datetime as dt
import io
import sys
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, MRImageStorage

from contracts.objects import ct
from contracts.our_reports import READER
from medarchive.dicom.heat import heat_capture
from medarchive.dicom.ours import is_ours
from medarchive.dicom.report import ReportedFinding, report
from medarchive.errors import SettingsError, UnsupportedImage
from medarchive.view import View

NOW = dt.datetime(2026, 1, 2, 3, 4, 5)
GREY = View(np.full((5, 7), 128, np.float32), (127.5, 255))


def finding(**changes: Any) -> ReportedFinding:
    return ReportedFinding(READER, algorithm="brain", version="3", anatomy="brain", **changes)


def captured(heat: np.ndarray[Any, Any], frame: int | None = None, **attributes: object) -> Dataset:
    source = pydicom.dcmread(io.BytesIO(ct(**attributes)))  # type: ignore[arg-type]
    made = heat_capture(source, GREY, heat.astype(np.float32), finding(frame=frame), number=901, now=NOW)
    return pydicom.dcmread(io.BytesIO(made))


def test_cold_places_are_the_picture_and_hot_ones_red() -> None:
    heat = np.zeros((5, 7))
    heat[1, 2], heat[3, 4] = 1, np.nan
    ds = captured(heat)
    pixels = ds.pixel_array
    assert pixels.shape == (5, 7, 3)
    assert pixels[0, 0].tolist() == [128, 128, 128]
    assert pixels[3, 4].tolist() == [128, 128, 128]
    red, green, blue = pixels[1, 2].tolist()
    assert red > 200
    assert green == blue < 60


def test_it_belongs_to_its_source() -> None:
    ds = captured(np.zeros((5, 7)), StudyDescription="Kopf", LossyImageCompression="01", BurnedInAnnotation="YES")
    assert (ds.StudyInstanceUID, ds.PatientID, ds.StudyDescription) == ("1.2.3.1", "P1", "Kopf")
    assert ds.SeriesInstanceUID != "1.2.3.1.1"
    assert (ds.LossyImageCompression, ds.BurnedInAnnotation) == ("01", "YES")
    assert list(ds.ImageType) == ["DERIVED", "SECONDARY"]
    assert "brain 3" in ds.DerivationDescription
    assert "investigational" in ds.DerivationDescription
    assert ds.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.1.1.1"
    assert ds.ContentDate == "20260102"


def test_it_is_the_same_each_time_and_ours() -> None:
    heat = np.linspace(0, 1, 35).reshape(5, 7)
    assert captured(heat).SOPInstanceUID == captured(1 - heat).SOPInstanceUID
    ds = captured(heat)
    assert is_ours(ds)
    ds.SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.9"
    assert not is_ours(ds)


@pytest.mark.parametrize(
    ("sop_class", "frames", "cited"),
    [(EnhancedCTImageStorage, 4, 3), (CTImageStorage, 4, None), (EnhancedCTImageStorage, 1, None)],
)
def test_frames_are_named_where_the_class_has_any(sop_class: str, frames: int, cited: int | None) -> None:
    ds = captured(np.zeros((5, 7)), 2, SOPClassUID=sop_class, NumberOfFrames=frames)
    assert ds.SourceImageSequence[0].get("ReferencedFrameNumber") == cited
    assert is_ours(ds)


def test_another_shape_is_refused() -> None:
    with pytest.raises(UnsupportedImage, match=r"\(256, 256\)"):
        captured(np.zeros((256, 256)))


def test_a_report_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highdicom.sr", None)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    source = pydicom.dcmread(io.BytesIO(ct(SOPClassUID=MRImageStorage)))
    with pytest.raises(SettingsError, match=r"pip install 'medarchive\[insight\]'"):
        report(source, finding(), number=1, now=NOW)
