"""``medarchive serve`` as a process, and what tests ask of processes."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEDARCHIVE = [sys.executable, "-m", "medarchive"]
Serving = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """Starts ``medarchive serve`` over ``folder``/archive, with ``folder``/log for its messages; all end at the end."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> "subprocess.Popen[str]":
        command = [*MEDARCHIVE, "--archive", str(folder / "archive"), "serve", "--port", "0", *options]
        with (folder / "log").open("a") as log:
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True))
        return running[-1]

    yield start
    for node in running:
        with node:  # closes its pipe
            node.kill()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has waited for yet counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
