"""Slices of a series share a container in closed groups: packed, read, deleted, purged, rewritten."""

import io
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.differences import NAME, Differences, register
from contracts.objects import ct
from contracts.volumes import SERIES, slice_of, volume
from medarchive.archive.archive import Archive
from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.instances import everything
from medarchive.errors import NotFound
from medarchive.image import Image
from medarchive.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    register(monkeypatch)
    return Settings(
        archive=tmp_path / "archive", effort=1, grace=0, undelete=0, workers=2, quiet=0, codecs=(NAME, "zstd-planes")
    )


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    with Archive.open(settings) as archive:
        yield archive


def fill(archive: Archive, objects: dict[str, bytes]) -> None:
    for data in objects.values():
        archive.store(io.BytesIO(data))


def work(archive: Archive) -> None:
    """Do everything that can be done now, what follows from it too."""
    for _ in range(4):
        for done in archive.compress(wait_for_all=True):
            assert not done.error, done.error


def packed(archive: Archive, objects: dict[str, bytes]) -> list[InstanceRecord]:
    fill(archive, objects)
    work(archive)
    return [archive.instance(uid) for uid in objects]


def sound(archive: Archive, objects: dict[str, bytes]) -> None:
    """Everything comes back, nothing is wrong, and the shares of each container add up to it."""
    for uid, data in objects.items():
        assert archive.load(uid).read() == data
    assert list(archive.check(read_data=True)) == []
    held: Counter[tuple[str, int]] = Counter()
    members: Counter[tuple[str, int]] = Counter()
    for record in everything(archive.catalog):
        if record.container:
            held[record.container, record.series] += record.stored_bytes - archive.blobs.size(record.blob)
            members[record.container, record.series] += record.frames
    for container, series in held:
        record = next(one for one in everything(archive.catalog) if one.container == container)
        if members[container, series] == record.entry_frames:
            assert held[container, series] == archive.blobs.size(record.container or record.blob)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The streams that are decoded from now on."""
    streams: list[bytes] = []
    decode = Differences.decode

    def noted(self: Differences, data: bytes) -> Image:
        streams.append(data)
        return decode(self, data)

    monkeypatch.setattr(Differences, "decode", noted)
    return streams


def test_slices_are_packed_in_spatial_order_in_groups_as_even_as_can_be(archive: Archive) -> None:
    objects = volume(35)
    shuffled = list(objects.items())
    random.Random(3).shuffle(shuffled)
    fill(archive, dict(shuffled))
    work(archive)
    records = [archive.instance(uid) for uid in objects]
    assert {(record.state, record.form, record.codec) for record in records} == {("kept", "split", NAME)}
    assert [record.entry_frames for record in records] == [11] * 11 + [12] * 24
    assert [record.first_frame for record in records] == [*range(11), *range(12), *range(12)]
    assert len({record.container for record in records}) == 3
    assert archive.collect().blobs == 35 * 2  # the files, and the containers of one
    sound(archive, objects)
    assert archive.waiting() == 0


def test_a_group_is_smaller_or_is_not_kept(archive: Archive) -> None:
    fill(archive, volume(8))
    list(archive.compress(kinds=("compress",)))
    alone = list(everything(archive.catalog))
    assert {record.state for record in alone} == {"alone"}
    together = packed(archive, volume(8))
    assert sum(record.stored_bytes for record in together) < 0.5 * sum(record.stored_bytes for record in alone)
    rng = np.random.default_rng(5)
    noise = {
        f"1.9.{n}": ct(n, series="1.9", size=64, PixelData=rng.integers(0, 4096, (64, 64)).astype("<u2").tobytes())
        for n in range(1, 5)
    }
    apart = packed(archive, noise)
    assert {record.entry_frames for record in apart} <= {1}
    assert {record.state for record in apart} == {"kept"}
    sound(archive, noise | volume(8))


def test_slices_without_a_position_go_by_their_number(archive: Archive) -> None:
    objects = {f"{SERIES}.{n}": slice_of(n, position=False) for n in (3, 1, 10, 2)}
    packed(archive, objects)
    assert [archive.instance(f"{SERIES}.{n}").first_frame for n in (1, 2, 3, 10)] == [0, 1, 2, 3]


def test_only_slices_of_one_size_share_a_group(archive: Archive) -> None:
    objects = volume(4) | {f"{SERIES}.{n}": slice_of(n, size=16) for n in (5, 6, 7)}
    records = packed(archive, objects)
    assert [record.entry_frames for record in records] == [4] * 4 + [3] * 3
    sound(archive, objects)


def test_multi_frame_objects_and_files_that_cannot_be_split_stay_alone(archive: Archive) -> None:
    frames = np.frombuffer(b"".join(slice_of(n)[-1152:] for n in range(1, 21)), "<u2")
    many = ct(7, series=SERIES, size=24, PixelData=frames.tobytes(), NumberOfFrames="20")
    report = ct(8, series=SERIES, PixelData=b"")
    objects = volume(3) | {f"{SERIES}.7": many, f"{SERIES}.8": report}
    records = packed(archive, objects)
    assert [record.entry_frames for record in records[:4]] == [3, 3, 3, 20]
    assert records[3].codec == NAME
    assert records[4].form != "split"
    assert archive.frame(f"{SERIES}.7", 18).pixels.tobytes() == frames.reshape(20, -1)[18].tobytes()
    sound(archive, objects)


def test_a_frame_of_a_slice_is_its_own(archive: Archive) -> None:
    objects = volume(20)
    fill(archive, objects)
    before = {uid: archive.frame(uid) for uid in objects}
    work(archive)
    assert {uid: archive.frame(uid) for uid in objects} == before
    with pytest.raises(NotFound):
        archive.frame(f"{SERIES}.1", 1)


def test_whoever_reads_a_series_has_groups_decoded_side_by_side(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = volume(64)
    packed(archive, objects)
    together = threading.Barrier(2, timeout=30)
    decode = Differences.decode

    def met(self: Differences, data: bytes) -> Image:
        together.wait()
        return decode(self, data)

    monkeypatch.setattr(Differences, "decode", met)
    with Archive.open(archive.settings) as other:
        ahead = other.ahead(other.records(list(objects)))
        assert all(ahead.load(uid).read() == data for uid, data in objects.items())


def test_reading_a_series_decodes_each_stream_once(archive: Archive, decoded: list[bytes]) -> None:
    objects = volume(32)
    packed(archive, objects)
    decoded.clear()
    with Archive.open(archive.settings) as other:
        for uid, data in objects.items():
            assert other.load(uid).read() == data
    assert len(decoded) == 2


@pytest.mark.parametrize("step", [1, -1, 7])
def test_loading_ahead_decodes_each_stream_once(archive: Archive, decoded: list[bytes], step: int) -> None:
    objects = volume(48)
    packed(archive, objects)
    decoded.clear()
    uids = list(objects)
    asked = [uids[n * step % 48] for n in range(48)]
    with Archive.open(archive.settings) as other:
        ahead = other.ahead(other.records(asked))
        assert all(ahead.load(uid).read() == objects[uid] for uid in asked)
    assert len(decoded) == len(set(decoded)) == 3


def test_threads_that_want_slices_of_a_group_decode_it_once(archive: Archive, decoded: list[bytes]) -> None:
    objects = volume(16)
    packed(archive, objects)
    decoded.clear()
    with Archive.open(archive.settings) as other, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda uid: other.load(uid).read(), objects))
    assert found == list(objects.values())
    assert len(decoded) == 1


def test_a_file_that_was_fetched_stays_as_it_was_proven(archive: Archive, decoded: list[bytes]) -> None:
    objects = volume(16)
    packed(archive, objects)
    uid, data = next(iter(objects.items()))
    with archive.load(uid) as file:
        assert file.read() == data
        file.seek(0)
        file.write(b"changed")  # what is handed out may be written to
    decoded.clear()
    assert archive.load(uid).read() == data
    assert not decoded
    archive.delete(uid)
    with pytest.raises(NotFound):
        archive.load(uid)


def test_no_more_than_so_many_bytes_of_files_stay(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = volume(16)
    packed(archive, objects)
    recent = archive._files._recent
    size = len(next(iter(objects.values())))
    monkeypatch.setattr(recent, "_most", 4 * size)
    for uid, data in [*objects.items(), *objects.items()]:
        assert archive.load(uid).read() == data
        assert sum(map(len, recent._values.values())) == recent._costs <= 4 * size + 100
    assert 3 <= len(recent._values) <= 4


def test_loading_ahead_says_what_is_not_there(archive: Archive) -> None:
    objects = volume(16)
    (first, *others) = packed(archive, objects)
    ahead = archive.ahead(archive.records(["1.2.3", *objects]))
    with pytest.raises(NotFound):
        ahead.load("1.2.3")
    assert first.container is not None
    archive.delete(first.uid)
    with pytest.raises(NotFound):
        ahead.load(first.uid)
    assert ahead.load(others[0].uid).read() == objects[others[0].uid]


def test_what_is_handed_out_may_be_written_to(archive: Archive) -> None:
    objects = volume(4)
    packed(archive, objects)
    archive.frame(f"{SERIES}.2").pixels[:] = 0
    sound(archive, objects)


def test_late_slices_make_a_group_of_their_own(archive: Archive) -> None:
    first = packed(archive, volume(16))
    late = volume(20)
    packed(archive, late)
    assert [archive.instance(record.uid) for record in first] == first
    assert [archive.instance(f"{SERIES}.{n}").entry_frames for n in range(17, 21)] == [4] * 4
    sound(archive, late)


def test_a_series_is_packed_when_it_has_gone_quiet_and_not_before(settings: Settings) -> None:
    with Archive.open(replace(settings, quiet=3600)) as archive:
        fill(archive, volume(5))
        for done in archive.compress(wait_for_all=True):
            assert done.kind == "compress"
        assert {record.state for record in everything(archive.catalog)} == {"alone"}
        (job,) = archive.jobs()
        assert job.kind == "group"
        assert 3500 < job.run_after - time.time() <= 3600
        sound(archive, volume(5))
        assert [done.kind for done in archive.compress_together([SERIES])] == ["group", "pack"]
        assert {record.state for record in everything(archive.catalog)} == {"kept"}
        assert archive.waiting() == 0


def test_a_series_waits_for_what_is_not_compressed_yet(archive: Archive) -> None:
    fill(archive, volume(3))
    next(archive.compress(kinds=("compress",)))
    fill(archive, volume(4))
    assert [done.instances for done in archive.compress(kinds=("group",))] == [0]
    assert {job.kind for job in archive.jobs()} == {"compress", "group"}
    work(archive)
    assert [archive.instance(uid).entry_frames for uid in volume(4)] == [4] * 4


def test_without_a_codec_that_gains_nothing_waits(settings: Settings) -> None:
    with Archive.open(replace(settings, codecs=("zstd-planes",))) as archive:
        packed(archive, volume(3))
        assert {record.state for record in everything(archive.catalog)} == {"kept"}
        assert archive.waiting() == 0


def test_slices_that_waited_for_a_codec_that_is_gone_are_final(settings: Settings) -> None:
    with Archive.open(replace(settings, quiet=3600)) as archive:
        fill(archive, volume(3))
        list(archive.compress())
    with Archive.open(replace(settings, codecs=("zstd-planes",))) as archive:
        list(archive.compress_together([SERIES]))
        assert {record.state for record in everything(archive.catalog)} == {"kept"}
        assert archive.waiting() == 0


def test_a_codec_that_falls_over_costs_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Differences, data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Differences, "decode", broken)
    records = packed(archive, volume(5))
    assert {(record.state, record.codec) for record in records} == {("kept", "zstd-planes")}
    sound(archive, volume(5))


def test_what_the_store_made_of_a_group_is_proven(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that does not give every slice back is not swapped in, and the job says why."""
    fill(archive, volume(5))
    list(archive.compress(kinds=("compress",)))
    list(archive.compress(kinds=("group",)))
    put = archive.blobs.put
    monkeypatch.setattr(archive.blobs, "put", lambda stream: put(io.BytesIO(stream.read()[:-1])))
    (done,) = archive.compress()
    assert "cannot be decoded" in done.error
    assert {record.state for record in everything(archive.catalog)} == {"alone"}
    assert archive.load(f"{SERIES}.1").read() == volume(5)[f"{SERIES}.1"]


