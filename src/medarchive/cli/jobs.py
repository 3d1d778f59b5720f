"""``jobs``: the work behind, listed or done."""

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.audit import note
from medarchive.cli.children import say_ready, stop_on_signals, stop_with_parent
from medarchive.cli.drawing import draw_table, echo_json, when
from medarchive.cli.options import with_settings
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive

__all__ = ["jobs"]

_NICE = 10
"""Compression yields to those who wait for an answer."""


@with_settings
def jobs(
    settings: Settings,
    run: Annotated[bool, typer.Option("--run", help="Do the jobs, now and those to come, until told to stop.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Let failed jobs be tried again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the jobs as JSON.")] = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """List the work that is waiting, under way or failed; or do it.

    A job is to compress an instance, to cut the slices of a quiet series into groups, to pack a group into one
    container, or to write a group again without what was purged; to read what an instance of before refers to; to
    derive what the policy asks for from an instance, or to let the originals of a series go; to prove what a peer wants
    the archive to commit itself to, or to report on that, which `serve` alone does; to read the images of a quiet
    series.

    `serve` runs a process of `jobs --run` beside itself. Any number of them may run at once, on one archive.

    Examples:
      medarchive jobs
      medarchive jobs --retry
      medarchive jobs --run
    """
    from medarchive.archive import worker
    from medarchive.archive.archive import Archive
    from medarchive.cli.reading import reader_for

    if run:
        stop = stop_on_signals()
        os.nice(_NICE)
        if with_parent:
            stop_with_parent(stop)
            say_ready()
        worker.run(settings, stop, reader_for(settings))
        return
    with Archive.open(settings) as archive:
        if retry:
            count = archive.retry()
            note(archive, "configure", "", f"{count} jobs retried")
            typer.echo(f"{count} failed jobs will be tried again", err=True)
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
            "target": job.target,
            "state": job.state,
            "attempts": job.attempts,
            "asked for": when(job.created_at),
            "not before": when(job.run_after) if job.run_after > time.time() else "",
            "error": job.error,
        }
        for job in archive.jobs()
    ]
