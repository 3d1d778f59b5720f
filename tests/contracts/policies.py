"""Rules, archives and objects for tests of the policy."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from contracts.objects import ct, part10
from medarchive.archive.archive import Archive
from medarchive.policy import Rule
from medarchive.settings import Settings

NEAR = Rule("near-lossless", modality=("CT",), max_error=2, keep_original=False, grace_days=0)
SERIES = "1.2.3.1.8"
HU: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}
SR, KO, PR = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("88.11", "88.59", "11.1"))
SEG, RTSTRUCT = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("66.4", "481.3"))


def settings_of(path: Path, *rules: Rule, **values: Any) -> Settings:
    values = {"codecs": ("zstd-planes",), "effort": 1, "workers": 1, "quiet": 0, "grace": 0, **values}
    return Settings(archive=path / "archive", policy=rules, **values)


def slices(count: int = 3, series: str = SERIES, **attributes: Any) -> dict[str, bytes]:
    """Noisy slices by UID, of which something can be saved."""
    found = {}
    for number in range(1, count + 1):
        pixels = np.random.default_rng(number).integers(0, 4096, (64, 64)).astype("<u2")
        found[f"{series}.{number}"] = ct(
            number,
            series=series,
            size=64,
            PixelData=pixels.tobytes(),
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            **attributes,
        )
    return found


def scanned(number: int = 1, **attributes: Any) -> bytes:
    """A disc of soft tissue in air, with the noise of a scanner."""
    size = 128
    y, x = np.mgrid[:size, :size] - size / 2
    hounsfield = np.where(np.hypot(x, y) < 50, 40 + 0.3 * x, -1000)
    noise = np.random.default_rng(number).normal(0, 12, (size, size))
    pixels = np.clip(hounsfield + noise + 1024, 0, 4095).astype("<u2")
    return ct(number, series="1.5", size=size, PixelData=pixels.tobytes(), **attributes)


def referring(uid: str, *, sop_class: str = KO, modality: str = "KO", own: str = "") -> bytes:
    """An object that refers to an instance, as a KO does: deep in its evidence (PS3.3 C.17.2)."""
    reference, series, study, ds = Dataset(), Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    series.SeriesInstanceUID, series.ReferencedSOPSequence = SERIES, [reference]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = "1.2.3.1", [series]
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop_class, own or generate_uid(), modality
    ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID = "P1", "1.2.3.1", "1.2.3.1.99"
    ds.CurrentRequestedProcedureEvidenceSequence = [study]
    return part10(ds)


def fill(archive: Archive, objects: Mapping[str, bytes] | list[bytes]) -> None:
    for data in objects.values() if isinstance(objects, Mapping) else objects:
        archive.store(io.BytesIO(data))
    work(archive)


def work(archive: Archive) -> None:
    """Do the jobs that may run now, and those that they ask for."""
    for _ in range(3):
        for done in archive.compress(wait_for_all=True):
            assert not done.error, done.error


def apply(archive: Archive, *, run: bool = True) -> int:
    """Ask for what the policy says; how many instances were to be derived."""
    policy = archive.policy()
    asked = sum(policy.ask(prospect) for prospect in policy.all())
    if run:
        work(archive)
    return asked
