"""What is stored is encoded again when a person asks, kept only where it is smaller, and can be undone."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.differences import NAME, register
from contracts.objects import SHIPPED, ct
from contracts.volumes import SERIES, volume
from medarchive.archive.archive import Archive
from medarchive.archive.instances import everything
from medarchive.archive.recompress import all_series
from medarchive.errors import BlobCorrupt, NotFound, UnknownCodec
from medarchive.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    register(monkeypatch)
    return Settings(
        archive=tmp_path / "archive", effort=1, grace=0, undelete=0, workers=2, quiet=0, codecs=("zstd-planes",)
    )


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    """An archive of slices that were compressed one by one, with a setting that codes them together by now."""
    with Archive.open(settings) as archive:
        fill(archive, volume(20))
    with Archive.open(replace(settings, codecs=(NAME, "zstd-planes"))) as archive:
        yield archive


def fill(archive: Archive, objects: dict[str, bytes]) -> None:
    for data in objects.values():
        archive.store(io.BytesIO(data))
    list(archive.compress())
    archive.collect()


def again(archive: Archive, *, codecs: tuple[str, ...] = (), effort: int | None = None, run: bool = True) -> int:
    recompression = archive.recompression(codecs=codecs, effort=effort)
    queued = sum(recompression.queue(series) for series in all_series(archive.catalog))
    if run:
        work(archive)
    return queued


def work(archive: Archive) -> None:
    for _ in range(3):
        for done in archive.compress(wait_for_all=True):
            assert not done.error, done.error


def sound(archive: Archive, objects: dict[str, bytes]) -> None:
    for uid, data in objects.items():
        assert archive.load(uid).read() == data
    assert list(archive.check(read_data=True)) == []


def test_slices_go_into_groups_and_the_former_blobs_stay(archive: Archive) -> None:
    before = archive.stats()
    assert again(archive) == 20
    after = archive.stats()
    assert {record.entry_frames for record in everything(archive.catalog)} == {10}
    assert after.bytes_kept < 0.5 * before.bytes_kept
    assert archive.collect().blobs == 0, "it can be undone"
    assert after.bytes_stored > before.bytes_stored
    sound(archive, volume(20))


def test_what_was_tried_is_not_tried_again(archive: Archive) -> None:
    again(archive)
    assert again(archive) == 0
    assert again(archive, effort=2) == 20


def test_an_interruption_loses_nothing_and_the_next_call_goes_on(archive: Archive) -> None:
    assert again(archive, run=False) == 20
    assert len([*archive.compress(kinds=("compress",))]) == 0
    assert again(archive, run=False) == 20, "queued already, and once"
    assert [job.kind for job in archive.jobs()] == ["pack", "pack"]
    work(archive)
    assert again(archive, run=False) == 0
    sound(archive, volume(20))


def test_other_workers_do_it_as_it_was_asked_for(archive: Archive, settings: Settings) -> None:
    again(archive, run=False)
    with Archive.open(settings) as other:
        work(other)
        assert {record.codec for record in everything(other.catalog)} == {NAME}


def test_what_does_not_become_smaller_stays(archive: Archive, settings: Settings) -> None:
    again(archive)
    before = list(everything(archive.catalog))
    assert again(archive, codecs=("zstd-planes",)) == 20
    after = list(everything(archive.catalog))
    assert [replace(record, tried="") for record in after] == [replace(record, tried="") for record in before]
    assert archive.catalog.read("SELECT count(*) AS n FROM former WHERE codec = ?", (NAME,))[0]["n"] == 0


def test_an_unknown_codec_is_refused_and_one_that_does_not_take_an_image_leaves_it(archive: Archive) -> None:
    with pytest.raises(UnknownCodec):
        archive.recompression(codecs=["gif"])
    four = np.zeros((24, 24, 4), np.uint8)
    data = ct(30, series="1.5", size=24, PixelData=four.tobytes(), SamplesPerPixel=4, BitsAllocated=8, BitsStored=8)
    fill(archive, {"1.5.30": data})
    work(archive)
    assert again(archive, codecs=("jpegxl",), effort=3) == 21
    assert archive.instance("1.5.30").codec != "jpegxl"
    sound(archive, volume(20) | {"1.5.30": data})


@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_overlay.dcm", "test-SR.dcm", "JPEG-lossy.dcm"])
def test_whatever_is_stored_can_be_tried_again_and_undone(settings: Settings, name: str) -> None:
    data = (SHIPPED / name).read_bytes()
    with Archive.open(replace(settings, effort=1)) as archive:
        uid = archive.store(io.BytesIO(data)).uid
        work(archive)
        before = archive.instance(uid)
        assert again(archive, codecs=("jpegxl", "zstd-planes"), effort=9) == 1
        after = archive.instance(uid)
        assert after.stored_bytes <= before.stored_bytes
        sound(archive, {uid: data})
        if after.stored_bytes < before.stored_bytes:
            assert archive.undo(after.series_uid) == 1
            assert archive.instance(uid) == before
        sound(archive, {uid: data})


def test_undo_brings_everything_back_and_what_replaced_it_goes(archive: Archive) -> None:
    before = list(everything(archive.catalog))
    blobs = set(archive.blobs)
    again(archive)
    assert archive.undo(SERIES) == 20
    assert list(everything(archive.catalog)) == before
    archive.collect()
    assert set(archive.blobs) == blobs
    sound(archive, volume(20))
    with pytest.raises(NotFound, match="nothing to undo"):
        archive.undo(SERIES)
    assert again(archive) == 20, "it may be asked for again"


def test_undo_goes_back_step_by_step(archive: Archive) -> None:
    archive.catalog.write(lambda transaction: transaction.execute("UPDATE instance SET stored_bytes = 1000000"))
    first = list(everything(archive.catalog))
    again(archive, codecs=("jpegxl",))
    second = list(everything(archive.catalog))
    again(archive)
    archive.undo(SERIES)
    assert list(everything(archive.catalog)) == second
    archive.undo(SERIES)
    assert list(everything(archive.catalog)) == first
    archive.collect()
    sound(archive, volume(20))


def test_undo_forgets_what_is_still_queued(archive: Archive) -> None:
    again(archive, run=False)
    with pytest.raises(NotFound):
        archive.undo(SERIES)
    assert list(archive.jobs()) == []
    assert again(archive) == 20


def test_slices_that_wait_for_their_series_still_do_after_an_undo(archive: Archive) -> None:
    archive.settings = replace(archive.settings, quiet=3600)
    for data in volume(3, series="1.6").values():
        archive.store(io.BytesIO(data))
    list(archive.compress(kinds=("compress",)))
    assert archive.instance("1.6.2").state == "alone"
    again(archive, run=False)
    list(archive.compress(kinds=("group",)))
    with pytest.raises(NotFound):
        archive.undo("1.6")
    archive.settings = replace(archive.settings, quiet=0)
    list(archive.compress_together(["1.6"]))
    assert (archive.instance("1.6.2").state, archive.instance("1.6.2").entry_frames) == ("kept", 3)


def test_undo_ends_with_its_time(archive: Archive, settings: Settings) -> None:
    again(archive)
    with Archive.open(replace(settings, undo=0)) as short:
        assert short.collect().blobs == 20, "the containers of one"
        with pytest.raises(NotFound):
            short.undo(SERIES)
        assert short.stats().bytes_stored == short.stats().bytes_kept
        sound(short, volume(20))


def test_undo_does_not_go_where_nothing_comes_back(archive: Archive) -> None:
    old = archive.instance(f"{SERIES}.3").container
    assert old is not None
    again(archive)
    before = list(everything(archive.catalog))
    path = archive.settings.archive / "blobs" / old[:2] / old
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    with pytest.raises(BlobCorrupt, match=old):
        archive.undo(SERIES)
    assert list(everything(archive.catalog)) == before
    assert [(problem.kind, problem.subject) for problem in archive.check(read_data=True)] == [("corrupt", old)]


def test_what_was_purged_is_in_no_former_place_either(archive: Archive) -> None:
    again(archive)  # from containers of one into groups of ten
    gone = archive.instance(f"{SERIES}.3")
    again(archive, effort=9, codecs=("jpegxl", NAME, "zstd-planes"))
    archive.delete(gone.uid)
    archive.collect()
    work(archive)
    archive.collect()
    assert gone.container not in list(archive.blobs)
    left = {uid: data for uid, data in volume(20).items() if uid != gone.uid}
    sound(archive, left)
    archive.undo(SERIES)
    work(archive)
    archive.collect()
    sound(archive, left)


def test_leaving_a_group_one_by_one_leaves_no_frame_behind(archive: Archive) -> None:
    """From groups into containers of one again, where a codec without groups is smaller."""
    again(archive)
    wasteful = {record.container for record in everything(archive.catalog)}
    archive.catalog.write(lambda transaction: transaction.execute("UPDATE instance SET stored_bytes = 1000000"))
    assert again(archive, codecs=("jpegxl", "zstd-planes"), effort=3) == 20
    assert {record.entry_frames for record in everything(archive.catalog)} == {1}
    with Archive.open(replace(archive.settings, undo=0)) as short:
        short.collect()
        assert not wasteful & set(short.blobs)
        sound(short, volume(20))


def test_an_estimate_keeps_nothing_and_is_near(archive: Archive) -> None:
    (series,) = all_series(archive.catalog)
    blobs = set(archive.blobs)
    estimate = archive.recompression().estimate(series)
    assert estimate is not None
    assert (estimate.instances, estimate.sampled) == (20, 20)
    assert (set(archive.blobs), list(archive.jobs())) == (blobs, [])
    assert list(archive.incoming().iterdir()) == []
    again(archive)
    assert estimate.bytes_after == archive.stats().bytes_kept
    assert archive.recompression().estimate(series) is None


def test_an_estimate_of_a_long_series_encodes_a_sample(archive: Archive) -> None:
    (series,) = all_series(archive.catalog)
    estimate = archive.recompression(codecs=["zstd-planes"], effort=9).estimate(series)
    assert estimate is not None
    assert (estimate.instances, estimate.sampled) == (20, 8)
    assert estimate.bytes_after <= estimate.bytes_before


def test_an_instance_takes_its_group_along(archive: Archive) -> None:
    again(archive)
    (series,) = all_series(archive.catalog)
    third = archive.instance(f"{SERIES}.3").id
    assert archive.recompression(effort=3).queue(series, [third]) == 10
