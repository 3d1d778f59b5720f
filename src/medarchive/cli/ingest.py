"""``init`` and ``ingest``: make an archive, fill it from disk."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.audit import note_studies
from medarchive.cli.drawing import draw_table, echo_json, ratio, size
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.archive.catalog import InstanceRecord
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
    later: Annotated[
        bool, typer.Option("--later", help="Leave compression and reading to `serve` or `jobs --run`.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each file as JSON.")] = False,
) -> None:
    """Take DICOM files in, compress them and prove that each comes back byte for byte.

    Then their images are read, where the extra `insight` is installed and the setting of this name allows it: see
    `findings`.

    A file that is refused costs nothing but itself: the reason is printed, the others go on, and the exit code is that
    of the first refusal. Originals are never changed or removed.

    Examples:
      medarchive ingest image.dcm
      medarchive ingest /media/cdrom /data/incoming --archive /data/archive
      medarchive ingest /data/incoming --later --json
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli.intake import Taken, files_below, take_in
    from medarchive.cli.reading import reader_for

    started = time.monotonic()
    taken: list[Taken] = []
    refused: list[Refused] = []
    with Archive.open(settings, reader=reader_for(settings)) as archive:
        files = list(files_below(paths, settings.archive.resolve()))
        try:
            for result in followed(take_in(archive, files), "storing", len(files)):
                if isinstance(result, Taken):
                    taken.append(result)
                else:
                    refused.append(result)
                    typer.echo(f"refused {result.path}: {result.reason}", err=True)
        finally:  # what is in before an interruption is in
            note_studies(archive, "upload", (one.stored.study_uid for one in taken))
        if not later:
            _compress(archive, [one.stored.uid for one in taken if one.stored.outcome == "stored"])
            archive.collect(grace=0, orphans=False)  # what was compressed is kept once
        kept = {one.stored.uid: archive.instance(one.stored.uid) for one in taken}
    summary = {
        "files": len(files),
        "stored": sum(one.stored.outcome == "stored" for one in taken),
        "duplicates": sum(one.stored.outcome == "duplicate" for one in taken),
        "refused": len(refused),
        "bytes_in": sum(record.size for record in kept.values()),
        "bytes_kept": sum(record.stored_bytes for record in kept.values()),
        "seconds": round(time.monotonic() - started, 3),
    }
    if as_json:
        taken_in = [_described(one, kept[one.stored.uid]) for one in taken]
        why = [{"path": str(one.path), "error": one.error, "reason": one.reason} for one in refused]
        echo_json(summary | {"instances": taken_in, "refusals": why})
    else:
        _draw(summary)
    if refused:
        raise typer.Exit(refused[0].exit_code)


def _compress(archive: "Archive", uids: list[str]) -> None:
    """Compress what waits, and then the slices of the series that came in together, since they are complete.

    Their images are read last.
    """
    for done in followed(archive.compress(wait_for_all=True), "compressing", archive.waiting()):
        if done.error:
            typer.echo(f"kept as received for now: {done.uid}: {done.error}", err=True)
    series = sorted({archive.instance(uid).series_uid for uid in uids})
    for done in followed(archive.compress_together(series), "coding slices together", None):
        if done.error:
            typer.echo(f"slices that stay apart for now: {done.error}", err=True)
    for done in followed(archive.read_now(series), "reading images: series", None):
        if done.error:
            typer.echo(f"{done.uid or done.kind}: {done.error}", err=True)


def _described(one: "Taken", record: "InstanceRecord") -> dict[str, str | int]:
    return {
        "path": str(one.path),
        "SOPInstanceUID": record.uid,
        "outcome": one.stored.outcome,
        "bytes": record.size,
        "stored_bytes": record.stored_bytes,
        "codec": record.codec,
        "sha256": record.sha256,
    }


def _draw(summary: dict[str, float]) -> None:
    bytes_in, bytes_kept = summary["bytes_in"], summary["bytes_kept"]
    counts = [f"{summary[name]:.0f}" for name in ("files", "stored", "duplicates", "refused")]
    sizes = (size(bytes_in), size(bytes_kept), ratio(bytes_in, bytes_kept), f"{summary['seconds']:.1f} s")
    draw_table(
        ["files>", "new>", "duplicates>", "refused>", "bytes in>", "bytes kept>", "ratio>", "time>"],
        [(*counts, *sizes)],
    )