def test_a_slice_that_is_deleted_while_its_group_waits_is_left_out(archive: Archive) -> None:
    settings = replace(archive.settings, undelete=1000)
    with Archive.open(settings) as archive:
        fill(archive, volume(5))
        list(archive.compress(kinds=("compress",)))
        list(archive.compress(kinds=("group",)))
        archive.delete(f"{SERIES}.2")
        work(archive)
        assert [archive.instance(f"{SERIES}.{n}").entry_frames for n in (1, 3, 4, 5)] == [4] * 4
        archive.undelete(f"{SERIES}.2")
        work(archive)
        assert archive.instance(f"{SERIES}.2").state == "kept"
        sound(archive, volume(5))


def test_a_slice_that_is_deleted_while_its_group_is_encoded_is_left_out(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(archive, volume(5))
    list(archive.compress(kinds=("compress",)))
    list(archive.compress(kinds=("group",)))
    put = archive.blobs.put

    def late(stream: io.BufferedReader) -> object:
        monkeypatch.setattr(archive.blobs, "put", put)
        archive.delete(f"{SERIES}.2")
        return put(stream)

    monkeypatch.setattr(archive.blobs, "put", late)
    work(archive)
    assert [archive.instance(f"{SERIES}.{n}").entry_frames for n in (1, 3, 4, 5)] == [4] * 4
    archive.collect()
    sound(archive, {uid: data for uid, data in volume(5).items() if uid != f"{SERIES}.2"})


def without(objects: dict[str, bytes], *numbers: int) -> dict[str, bytes]:
    return {uid: data for uid, data in objects.items() if int(uid.rpartition(".")[2]) not in numbers}


def test_deleting_a_slice_hides_it_and_undeleting_brings_it_back(settings: Settings) -> None:
    with Archive.open(replace(settings, undelete=1000)) as archive:
        before = packed(archive, volume(5))
        archive.delete(f"{SERIES}.3")
        archive.collect()
        work(archive)
        with pytest.raises(NotFound):
            archive.load(f"{SERIES}.3")
        sound(archive, without(volume(5), 3))
        archive.undelete(f"{SERIES}.3")
        work(archive)
        assert [archive.instance(record.uid) for record in before] == before
        sound(archive, volume(5))


def test_purging_a_slice_writes_its_group_again_without_it(archive: Archive) -> None:
    before = packed(archive, volume(6))
    gone = archive.instance(f"{SERIES}.3")
    assert gone.container is not None
    archive.delete(gone.uid)
    assert archive.collect().purged == 1
    left = without(volume(6), 3)
    for uid, data in left.items():
        assert archive.load(uid).read() == data, "until it is written again, the old container serves"
    assert gone.blob not in archive.blobs
    assert gone.container in archive.blobs
    assert [job.kind for job in archive.jobs()] == ["regroup"]
    work(archive)
    archive.collect()
    assert gone.container not in archive.blobs
    assert [archive.instance(uid).first_frame for uid in left] == [0, 1, 2, 3, 4]
    assert {archive.instance(uid).entry_frames for uid in left} == {5}
    assert [archive.instance(uid).blob for uid in left] == [one.blob for one in before if one.uid != gone.uid]
    assert archive.waiting() == 0
    sound(archive, left)


def test_purging_again_while_a_group_is_written_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(archive, volume(6))
    archive.delete(f"{SERIES}.3")
    archive.collect()
    put = archive.blobs.put

    def late(stream: io.BufferedReader) -> object:
        monkeypatch.setattr(archive.blobs, "put", put)
        archive.delete(f"{SERIES}.5")
        archive.collect()
        return put(stream)

    monkeypatch.setattr(archive.blobs, "put", late)
    work(archive)
    archive.collect()
    assert {record.entry_frames for record in everything(archive.catalog)} == {4}
    sound(archive, without(volume(6), 3, 5))


def test_a_deleted_slice_whose_group_is_written_again_can_still_be_brought_back(settings: Settings) -> None:
    with Archive.open(replace(settings, undelete=1000)) as archive:
        packed(archive, volume(5))
        archive.delete(f"{SERIES}.2")
    with Archive.open(settings) as archive:
        archive.catalog.write(
            lambda transaction: transaction.execute("UPDATE instance SET hidden_at = 1 WHERE hidden_at IS NOT NULL")
        )
    with Archive.open(replace(settings, undelete=1000)) as archive:
        archive.delete(f"{SERIES}.4")
        assert archive.collect().purged == 1
        work(archive)
        archive.undelete(f"{SERIES}.4")
        work(archive)
        archive.collect()
        assert {record.entry_frames for record in everything(archive.catalog)} == {4}
        sound(archive, without(volume(5), 2))


def test_a_group_of_which_only_deleted_slices_are_left_waits_for_their_return(settings: Settings) -> None:
    with Archive.open(replace(settings, undelete=1000)) as archive:
        packed(archive, volume(3))
        for number in (1, 2, 3):
            archive.delete(f"{SERIES}.{number}")
        archive.catalog.write(
            lambda transaction: transaction.execute("UPDATE instance SET hidden_at = 1 WHERE SOPInstanceUID LIKE '%.1'")
        )
        archive.collect()
        assert archive.waiting() == 0
        archive.undelete(f"{SERIES}.2")
        work(archive)
        assert archive.instance(f"{SERIES}.2").entry_frames == 2
        archive.undelete(f"{SERIES}.3")
        work(archive)
        archive.collect()
        sound(archive, without(volume(3), 1))


def test_purging_a_whole_series_leaves_nothing(archive: Archive) -> None:
    packed(archive, volume(20))
    for uid in volume(20):
        archive.delete(uid)
    assert archive.collect().purged == 20
    assert list(archive.blobs) == []
    work(archive)
    assert archive.waiting() == 0
    assert list(archive.check(read_data=True)) == []


def test_a_group_is_written_again_though_its_codec_is_gone_from_the_settings(settings: Settings) -> None:
    with Archive.open(settings) as archive:
        packed(archive, volume(4))
        archive.delete(f"{SERIES}.1")
        archive.collect()
    with Archive.open(replace(settings, codecs=("zstd-planes",))) as archive:
        work(archive)
        archive.collect()
        assert {record.codec for record in everything(archive.catalog)} == {"zstd-planes"}
        sound(archive, without(volume(4), 1))


def test_series_of_the_same_pixels_share_a_container_and_do_not_lose_it(archive: Archive) -> None:
    one, other = volume(5), volume(5, series="1.2.3.1.8")
    records = packed(archive, one | other)
    assert len({record.container for record in records}) == 1
    archive.delete(f"{SERIES}.3")
    archive.collect()
    work(archive)
    assert archive.instance(f"{SERIES}.2").container == records[0].container, "no frame of it is nobody's"
    archive.delete("1.2.3.1.8.3")
    archive.collect()
    work(archive)
    archive.collect()
    left = {uid: data for uid, data in (one | other).items() if not uid.endswith(".3")}
    assert {archive.instance(uid).entry_frames for uid in left} == {4}
    assert records[0].container not in list(archive.blobs)
    sound(archive, left)
