"""kill -9 at random moments of a push and of the compression behind it; then everything acknowledged must be there.

A child process is a node that is sent slices over several associations, and writes each acknowledged SOP Instance UID,
synced, to a journal, while threads of it compress them, code them together, write groups again without what was
deleted, and collect. The parent kills it after a random time, opens the archive, and compares. Run as a program:

    python tests/integration/kill_nine.py --rounds 50
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[1]))

from contracts import differences
from contracts.raw_peer import RawPeer, dataset_of
from contracts.volumes import slice_of
from medarchive.archive.archive import Archive
from medarchive.dicom.part10 import skip_meta
from medarchive.dicom.query import Level
from medarchive.dicom_node.node import Node
from medarchive.settings import Settings

_SENDERS = 3


def settings(root: Path) -> Settings:
    return Settings(
        archive=root / "archive",
        codecs=(differences.NAME, "jpegxl", "zstd-planes"),
        effort=1,
        workers=1,
        quiet=0,
        grace=0,
        undelete=0,
        lease=1,
        busy_timeout=60,
        insight="false",
        port=0,
        any_peer=True,
    )


def object_of(uid: str) -> bytes:
    series, _, number = uid.rpartition(".")
    return slice_of(int(number), series=series, size=48)


def push(root: Path, series: str) -> None:
    """Push over the network without end, over several associations; journal what is acknowledged."""
    with (
        Archive.open(settings(root)) as archive,
        Node(archive) as node,
        (root / "journal").open("a") as journal,
    ):
        senders = [
            threading.Thread(target=_send, args=(archive, node.port, journal, f"{series}.{number}"))
            for number in range(_SENDERS)
        ]
        for thread in (threading.Thread(target=_behind, args=(archive,), daemon=True), *senders):
            thread.start()
        for sender in senders:
            sender.join()


def _send(archive: Archive, port: int, journal: TextIO, series: str) -> None:
    sop_class, _, syntax, _ = dataset_of(object_of(f"{series}.1"))
    with RawPeer(port, sop_class, syntax) as peer:
        number = 0
        while True:
            number += 1
            uid = f"{series}.{number}"
            status = peer.store(sop_class, uid, dataset_of(object_of(uid))[3], number % 65536).Status
            if status != 0:
                raise AssertionError(f"{uid} was refused with {status:04X}")
            if number % 8 == 0:  # these go again, when most of them have become part of a group
                if number > 16:
                    archive.delete(f"{series}.{number - 16}")
                continue
            journal.write(f"{uid}\n")  # one write, so that lines of several threads stay whole
            journal.flush()
            os.fsync(journal.fileno())


def _behind(archive: Archive) -> None:
    while True:
        list(archive.compress())
        archive.collect(grace=0)
        time.sleep(0.01)


def one_round(root: Path, number: int, delay: float) -> int:
    """Push, kill, open again, compare. Returns how many objects this round had acknowledged."""
    before = len(_journal(root))
    child = subprocess.Popen([sys.executable, __file__, "--push", str(root), f"1.7.{number}"])
    deadline = time.monotonic() + 60
    while len(_journal(root)) == before and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.01)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    if child.wait() != -signal.SIGKILL:
        raise AssertionError(f"the pushing process ended by itself with {child.returncode}")
    acknowledged = _journal(root)
    with Archive.open(settings(root)) as archive:
        problems = [problem for problem in archive.check(read_data=True) if problem.kind != "orphan"]
        if problems:
            raise AssertionError(f"check after kill -9: {problems}")
        kept = [record.uid for record in archive.instances(Level.PATIENT, ["P1"])]
        if len(kept) != len(set(kept)):
            raise AssertionError("an instance is there twice")
        lost = set(acknowledged) - set(kept)
        if lost:
            raise AssertionError(f"acknowledged and lost: {sorted(lost)}")
        for uid in kept[-200:]:
            if not _is_identical(archive, uid):
                raise AssertionError(f"{uid} came back with other bytes")
    return len(acknowledged) - before


def finish(root: Path) -> None:
    """All that was interrupted is resumed: nothing waits, nothing is left over, everything is identical."""
    time.sleep(1.1)  # the killed worker's lease
    with Archive.open(settings(root)) as archive:
        for _ in range(3):
            for result in archive.compress(wait_for_all=True):
                if result.error:
                    raise AssertionError(result.error)
            archive.collect(grace=0)
        problems = list(archive.check(read_data=True))
        if problems or archive.waiting():
            raise AssertionError(f"{archive.waiting()} jobs left, {problems}")
        for record in archive.instances(Level.PATIENT, ["P1"]):
            if record.state != "kept" or not _is_identical(archive, record.uid):
                raise AssertionError(f"{record.uid} is {record.state}")
        groups = {record.container for record in archive.instances(Level.PATIENT, ["P1"]) if record.shared}
        print(f"{len(groups)} closed groups")


def _is_identical(archive: Archive, uid: str) -> bool:
    """Whether the data set is that which was sent."""
    with archive.load(uid) as stream:
        skip_meta(stream)
        return stream.read() == dataset_of(object_of(uid))[3]


def _journal(root: Path) -> list[str]:
    path = root / "journal"
    return [line for line in path.read_text().split("\n")[:-1] if line] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--push", nargs=2, metavar=("ROOT", "SERIES"), help="be the process that is killed")
    arguments = parser.parse_args()
    differences.register()
    if arguments.push:
        push(Path(arguments.push[0]), arguments.push[1])
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            count = one_round(Path(folder), number, chance.uniform(0, 0.6))
            print(f"round {number + 1} of {arguments.rounds}: {count} acknowledged, all there", flush=True)
        finish(Path(folder))
    print("nothing was lost")


if __name__ == "__main__":
    main()
