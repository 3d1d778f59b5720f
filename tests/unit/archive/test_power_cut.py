"""The power goes at every step; what was not synced is thrown away; nothing acknowledged may be lost."""

import io
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from contracts import policies
from contracts.differences import NAME, register
from contracts.objects import ct
from contracts.volumes import SERIES, volume
from medarchive.archive.archive import Archive
from medarchive.archive.disk import Disk
from medarchive.archive.ingest import Offer, Stored
from medarchive.settings import Settings


class PowerCut(BaseException):
    """Not an Exception: nothing in the archive may catch it and go on."""


class LossyDisk(Disk):
    """Writes for real and keeps, beside it, what a power cut would leave: synced bytes under synced names.

    A file's bytes count from their fsync, a name from its directory's. At step number ``cut`` the power goes.
    """

    def __init__(self, cut: int | None) -> None:
        self.cut = cut
        self.steps = 0
        self.synced: dict[int, bytes] = {}
        """inode: bytes at its last fsync"""
        self.names_now: dict[Path, int] = {}
        self.names_safe: dict[Path, int] = {}
        self.folders_safe: set[Path] = set()
        self.folders_now: set[Path] = set()
        self._one_at_a_time = threading.RLock()
        """Objects that are kept together are synced by several threads."""

    def _step(self) -> None:
        if self.cut is not None and self.steps >= self.cut:
            raise PowerCut
        self.steps += 1

    def create(self, path: Path) -> BinaryIO:
        self._step()
        file = super().create(path)
        self.names_now[path] = os.fstat(file.fileno()).st_ino
        return file

    def sync(self, file: BinaryIO) -> None:
        with self._one_at_a_time:
            self._step()
            super().sync(file)
            self.synced[os.fstat(file.fileno()).st_ino] = Path(file.name).read_bytes()

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)
        self.names_now[target] = self.names_now.pop(source)

    def sync_directory(self, path: Path) -> None:
        with self._one_at_a_time:
            self._step()
            super().sync_directory(path)
            self.names_safe = {name: inode for name, inode in self.names_safe.items() if name.parent != path}
            self.names_safe |= {name: inode for name, inode in self.names_now.items() if name.parent == path}
            self.folders_safe |= {folder for folder in self.folders_now if folder.parent == path}

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)  # no step: before its parent is synced it has changed nothing that stays
        self.folders_now.add(path)

    def unlink(self, path: Path) -> None:
        self._step()
        super().unlink(path)
        self.names_now.pop(path, None)
        # An unlink that is not synced may or may not be kept: the worse case for us is that it is.
        self.names_safe.pop(path, None)

    def after_the_cut(self, archive: Path, copy: Path) -> None:
        """What is found when the power is back: the catalogue's last commit, and of the blobs what was safe."""
        copy.mkdir()
        for file in archive.glob("catalogue.sqlite*"):
            shutil.copy(file, copy)
        for name, inode in self.names_safe.items():
            if archive / "blobs" in name.parents and name.parent in self.folders_safe:
                target = copy / name.relative_to(archive)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.synced.get(inode, b""))


OBJECTS = [ct(number, size=16) for number in range(1, 4)]
MORE = [ct(number, size=16) for number in range(4, 7)]


def work(archive: Archive, acknowledged: dict[str, bytes]) -> None:
    """Store, compress, collect, delete: every step that touches the disk."""
    for data in OBJECTS[:2]:
        acknowledged[archive.store(io.BytesIO(data)).uid] = data
    list(archive.compress())
    archive.collect(grace=0)
    acknowledged[archive.store(io.BytesIO(OBJECTS[2])).uid] = OBJECTS[2]
    list(archive.compress())
    archive.collect(grace=0)


def work_together(archive: Archive, acknowledged: dict[str, bytes]) -> None:
    """Store objects that have come together, as the node does."""
    for group in (OBJECTS, [*OBJECTS[:1], *MORE]):
        outcomes = archive.store_all([Offer(lambda data=data: io.BytesIO(data)) for data in group])  # type: ignore[misc]
        for outcome, data in zip(outcomes, group, strict=True):
            assert isinstance(outcome, Stored)
            acknowledged[outcome.uid] = data
    list(archive.compress())
    archive.collect(grace=0)


def work_in_groups(archive: Archive, acknowledged: dict[str, bytes]) -> None:
    """Store slices, code them together, purge one of them, write the group again."""
    for data in volume(3, size=16).values():
        acknowledged[archive.store(io.BytesIO(data)).uid] = data
    list(archive.compress())
    list(archive.compress_together([SERIES]))
    archive.collect(grace=0)
    acknowledged.pop(f"{SERIES}.2")
    archive.delete(f"{SERIES}.2")
    archive.collect(grace=0)
    list(archive.compress())
    archive.collect(grace=0)


def work_with_loss(archive: Archive, acknowledged: dict[str, bytes]) -> None:
    """Store a slice, and let it go for a version with loss."""
    for uid, data in policies.slices(1).items():
        archive.store(io.BytesIO(data))
        acknowledged[uid] = data
    list(archive.compress())
    archive.collect(grace=0)
    policies.apply(archive)
    archive.collect(grace=0)


Work = Callable[[Archive, dict[str, bytes]], None]


def settings_of(root: Path, work: Work) -> Settings:
    codecs = (NAME, "zstd-planes") if work is work_in_groups else ("zstd-planes",)
    settings = Settings(archive=root, effort=1, workers=1, codecs=codecs, undelete=0)
    return settings if work is not work_with_loss else replace(settings, undelete=1e6, policy=(policies.NEAR,))


def run(root: Path, cut: int | None, work: Work = work) -> tuple[LossyDisk, dict[str, bytes]]:
    disk = LossyDisk(cut)
    acknowledged: dict[str, bytes] = {}
    try:
        archive = Archive.open(settings_of(root, work), disk=disk)
    except PowerCut:
        return disk, acknowledged
    try:
        work(archive, acknowledged)
    except PowerCut:
        pass
    finally:
        archive.catalog.close()
    return disk, acknowledged


@pytest.mark.parametrize(("work", "left"), [(work, 3), (work_together, 6), (work_in_groups, 2)])
def test_nothing_acknowledged_is_lost_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Work, left: int
) -> None:
    monkeypatch.setattr("medarchive.archive.check._SETTLE", 0.0)  # no other process stores here
    register(monkeypatch)
    whole, acknowledged = run(tmp_path / "whole", None, work)
    assert len(acknowledged) == left
    total = whole.steps
    assert total > 40
    for cut in range(total):
        root, copy = tmp_path / f"{cut}", tmp_path / f"{cut}-after"
        disk, acknowledged = run(root, cut, work)
        disk.after_the_cut(root, copy)
        with Archive.open(settings_of(copy, work)) as archive:
            for uid, data in acknowledged.items():
                assert archive.load(uid).read() == data, f"lost after a power cut at step {cut}"
            kinds = {problem.kind for problem in archive.check(read_data=True)}
            assert kinds <= {"orphan"}, f"after a power cut at step {cut}"
            archive.catalog.write(lambda transaction: transaction.execute("UPDATE job SET lease_until = 0"))
            list(archive.compress())
            list(archive.compress_together([SERIES]))
            archive.collect(grace=0)
            assert list(archive.check(read_data=True)) == []
            for uid, data in acknowledged.items():
                assert archive.load(uid).read() == data
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(copy)


def test_the_simulation_notices_a_store_that_does_not_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: without the directory's fsync, the same run loses an acknowledged object."""
    monkeypatch.setattr(LossyDisk, "sync_directory", lambda self, path: None)
    disk, acknowledged = run(tmp_path / "careless", None)
    assert acknowledged
    disk.after_the_cut(tmp_path / "careless", tmp_path / "after")
    assert list((tmp_path / "after").glob("blobs/*/*")) == []


def test_no_original_is_lost_for_a_version_with_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medarchive.archive.check._SETTLE", 0.0)
    whole, _ = run(tmp_path / "whole", None, work_with_loss)
    for cut in range(whole.steps):
        root, copy = tmp_path / f"{cut}", tmp_path / f"{cut}-after"
        disk, acknowledged = run(root, cut, work_with_loss)
        disk.after_the_cut(root, copy)
        with Archive.open(settings_of(copy, work_with_loss)) as archive:
            assert {problem.kind for problem in archive.check(read_data=True)} <= {"orphan"}
            hidden = archive.stats().deleted
            assert archive.stats().instances >= len(acknowledged)
            assert archive.recall(policies.SERIES) == hidden if hidden else True
            for uid, data in acknowledged.items():
                assert archive.load(uid).read() == data, f"lost after a power cut at step {cut}"
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(copy)
