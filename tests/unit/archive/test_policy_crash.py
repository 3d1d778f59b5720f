"""The process dies at every step of applying a policy; the next one goes on, and nothing is lost or made twice."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.policies import NEAR, SERIES, apply, fill, settings_of, slices, work
from medarchive.archive.archive import Archive
from medarchive.archive.local import LocalStore
from medarchive.archive.sqlite import SqliteCatalog


class Death(BaseException):
    """Not an Exception: nothing in the archive may catch it and go on."""


class Steps:
    """Counts what changes the archive, and dies at one of them, before or after it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        self.last: int | None = None
        self.after = False
        self._guard = threading.Lock()
        for kind, name in ((SqliteCatalog, "write"), (LocalStore, "put_all")):
            monkeypatch.setattr(kind, name, self._counted(getattr(kind, name)))

    def _counted(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            with self._guard:
                self.taken += 1
                dies = self.last is not None and self.taken >= self.last
            if dies and not (self.after and self.taken == self.last):
                raise Death
            value = do(*arguments)
            if dies:
                raise Death
            return value

        return step

    def begin(self, last: int | None, *, after: bool = False) -> None:
        self.taken, self.last, self.after = 0, last, after


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_at_every_step(tmp_path: Path, steps: Steps, after: bool) -> None:
    settings = settings_of(tmp_path, NEAR)
    with Archive.open(settings) as archive:
        fill(archive, slices(2))
        steps.begin(None)
        apply(archive)
        count = steps.taken
    assert count > 8
    for number in range(1, count + 1):
        _dies_and_goes_on(settings_of(tmp_path / str(number), NEAR), steps, number, after=after)


def _dies_and_goes_on(settings: Any, steps: Steps, number: int, *, after: bool) -> None:
    steps.begin(None)
    archive = Archive.open(settings)
    fill(archive, slices(2))
    steps.begin(number, after=after)
    with pytest.raises(Death):
        apply(archive)
    steps.begin(None)
    archive.close()
    with Archive.open(settings) as again:
        visible = {row["uid"] for row in again.catalog.read(_VISIBLE)}
        made = {row["derived_uid"] for row in again.catalog.read("SELECT derived_uid FROM derivation")}
        assert visible in (set(slices(2)) | made, made), "originals go together, and only when all is derived"
        again.catalog.write(lambda t: t.execute("UPDATE job SET lease_until = 0 WHERE state = 'leased'"))
        apply(again)
        work(again)
        rows = again.catalog.read("SELECT source_uid, derived_uid, retired_at FROM derivation")
        assert sorted(row["source_uid"] for row in rows) == sorted(slices(2))
        assert all(row["retired_at"] for row in rows)
        assert {row["uid"] for row in again.catalog.read(_VISIBLE)} == {row["derived_uid"] for row in rows}
        assert list(again.jobs()) == []
        assert again.recall(SERIES) == 2
        for uid, data in slices(2).items():
            assert again.load(uid).read() == data
        again.collect()
        assert list(again.check(read_data=True)) == []


_VISIBLE = "SELECT SOPInstanceUID AS uid FROM instance WHERE hidden_at IS NULL"


def test_a_derived_instance_that_does_not_come_back_keeps_the_originals(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, replace(NEAR, grace_days=1), attempts=1)
    with Archive.open(settings) as archive:
        fill(archive, slices(2))
        apply(archive)
        uid = archive.derivations(f"{SERIES}.2")[0].derived_uid
        container = archive.instance(uid).container
        assert container is not None
        path = next(path for path in (settings.archive / "blobs").rglob(container))
        path.chmod(0o600)
        path.write_bytes(b"\0" + path.read_bytes()[1:])
    with Archive.open(replace(settings, policy=(NEAR,))) as archive:
        archive.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        (done,) = archive.compress()
        assert container in done.error
        assert {row["uid"] for row in archive.catalog.read(_VISIBLE)} > set(slices(2))
        assert [job.state for job in archive.jobs()] == ["failed"]


def test_two_who_apply_it_at_once_make_it_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, replace(NEAR, keep_original=True, grace_days=0))
    with Archive.open(settings) as archive:
        fill(archive, slices(4))
        errors: list[Exception] = []

        def run() -> None:
            try:
                with Archive.open(settings) as mine:
                    apply(mine)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is none of a thread's
                errors.append(error)

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert archive.stats().instances == 8
        assert list(archive.jobs()) == []
