"""Derived slices are coded together like others, within the bound that made them, and their pixels do not change."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from contracts.differences import NAME, register
from contracts.objects import ct
from contracts.policies import NEAR, apply, fill, settings_of, work
from medarchive.archive.archive import Archive
from medarchive.archive.recompress import all_series

SERIES = "1.2.3.1.7"
KEEP = replace(NEAR, keep_original=True)


def volume(count: int = 6) -> dict[str, bytes]:
    """Slices that differ from their neighbours by little noise, by UID."""
    common = np.random.default_rng(0).integers(100, 3900, (64, 64))
    found = {}
    for number in range(1, count + 1):
        pixels = common + np.random.default_rng(number).integers(-8, 9, (64, 64))
        place: dict[str, Any] = {"ImagePositionPatient": [0, 0, number], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        found[f"{SERIES}.{number}"] = ct(
            number, series=SERIES, size=64, PixelData=pixels.astype("<u2").tobytes(), **place
        )
    return found


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    register(monkeypatch)
    settings = settings_of(tmp_path, KEEP, codecs=(NAME, "zstd-planes"), undelete=0)
    with Archive.open(settings) as archive:
        fill(archive, volume())
        archive.collect()
        yield archive


def derived(archive: Archive) -> list[str]:
    return [archive.derivations(uid)[0].derived_uid for uid in volume()]


def files(archive: Archive) -> list[bytes]:
    return [archive.load(uid).read() for uid in derived(archive)]


def test_they_share_a_container_and_take_less(archive: Archive) -> None:
    (expected,) = archive.policy().all()
    apply(archive)
    records = [archive.instance(uid) for uid in derived(archive)]
    assert len({record.container for record in records}) == 1
    assert {(record.state, record.codec, record.max_error, record.entry_frames) for record in records} == {
        ("kept", NAME, 2, 6)
    }
    assert expected.bytes_derived is not None
    kept = sum(record.stored_bytes for record in records)
    assert kept < expected.bytes_now
    assert 0.7 * expected.bytes_derived < kept <= expected.bytes_derived
    for (uid, original), file in zip(volume().items(), files(archive), strict=True):
        old, new = (pydicom.dcmread(io.BytesIO(data)).pixel_array.astype(int) for data in (original, file))
        assert 1 <= np.abs(new - old).max() <= 2, uid
    assert list(archive.check(read_data=True)) == []


def test_coded_again_or_without_one_that_was_purged_they_stay_as_they_are(archive: Archive) -> None:
    apply(archive)
    before, uids = files(archive), derived(archive)
    with Archive.open(replace(archive.settings, codecs=("zstd-planes",), undo=0)) as other:
        recompression = other.recompression(codecs=["zstd-planes"], effort=9)
        for series in all_series(other.catalog):
            recompression.queue(series)
        work(other)
        assert [other.load(uid).read() for uid in uids] == before
    archive.delete(uids[2])
    archive.collect()
    work(archive)
    left = [uid for uid in uids if uid != uids[2]]
    assert {archive.instance(uid).entry_frames for uid in left} == {5}
    assert [archive.load(uid).read() for uid in left] == [*before[:2], *before[3:]]
    assert list(archive.check(read_data=True)) == []


def test_two_bounds_do_not_mix(archive: Archive) -> None:
    apply(archive)
    with Archive.open(replace(archive.settings, policy=(replace(KEEP, max_error=5),))) as other:
        apply(other)
        bounds = {
            (row["container"], row["max_error"])
            for row in other.catalog.read("SELECT DISTINCT container, max_error FROM instance")
        }
        assert sorted(bound for _, bound in bounds) == [0, 2, 5]
        assert len({container for container, _ in bounds}) == 3
        assert list(other.check(read_data=True)) == []
