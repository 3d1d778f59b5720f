"""``serve`` and ``jobs``: the processes that run for as long as the archive is in use."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, when
from medarchive.cli.options import with_settings
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive

__all__ = ["jobs", "serve"]

LOGGER = logging.getLogger(__name__)
_NICE = 10
"""Compression yields to those who wait for an answer."""
_GRACE = 30.0
"""Seconds that associations and jobs under way get to finish."""


@with_settings
def serve(
    settings: Settings,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = None,
    ae_title: Annotated[str | None, typer.Option("--ae-title", metavar="AET", help="Our own AE title.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", metavar="AET=HOST:PORT", help="A peer that may connect and be sent to; repeatable."),
    ] = None,
    any_peer: Annotated[bool, typer.Option("--any-peer", help="Let unknown AE titles connect, too.")] = False,
    no_jobs: Annotated[bool, typer.Option("--no-jobs", help="Leave compression to other processes.")] = False,
) -> None:
    """Run the DICOM node, and a process that compresses behind it, until told to stop (Ctrl-C, SIGTERM).

    It listens on loopback and knows no peers unless settings or options say otherwise. C-ECHO, C-STORE, C-FIND, C-GET
    and C-MOVE; a C-STORE is answered when the object is durable. One line says when it is ready, and where.

    Examples:
      medarchive serve --any-peer
      medarchive serve --host 0.0.0.0 --ae-title ARCHIVE --peer CT1=10.0.0.7:104 --peer VIEWER=10.0.0.9:11112
      medarchive serve --settings /etc/medarchive.toml
    """
    from medarchive.archive.archive import Archive
    from medarchive.dicom_node.node import Node

    settings = settings.changed(host=host, port=port, ae_title=ae_title, peers=peer or None, any_peer=any_peer or None)
    stop = _stop_on_signals()
    with Archive.open(settings) as archive:
        node = Node(archive)
        node.start()
        worker = None if no_jobs else _Worker(settings)
        try:
            typer.echo(
                f"{settings.ae_title} listens on {settings.host}:{node.port}, archive {settings.archive.absolute()}"
            )
            sys.stdout.flush()
            if not (settings.peers or settings.any_peer):
                typer.echo("no peers are known, so every association is rejected: see --peer and --any-peer", err=True)
            while not stop.wait(1.0):
                if worker:
                    worker.look_after()
        finally:
            node.stop(_GRACE)
            if worker:
                worker.stop()


@with_settings
def jobs(
    settings: Settings,
    run: Annotated[bool, typer.Option("--run", help="Do the jobs, now and those to come, until told to stop.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Let failed jobs be tried again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the jobs as JSON.")] = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """List the work that is waiting, under way or failed; or do it.

    `serve` runs a process of `jobs --run` beside itself. Any number of them may run at once, on one archive.

    Examples:
      medarchive jobs
      medarchive jobs --retry
      medarchive jobs --run
    """
    from medarchive.archive import worker
    from medarchive.archive.archive import Archive

    if run:
        stop = _stop_on_signals()
        if with_parent:
            threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
        os.nice(_NICE)
        worker.run(settings, stop)
        return
    with Archive.open(settings) as archive:
        if retry:
            typer.echo(f"{archive.retry()} failed jobs will be tried again", err=True)
        listed = _listed(archive)
    if as_json:
        echo_json(listed)
    elif listed:
        draw_table(list(listed[0]), (list(job.values()) for job in listed))
    else:
        typer.echo("no jobs: everything is in its final form")


def _listed(archive: "Archive") -> list[dict[str, object]]:
    return [
        {
            "id": job.id,
            "kind": job.kind,
            "instance": job.target,
            "state": job.state,
            "attempts": job.attempts,
            "asked for": when(job.created_at),
            "not before": when(job.run_after) if job.run_after > time.time() else "",
            "error": job.error,
        }
        for job in archive.jobs()
    ]


def _stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _stop_with_parent(stop: threading.Event) -> None:
    """Wait until the parent is gone, however it died: then the pipe that is our stdin ends."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


class _Worker:
    """The process that compresses behind the node; started again where it died."""

    def __init__(self, settings: Settings) -> None:
        self._environment = os.environ | _as_variables(settings)
        self._started = 0.0
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "medarchive", "jobs", "--run", "--with-parent"]
        self._started = time.monotonic()
        self._process = subprocess.Popen(command, env=self._environment, stdin=subprocess.PIPE)  # noqa: S603  # ourselves

    def look_after(self) -> None:
        """Start it again where it died, no more than once in ten seconds."""
        if self._process.poll() is not None and time.monotonic() - self._started > 10:
            LOGGER.warning("the jobs process ended with %s; starting another", self._process.returncode)
            self._start()

    def stop(self) -> None:
        """Let it finish the jobs under way, then go."""
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its leases run out, and the next worker does those jobs
            self._process.wait()


def _as_variables(settings: Settings) -> dict[str, str]:
    """All settings as environment variables, which is how another process of ours gets the same ones."""
    values = {setting.name: getattr(settings, setting.name) for setting in fields(settings)}
    values["archive"] = settings.archive.absolute()
    return {
        f"MEDARCHIVE_{name.upper()}": ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }
