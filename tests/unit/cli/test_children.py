"""Children: whoever waits for one to be ready hears the signal to stop, too."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medarchive.cli.children import Child
from medarchive.settings import Settings

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a child that runs some Python in place of medarchive."""
    children: list[Child] = []

    def started(script: str) -> Child:
        program = tmp_path / "python"
        program.write_text(f"#!{sys.executable}\n{script}\n")
        program.chmod(0o755)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(program))
            children.append(Child(Settings(archive=tmp_path / "archive"), ["jobs"]))
        return children[-1]

    yield started
    for child in children:
        child.stop()


SLEEPS = "import time; time.sleep(600)"


def test_a_child_is_ready_when_it_says_so(start: Start) -> None:
    child = start(f"print('ready', flush=True); {SLEEPS}")
    assert child.wait_until_ready(threading.Event())


def test_a_child_that_ends_is_not_ready(start: Start) -> None:
    assert not start("pass").wait_until_ready(threading.Event())


def test_waiting_for_a_silent_child_ends_when_told_to_stop(start: Start) -> None:
    child, stop = start(SLEEPS), threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    assert not child.wait_until_ready(stop)
    assert time.monotonic() - begun < 60, "not for as long as the child sleeps"
