"""What every BlobStore must do, whatever it is made of. A store's test module subclasses this and makes one."""

import hashlib
import io
import threading

import pytest

from medarchive.archive.blobs import CHUNK, BlobId, BlobStore
from medarchive.errors import BlobCorrupt, BlobMissing

CONTENTS = [b"", b"a", b"0123456789" * 1000, bytes(CHUNK), bytes(range(256)) * (CHUNK // 128 + 1)]


def name_of(content: bytes) -> BlobId:
    return BlobId(hashlib.sha256(content).hexdigest())


class BlobStoreSuite:
    @pytest.fixture
    def store(self) -> BlobStore:
        raise NotImplementedError

    def flip(self, store: BlobStore, blob: BlobId, position: int) -> None:
        """Change one byte of a stored blob behind the store's back."""
        raise NotImplementedError

    @pytest.mark.parametrize("content", CONTENTS, ids=len)
    def test_gives_back_what_was_put_under_its_hash(self, store: BlobStore, content: bytes) -> None:
        blob = store.put(io.BytesIO(content))
        assert blob == name_of(content)
        with store.open(blob) as stream:
            assert stream.read() == content
        assert store.size(blob) == len(content)
        assert blob in store

    @pytest.mark.parametrize("step", [1, 7, 4096])
    def test_reads_in_pieces_of_any_size(self, store: BlobStore, step: int) -> None:
        content = bytes(range(256)) * 40
        with store.open(store.put(io.BytesIO(content))) as stream:
            pieces = []
            while piece := stream.read(step):
                pieces.append(piece)
        assert b"".join(pieces) == content

    def test_puts_from_where_the_stream_stands(self, store: BlobStore) -> None:
        stream = io.BytesIO(b"skipped, kept")
        stream.seek(9)
        assert store.put(stream) == name_of(b"kept")

    def test_reads_a_part(self, store: BlobStore) -> None:
        blob = store.put(io.BytesIO(b"0123456789"))
        assert store.read(blob, 3, 4) == b"3456"
        assert store.read(blob, 8, 10) == b"89"
        assert store.read(blob, 20, 1) == b""

    def test_putting_the_same_twice_is_one_blob(self, store: BlobStore) -> None:
        assert store.put(io.BytesIO(b"twin")) == store.put(io.BytesIO(b"twin"))
        assert list(store) == [name_of(b"twin")]

    def test_lists_every_blob_once(self, store: BlobStore) -> None:
        blobs = {store.put(io.BytesIO(bytes([i]))) for i in range(50)}
        assert sorted(store) == sorted(blobs)

    def test_a_missing_blob_is_reported_by_name(self, store: BlobStore) -> None:
        blob = name_of(b"never put")
        assert blob not in store
        for use in (store.open, store.size, lambda b: store.read(b, 0, 1), lambda b: store.age(b, 0)):
            with pytest.raises(BlobMissing, match=blob):
                use(blob)

    def test_delete_removes_and_may_be_repeated(self, store: BlobStore) -> None:
        blob = store.put(io.BytesIO(b"gone"))
        store.delete(blob)
        store.delete(blob)
        assert blob not in store
        assert list(store) == []

    def test_put_brings_a_deleted_blob_back(self, store: BlobStore) -> None:
        store.delete(store.put(io.BytesIO(b"again")))
        assert store.put(io.BytesIO(b"again")) in store

    @pytest.mark.parametrize("position", [0, 5000, 9999])
    def test_a_flipped_byte_is_never_returned_as_good_data(self, store: BlobStore, position: int) -> None:
        content = b"0123456789" * 1000
        blob = store.put(io.BytesIO(content))
        self.flip(store, blob, position)
        with store.open(blob) as stream, pytest.raises(BlobCorrupt, match=blob):
            stream.read()
        passed: list[bytes] = []
        with store.open(blob) as stream, pytest.raises(BlobCorrupt, match=blob):
            passed.extend(iter(lambda: stream.read(100), b""))
        assert sum(map(len, passed)) < len(content), "the last bytes are withheld"

    def test_age_counts_from_the_last_put(self, store: BlobStore) -> None:
        blob = store.put(io.BytesIO(b"old"))
        assert store.age(blob, 4e9) > store.age(blob, 3e9) > 0

    def test_many_threads_put_the_same_and_others(self, store: BlobStore) -> None:
        failures: list[BaseException] = []

        def put(which: int) -> None:
            try:
                for i in range(20):
                    store.put(io.BytesIO(b"shared %d" % i))
                    store.put(io.BytesIO(b"own %d %d" % (which, i)))
            except BaseException as error:  # noqa: BLE001  # a thread's failure has to reach the test
                failures.append(error)

        threads = [threading.Thread(target=put, args=(which,)) for which in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(list(store)) == 20 + 4 * 20
        for blob in store:
            with store.open(blob) as stream:
                stream.read()
