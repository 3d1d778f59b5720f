"""A rule may name a quality: the lossy codec's. What the usual profile says of it is kept, and refuses nothing."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from contracts.clock import stop_deriving_clock
from contracts.objects import ct
from contracts.policies import HU, KO, apply, fill, referring, scanned, settings_of
from medarchive.archive.archive import Archive
from medarchive.archive.instances import everything
from medarchive.codecs import lossy
from medarchive.codecs.container import Container
from medarchive.codecs.fidelity import Verdict, judge, profile
from medarchive.dicom.source import open_source
from medarchive.policy import Rule

COARSE = Rule("quality", quality=20, keep_original=True)
FINE = replace(COARSE, quality=85.5)
UID = "1.5.1"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """An archive whose rule asks for a coarse quality."""
    stop_deriving_clock(monkeypatch)
    with Archive.open(settings_of(tmp_path, COARSE)) as archive:
        yield archive


def under(archive: Archive, rule: Rule) -> Archive:
    """The same archive under another rule."""
    return Archive.open(replace(archive.settings, policy=(rule,)))


def made_of(archive: Archive, uid: str = UID) -> tuple[pydicom.Dataset, dict[str, Any]]:
    """What was derived from an instance, and what was measured."""
    (link,) = archive.derivations(uid)
    return pydicom.dcmread(archive.load(link.derived_uid)), json.loads(link.report)


def test_what_the_codec_makes_at_that_quality_is_derived_whatever_the_profile_says(archive: Archive) -> None:
    original = scanned(**HU, BodyPartExamined="CHEST")
    fill(archive, [original])
    (prospect,) = archive.policy().all()
    assert (prospect.outcome, prospect.what, prospect.missed) == ("derive", "quality 20", "ct-chest")
    assert apply(archive) == 1
    source = open_source(io.BytesIO(original))
    (entry,) = Container.of(lossy.encode(source.image, quality=20, effort=1)).entries
    ds, report = made_of(archive)
    decoded = Container.of(lossy.encode(source.image, quality=20, effort=1)).frames(0, 0, 1)
    assert np.array_equal(ds.pixel_array, decoded.pixels[0, :, :, 0])
    worst = int(np.abs(ds.pixel_array.astype(int) - source.image.pixels[0, :, :, 0]).max())
    assert report["max_error"] == report["limit"] == json.loads(entry.report)["max_error"] == worst > 20
    said = judge(source.image, decoded, profile("ct-chest"), rescale=source.subject.rescale)
    assert not said.passed
    assert Verdict.unpacked(json.dumps(report["verdict"]).encode()).packed() == said.packed()
    record = archive.instance(str(ds.SOPInstanceUID))
    assert record.stored_bytes == prospect.bytes_derived
    assert record.codec == "autoencoder"
    assert list(archive.check(read_data=True)) == []


def test_the_derived_object_says_what_was_done(archive: Archive) -> None:
    fill(archive, [scanned(**HU, BodyPartExamined="CHEST")])
    apply(archive)
    ds, report = made_of(archive)
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "MEDARCHIVE_LOSSY")
    assert ds.ImageType[0] == "DERIVED"
    assert ds.SeriesDescription.endswith("[quality 20]")
    assert ds.SourceImageSequence[0].ReferencedSOPInstanceUID == UID
    text = f"Lossy compression, quality 20: no pixel is off by more than {report['max_error']} stored units, "
    assert ds.DerivationDescription.startswith(text + "fidelity profile ct-chest is not reached; ratio ")


def test_a_fine_quality_reaches_the_profile_and_a_coarser_one_is_farther_off(archive: Archive) -> None:
    fill(archive, [scanned(**HU, BodyPartExamined="CHEST")])
    errors = []
    for quality in (85.5, 60.25):
        with under(archive, replace(FINE, quality=quality)) as other:
            (prospect,) = other.policy().all()
            assert apply(other) == 1
            link = next(each for each in other.derivations(UID) if each.what == f"quality {quality}")
            report = json.loads(link.report)
            errors.append(report["max_error"])
            if quality == FINE.quality:
                assert (report["verdict"]["passed"], prospect.missed) == (True, "")
                ds = pydicom.dcmread(other.load(link.derived_uid))
                assert "fidelity profile ct-chest is reached" in ds.DerivationDescription
    assert 0 < errors[0] < errors[1]


def test_where_there_is_no_profile_only_the_numbers_are_kept(archive: Archive) -> None:
    fill(archive, [scanned(Modality="OT")])
    apply(archive)
    ds, report = made_of(archive)
    assert set(report) == {"limit", "max_error", "changed", "values"}
    assert "no fidelity profile is for it" in ds.DerivationDescription


def test_the_same_quality_again_makes_nothing_and_another_one_does(archive: Archive) -> None:
    fill(archive, [scanned(**HU)])
    assert (apply(archive), apply(archive)) == (1, 0)
    with under(archive, replace(COARSE, quality=20.0)) as other:
        assert apply(other) == 0
    with under(archive, FINE) as other:
        assert apply(other) == 1
    assert len({link.derived_uid for link in archive.derivations(UID)}) == 2


def test_originals_go_and_come_back(archive: Archive) -> None:
    objects = {f"1.5.{number}": scanned(number, **HU) for number in (1, 2)}
    with under(archive, replace(COARSE, keep_original=False)) as other:
        fill(other, objects)
        assert apply(other) == 2
        assert (other.stats().instances, other.stats().deleted) == (2, 2)
        assert all(
            pydicom.dcmread(other.load(record.uid)).ImageType[0] == "DERIVED"
            for record in everything(other.catalog)
            if record.uid not in objects
        )
        assert other.recall("1.5") == 2
        for uid, data in objects.items():
            assert other.load(uid).read() == data
        assert other.stats().instances == 2


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ([scanned(Modality="MG")], "modality MG is never stored with loss"),
        ([scanned(LossyImageCompression="01")], "the pixels were compressed with loss before (0028,2110)"),
        ([scanned(BurnedInAnnotation="YES")], "annotation is burned into its pixels (0028,0301)"),
        ([scanned(), referring(UID, sop_class=KO, own="1.2.9")], "KO 1.2.9 refers to it"),
    ],
)
def test_what_may_not_lose_keeps_everything(archive: Archive, objects: list[bytes], reason: str) -> None:
    fill(archive, objects)
    prospect = next(each for each in archive.policy().all(["1.5"]))
    assert (prospect.outcome, prospect.refusals[0].reason) == ("refused", reason)
    assert apply(archive) == 0


def test_where_nothing_is_saved_it_stays(archive: Archive) -> None:
    flat = ct(1, series="1.5", size=64, PixelData=np.full((64, 64), 7, "<u2").tobytes())
    fill(archive, [flat])
    (prospect,) = archive.policy().all()
    assert prospect.outcome == "refused"
    assert "without loss" in prospect.refusals[0].reason
