"""``init`` and ``ingest``: make an archive, fill it from disk."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, ratio, size
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.cli.intake import Refused, Taken

__all__ = ["ingest", "init"]


@with_settings
def init(settings: Settings) -> None:
    """Create an archive, or bring an older one up to date.

    Every other command does so too, on first use.

    Examples:
      medarchive init --archive /data/archive
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings):
        typer.echo(f"archive {settings.archive.absolute()} is ready")


@with_settings
def ingest(
    settings: Settings,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="DICOM files, and folders of them.")],
    later: Annotated[bool, typer.Option("--later", help="Leave compression to `serve` or `jobs --run`.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each file as JSON.")] = False,
) -> None:
    """Take DICOM files in, compress them and prove that each comes back byte for byte.

    A file that is refused costs nothing but itself: the reason is printed, the others go on, and the exit code is that
    of the first refusal. Originals are never changed or removed.

    Examples:
      medarchive ingest image.dcm
      medarchive ingest /media/cdrom /data/incoming --archive /data/archive
      medarchive ingest /data/incoming --later --json
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli.intake import Refused, Taken, files_below, take_in

    started = time.monotonic()
    taken: list[Taken] = []
    refused: list[Refused] = []
    with Archive.open(settings) as archive:
        files = list(files_below(paths, settings.archive.resolve()))
        for result in followed(take_in(archive, files), "storing", len(files)):
            if isinstance(result, Taken):
                taken.append(result)
            else:
                refused.append(result)
                typer.echo(f"refused {result.path}: {result.reason}", err=True)
        if not later:
            _compress(archive)
        report = _report(archive, taken, refused) | {"seconds": round(time.monotonic() - started, 3)}
    if as_json:
        echo_json(report)
    else:
        _draw(report)
    if refused:
        raise typer.Exit(refused[0].exit_code)


def _compress(archive: "Archive") -> None:
    for done in followed(archive.compress(wait_for_all=True), "compressing", archive.waiting()):
        if done.error:
            typer.echo(f"kept as received for now: {done.uid}: {done.error}", err=True)


def _report(archive: "Archive", taken: "list[Taken]", refused: "list[Refused]") -> dict[str, object]:
    """What came of it, for people and programs."""
    instances = []
    for one in taken:
        record = archive.instance(one.stored.uid)
        instances.append(
            {
                "path": str(one.path),
                "SOPInstanceUID": one.stored.uid,
                "outcome": one.stored.outcome,
                "bytes": record.size,
                "stored_bytes": record.stored_bytes,
                "codec": record.codec,
                "sha256": one.stored.sha256,
            }
        )
    different = {one.stored.uid: archive.instance(one.stored.uid) for one in taken}.values()
    return {
        "files": len(taken) + len(refused),
        "stored": sum(one.stored.outcome == "stored" for one in taken),
        "duplicates": sum(one.stored.outcome == "duplicate" for one in taken),
        "refused": [{"path": str(one.path), "error": one.error, "reason": one.reason} for one in refused],
        "bytes_in": sum(record.size for record in different),
        "bytes_kept": sum(record.stored_bytes for record in different),
        "instances": instances,
    }


def _draw(report: dict[str, object]) -> None:
    refused, bytes_in, bytes_kept = report["refused"], report["bytes_in"], report["bytes_kept"]
    assert isinstance(refused, list)
    assert isinstance(bytes_in, int)
    assert isinstance(bytes_kept, int)
    draw_table(
        ["files>", "stored>", "duplicates>", "refused>", "bytes in>", "bytes kept>", "ratio>", "time>"],
        [
            (
                *(report["files"], report["stored"], report["duplicates"], len(refused)),
                *(size(bytes_in), size(bytes_kept), ratio(bytes_in, bytes_kept), f"{report['seconds']} s"),
            )
        ],
    )
