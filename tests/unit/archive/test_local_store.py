import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from contracts.blob_store_suite import BlobStoreSuite
from medarchive.archive.blobs import BlobId, BlobStore
from medarchive.archive.disk import Disk
from medarchive.archive.local import LocalStore
from medarchive.archive.staging import Staging
from medarchive.errors import ArchiveBusy


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    staging = Staging(tmp_path / "incoming")
    yield staging
    staging.close()


class TestLocalStore(BlobStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path, staging: Staging) -> BlobStore:
        self.root = tmp_path / "blobs"
        store = LocalStore(self.root, staging, Disk())
        store.prepare()
        return store

    def flip(self, store: BlobStore, blob: BlobId, position: int) -> None:
        path = self.root / blob[:2] / blob
        data = bytearray(path.read_bytes())
        data[position] ^= 0x40
        path.write_bytes(data)

    def test_other_files_are_no_blobs(self, store: BlobStore) -> None:
        (self.root / "ab" / "README").write_text("left by a person")
        (self.root / "notes.txt").write_text("as well")
        assert list(store) == []

    def test_nothing_is_left_in_staging(self, store: BlobStore, staging: Staging) -> None:
        store.put(io.BytesIO(b"content"))
        assert list(staging.folder().iterdir()) == []


class FullDisk(Disk):
    def create(self, path: Path) -> BinaryIO:
        file = super().create(path)
        file.write(b"half")
        file.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path, staging: Staging) -> None:
    store = LocalStore(tmp_path / "blobs", staging, FullDisk())
    store.prepare()
    with pytest.raises(ArchiveBusy, match="No space left"):
        store.put(io.BytesIO(b"content"))
    assert list(store) == []
    assert list(staging.folder().iterdir()) == []
