"""Processes that run until told to stop, and the further ones that they keep beside themselves."""

import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import fields

from medarchive.settings import Settings

__all__ = ["GRACE", "Child", "say_ready", "stop_on_signals", "stop_with_parent"]

LOGGER = logging.getLogger(__name__)
GRACE = 30.0
"""Seconds that associations and jobs under way get to finish."""
_NOT_AGAIN_BEFORE = 10.0
_LISTENING = 0.2


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set, however many come: often a group of processes gets one from several sides.

    A thread sets it. A handler runs in the middle of what the main thread does, and that may hold the event's lock.
    """
    stop = threading.Event()
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)

    def wait() -> None:
        os.read(heard, 1)
        stop.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stop


def stop_with_parent(stop: threading.Event) -> None:
    """Set the event when the parent is gone, however it died: then the pipe that is our stdin ends."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop.set()

    threading.Thread(target=wait, daemon=True).start()


def say_ready() -> None:
    """Tell the parent that we are at work; see ``Child.wait_until_ready``."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


class Child:
    """Another process of ours that lives as long as this one; started again where it died."""

    def __init__(self, settings: Settings, arguments: Sequence[str], descriptors: Sequence[int] = ()) -> None:
        """Start it.

        Args:
            settings: given to it as environment variables.
            arguments: its command line, from the command on.
            descriptors: open files that it inherits.
        """
        self._environment = os.environ | _as_variables(settings)
        self._command = [sys.executable, "-m", "medarchive", *arguments]
        self._descriptors = tuple(descriptors)
        self._start()

    def _start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  # ourselves
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,  # its end tells the child that we are gone
            stdout=subprocess.PIPE,
            pass_fds=self._descriptors,
        )

    def wait_until_ready(self, stop: threading.Event) -> bool:
        """Wait for its first line, its end, or the event; whether it is ready."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as said:
            said.register(self._process.stdout, selectors.EVENT_READ)
            while not stop.is_set():
                if said.select(_LISTENING):
                    return bool(self._process.stdout.readline())
        return False

    def look_after(self) -> None:
        """Start it again where it died, no more than once in ten seconds."""
        if self._process.poll() is not None and time.monotonic() - self._started > _NOT_AGAIN_BEFORE:
            LOGGER.warning("%s ended with %s; starting another", self._command[3], self._process.returncode)
            self._close()
            self._start()

    def ask_to_stop(self) -> None:
        """Let it finish what is under way, then go."""
        self._process.terminate()

    def stop(self) -> None:
        """Wait until it is gone."""
        self.ask_to_stop()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its leases run out, and the next worker does those jobs
            self._process.wait()
        self._close()

    def _close(self) -> None:
        """Close our ends of its pipes."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _as_variables(settings: Settings) -> dict[str, str]:
    """All settings as environment variables, which is how another process of ours gets the same ones."""
    values = {setting.name: getattr(settings, setting.name) for setting in fields(settings)}
    values["archive"] = settings.archive.absolute()
    return {
        f"MEDARCHIVE_{name.upper()}": ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }
