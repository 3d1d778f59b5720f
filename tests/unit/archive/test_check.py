"""Each class of fault is seeded, and check reports exactly it."""

import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.differences import NAME, register
from contracts.objects import ct
from contracts.volumes import SERIES, volume
from medarchive.archive.archive import Archive
from medarchive.archive.blobs import BlobId
from medarchive.errors import BlobCorrupt, BlobMissing, MedarchiveError
from medarchive.settings import Settings

COUNT = 3


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(Settings(archive=tmp_path, effort=1, grace=0, workers=2)) as archive:
        for number in range(1, COUNT + 1):
            archive.store(io.BytesIO(ct(number)))
        list(archive.compress())
        archive.collect()
        archive.store(io.BytesIO(ct(COUNT + 1)))  # one that still waits
        assert list(archive.check(read_data=True)) == []
        yield archive


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """An archive of one closed group."""
    register(monkeypatch)
    settings = Settings(archive=tmp_path / "group", effort=1, grace=0, quiet=0, codecs=(NAME, "zstd-planes"))
    with Archive.open(settings) as archive:
        for data in volume(COUNT).values():
            archive.store(io.BytesIO(data))
        list(archive.compress())
        list(archive.compress_together([SERIES]))
        archive.collect()
        assert archive.instance(f"{SERIES}.1").entry_frames == COUNT
        assert list(archive.check(read_data=True)) == []
        yield archive


def path(archive: Archive, blob: BlobId) -> Path:
    return archive.settings.archive / "blobs" / blob[:2] / blob


def alter(archive: Archive, sql: str, *parameters: object) -> None:
    connection = sqlite3.connect(archive.settings.archive / "catalogue.sqlite")
    connection.execute("PRAGMA foreign_keys = OFF")
    assert connection.execute(sql, parameters).rowcount == 1
    connection.commit()
    connection.close()


def found(archive: Archive, *, read_data: bool = False) -> list[tuple[str, str]]:
    return [(problem.kind, problem.subject) for problem in archive.check(read_data=read_data)]


def test_orphan(archive: Archive) -> None:
    blob = archive.blobs.put(io.BytesIO(b"left by a crash between blob and catalogue"))
    assert found(archive) == found(archive, read_data=True) == [("orphan", blob)]
    assert archive.collect().orphans == 1
    assert found(archive) == []


def test_missing_blob(archive: Archive) -> None:
    record = archive.instance("1.2.3.1.1.1")
    path(archive, record.blob).unlink()
    assert found(archive) == found(archive, read_data=True) == [("missing", record.blob)]
    with pytest.raises(BlobMissing, match=record.blob):
        archive.load(record.uid)


def test_dangling_row(archive: Archive) -> None:
    record = archive.instance("1.2.3.1.1.1")
    alter(archive, "DELETE FROM blob WHERE id = ?", record.blob)
    assert found(archive) == found(archive, read_data=True) == [("dangling", record.uid)]


def test_dangling_row_with_no_blob_at_all(archive: Archive) -> None:
    record = archive.instance("1.2.3.1.1.1")
    alter(archive, "UPDATE instance SET container = ? WHERE id = ?", "0" * 64, record.id)
    assert found(archive) == found(archive, read_data=True) == [("dangling", record.uid)]


@pytest.mark.parametrize("number", [1, COUNT + 1], ids=["split", "raw"])
@pytest.mark.parametrize("which", ["blob", "container"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 0.999])
def test_any_flipped_byte_is_noticed_named_and_never_returned(
    archive: Archive, number: int, which: str, place: float
) -> None:
    record = archive.instance(f"1.2.3.1.1.{number}")
    blob = getattr(record, which) or record.blob
    data = bytearray(path(archive, blob).read_bytes())
    data[int(place * len(data))] ^= 0x01
    path(archive, blob).write_bytes(data)
    with pytest.raises(BlobCorrupt, match=blob):
        archive.load(record.uid)
    assert found(archive, read_data=True) == [("corrupt", blob)]


@pytest.mark.parametrize("which", ["blob", "container"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 0.999])
def test_any_flipped_byte_of_a_closed_group_is_noticed_named_and_never_returned(
    group: Archive, which: str, place: float
) -> None:
    blob = getattr(group.instance(f"{SERIES}.2"), which)
    data = bytearray(path(group, blob).read_bytes())
    data[int(place * len(data))] ^= 0x01
    path(group, blob).write_bytes(data)
    touched = [2] if which == "blob" else range(1, COUNT + 1)
    for number in touched:
        with pytest.raises(BlobCorrupt, match=blob):
            group.load(f"{SERIES}.{number}")
    assert found(group, read_data=True) == [("corrupt", blob)]


@pytest.mark.parametrize("form", ["raw", "split"])
def test_every_single_byte_of_every_blob(tmp_path: Path, form: str) -> None:
    """None is left out: whichever byte is another one, loading fails and names the blob, and so does check."""
    with Archive.open(Settings(archive=tmp_path, codecs=("zstd-planes",), workers=1)) as archive:
        uid = archive.store(io.BytesIO(ct(size=4))).uid
        if form == "split":
            list(archive.compress())
            archive.collect(grace=0)
        assert archive.instance(uid).form == form
        blobs = list(archive.blobs)
        assert len(blobs) == (2 if form == "split" else 1)
        for blob in blobs:
            good = path(archive, blob).read_bytes()
            for place in range(len(good)):
                bad = bytearray(good)
                bad[place] ^= 1 << place % 8
                path(archive, blob).write_bytes(bad)
                with pytest.raises(BlobCorrupt, match=blob):
                    archive.load(uid)
                assert found(archive, read_data=True) == [("corrupt", blob)], f"byte {place} of {len(good)}"
            path(archive, blob).write_bytes(good)
        assert found(archive, read_data=True) == []


def test_a_flipped_byte_never_reaches_a_frame_of_a_closed_group(group: Archive) -> None:
    container = group.instance(f"{SERIES}.2").container
    assert container is not None
    sound, original = group.frame(f"{SERIES}.2"), path(group, container).read_bytes()
    for position in range(0, len(original), 7):
        data = bytearray(original)
        data[position] ^= 0x10
        path(group, container).write_bytes(data)
        with Archive.open(group.settings) as other:
            try:
                assert other.frame(f"{SERIES}.2") == sound
            except MedarchiveError:
                continue


def test_a_wrong_first_frame(group: Archive) -> None:
    record = group.instance(f"{SERIES}.2")
    for wrong in (2, COUNT, 1 << 40):
        alter(group, "UPDATE instance SET first_frame = ? WHERE id = ?", wrong, record.id)
        assert found(group) == [], "only reading tells"
        assert found(group, read_data=True) == [("mismatch", record.uid)]
        with pytest.raises(BlobCorrupt, match=record.uid):
            group.load(record.uid)


def test_a_wrong_number_of_frames(group: Archive) -> None:
    record = group.instance(f"{SERIES}.1")
    for wrong in (0, 2):
        alter(group, "UPDATE instance SET frames = ? WHERE id = ?", wrong, record.id)
        assert found(group, read_data=True) == [("mismatch", record.uid)]


def test_a_missing_group_is_missed_once(group: Archive) -> None:
    container = group.instance(f"{SERIES}.1").container
    assert container is not None
    path(group, container).unlink()
    assert found(group) == found(group, read_data=True) == [("missing", container)]


def test_a_blob_of_another_size_is_noticed_without_reading_data(archive: Archive) -> None:
    blob = archive.instance("1.2.3.1.1.1").blob
    path(archive, blob).write_bytes(path(archive, blob).read_bytes()[:-1])
    assert found(archive) == [("corrupt", blob)]


def test_wrong_hash_in_the_catalogue(archive: Archive) -> None:
    record = archive.instance("1.2.3.1.1.1")
    alter(archive, "UPDATE instance SET sha256 = ? WHERE id = ?", "f" * 64, record.id)
    assert found(archive) == [], "only reading tells"
    assert found(archive, read_data=True) == [("mismatch", record.uid)]
    with pytest.raises(BlobCorrupt, match=record.uid):
        archive.load(record.uid)


def test_wrong_hash_in_a_containers_index(archive: Archive) -> None:
    """A container that is sound as a blob and whose index lies about its frame."""
    record = archive.instance("1.2.3.1.1.1")
    assert record.container is not None
    other = archive.instance("1.2.3.1.1.2").container
    assert other is not None
    alter(archive, "UPDATE instance SET container = ? WHERE id = ?", other, record.id)
    alter(archive, "UPDATE blob SET refs = refs + 1 WHERE id = ?", other)
    alter(archive, "UPDATE blob SET refs = refs - 1 WHERE id = ?", record.container)
    assert found(archive, read_data=True) == [("mismatch", record.uid)]


def test_a_reference_count_that_drifted(archive: Archive) -> None:
    blob = archive.instance("1.2.3.1.1.1").blob
    alter(archive, "UPDATE blob SET refs = 0, unreferenced_at = 0 WHERE id = ?", blob)
    assert found(archive) == [("references", blob)]
    archive.collect()
    assert blob in archive.blobs, "the collector counts again"
    assert found(archive, read_data=True) == []


@pytest.mark.parametrize("table", ["patient", "study", "series"])
def test_a_count_that_drifted(archive: Archive, table: str) -> None:
    alter(archive, f"UPDATE {table} SET instances = instances + 1")
    kinds = {kind for kind, _ in found(archive)}
    assert kinds == {"counts"}
