"""Several processes on one archive at once, with no grace at all: the collector may take whatever it can."""

import contextlib
import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # this file is a program too: its children run it

from contracts import differences
from contracts.objects import ct
from contracts.volumes import slice_of
from medarchive.archive.archive import Archive
from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.settings import Settings

OBJECTS = 4
ROUNDS = 25


def settings(root: Path) -> Settings:
    return Settings(
        archive=root,
        codecs=(differences.NAME, "zstd-planes"),
        effort=1,
        workers=1,
        quiet=0,
        grace=0,
        undelete=0,
        busy_timeout=60,
        insight="false",
    )


def identical(number: int) -> bytes:
    """The same few objects in every process: the same content under the same blobs."""
    return ct(number, size=16)


def work(root: Path, seed: int) -> None:
    """Store, compress, delete and collect in an order of chance; what is stored is readable until it is deleted.

    The slices of a process' own series are coded together as they come, and again, and brought back.
    """
    differences.register()
    chance = random.Random(seed)
    stored = duplicates = deleted = 0
    own = [slice_of(n, series=f"1.9.{seed}", size=16) for n in range(ROUNDS)]
    with Archive.open(settings(root)) as archive:
        for data in own:
            uid = archive.store(io.BytesIO(data)).uid
            number = chance.randrange(1, OBJECTS + 1)
            outcome = archive.store(io.BytesIO(identical(number))).outcome
            stored, duplicates = stored + (outcome == "stored"), duplicates + (outcome == "duplicate")
            if chance.random() < 0.5:
                with contextlib.suppress(NotFound):
                    archive.delete(f"1.2.3.1.1.{chance.randrange(1, OBJECTS + 1)}")
                    deleted += 1
            if chance.random() < 0.3:
                recompression = archive.recompression(effort=chance.randrange(2, 9))
                recompression.queue(archive.instance(uid).series)
            if chance.random() < 0.2:
                with contextlib.suppress(NotFound):
                    archive.undo(f"1.9.{seed}")
            for result in archive.compress():
                assert not result.error, result.error
            archive.collect()
            assert archive.load(uid).read() == data, "our own object, which nobody deletes"
    print(json.dumps({"stored": stored, "duplicates": duplicates, "deleted": deleted}))


def test_three_processes_that_store_swap_delete_and_collect_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences.register(monkeypatch)
    root = tmp_path / "archive"
    command = [sys.executable, __file__, str(root)]
    children = [
        subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in (1, 2, 3)
    ]
    totals = {"stored": 0, "duplicates": 0, "deleted": 0}
    for child in children:
        out, errors = child.communicate(timeout=300)
        assert child.returncode == 0, errors
        for key, value in json.loads(out).items():
            totals[key] += value
    assert totals["duplicates"] > 0, "the processes did not meet"
    assert totals["deleted"] > 0
    with Archive.open(settings(root)) as archive:
        for _ in range(3):
            list(archive.compress(wait_for_all=True))
        archive.collect()
        assert archive.waiting() == 0
        assert list(archive.check(read_data=True)) == []
        for seed in (1, 2, 3):
            for number in range(ROUNDS):
                uid = f"1.9.{seed}.{number}"
                assert archive.load(uid).read() == slice_of(number, series=f"1.9.{seed}", size=16)
        assert any(record.shared for record in archive.instances(Level.SERIES, ["1.9.1", "1.9.2", "1.9.3"]))
        # Every shared object is there exactly if it was stored once more often than it was deleted.
        shared = [record.uid for record in archive.instances(Level.SERIES, ["1.2.3.1.1"])]
        assert len(shared) == totals["stored"] - totals["deleted"]
        for uid in shared:
            assert archive.load(uid).read() == identical(int(uid.rpartition(".")[2]))


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
