"""``demo``: the whole way once, over the network and back, on real objects."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, ratio, size
from medarchive.cli.exits import DIFFERENT
from medarchive.cli.options import with_settings
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.cli.roundtrip import Trip

__all__ = ["demo"]


@with_settings
def demo(
    settings: Settings,
    slices: Annotated[int, typer.Option(min=1, max=500, help="Slices of the synthetic volume.")] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each object as JSON.")] = False,
) -> None:
    """Send real and synthetic objects to a node by C-STORE, fetch them by C-GET and C-MOVE, and compare every byte.

    The node listens on a free port of the loopback interface for as long as that takes. The archive stays, in
    ./demo-archive unless --archive says otherwise, to look around in. The exit code is 51 where anything differs.

    Examples:
      medarchive demo
      medarchive demo --archive /tmp/try --slices 100
    """
    from medarchive.cli.roundtrip import round_trip

    if settings.archive == Settings().archive:
        settings = settings.changed(archive="demo-archive")
    trips = list(round_trip(settings, slices))
    if as_json:
        echo_json([asdict(trip) | {"identical": trip.identical} for trip in trips])
    else:
        _draw(trips, settings.archive)
    if not all(trip.identical for trip in trips):
        raise typer.Exit(DIFFERENT)


def _draw(trips: "list[Trip]", archive: Path) -> None:
    """One row for each object, the slices of the volume together."""
    from itertools import groupby

    rows = []
    for _, group in groupby(trips, key=lambda trip: trip.name):
        rows.append(_row(list(group)))
    rows.append(_row(trips))
    columns = ["object", "modality", "bytes in>", "bytes kept>", "ratio>", "codec", "identical", "read as", "time>"]
    draw_table(columns, rows)
    failed = [trip for trip in trips if not trip.identical]
    for trip in failed:
        typer.echo(
            f"DIFFERENT {trip.name}: C-STORE status {trip.status}, found {trip.found}, C-GET {trip.got}, "
            f"C-MOVE {trip.moved}",
            err=True,
        )
    if failed:
        return
    typer.echo(f"{len(trips)} objects sent by C-STORE, found by C-FIND, and back by C-GET and C-MOVE byte for byte.")
    if any(trip.seen for trip in trips):
        typer.echo("What was read in images is investigational; it is stored as DICOM SR beside them.")
    typer.echo()
    _how_to_go_on(archive)


def _row(trips: "list[Trip]") -> tuple[str, ...]:
    bytes_in, bytes_kept = sum(trip.bytes_in for trip in trips), sum(trip.bytes_kept for trip in trips)
    one = len({trip.name for trip in trips}) == 1
    return (
        trips[0].what if one else "all",
        (trips[0].modality or "-") if one else "",
        size(bytes_in),
        size(bytes_kept),
        ratio(bytes_in, bytes_kept),
        " ".join(sorted({trip.codec for trip in trips})) if one else "",
        "yes" if all(trip.identical for trip in trips) else "NO",
        (trips[0].seen or "-") if one else "",
        f"{1000 * sum(trip.seconds for trip in trips):.0f} ms",
    )


def _how_to_go_on(archive: Path) -> None:
    command = "medarchive"
    if shutil.which(command) is None:
        beside = Path(sys.executable).with_name(command)
        command = str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
    typer.echo(f"The archive is in {archive}. How to go on:")
    for what in (
        "find --level series",
        "find --level instance Modality=CT --json",
        "get PHANTOM -o restored",
        "findings PHANTOM",
        "stats",
        "check --read-data",
        "ingest FOLDER",
        "users add NAME --role administrator --email NAME@example.org",
        "serve --any-peer",
    ):
        typer.echo(f"  {command} --archive {archive} {what}")
