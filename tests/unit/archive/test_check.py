"""Each class of fault is seeded, and check reports exactly it."""

import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.archive.blobs import BlobId
from medarchive.errors import BlobCorrupt, BlobMissing
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
