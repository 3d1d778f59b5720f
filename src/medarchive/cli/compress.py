"""``compress``: what is stored is encoded again, with other codecs or more effort."""

from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.audit import note
from medarchive.cli.drawing import draw_table, echo_json, size
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive

__all__ = ["compress"]


@with_settings
def compress(
    settings: Settings,
    uids: Annotated[
        list[str] | None, typer.Argument(metavar="[UID...]", help="Of instances, series or studies, or Patient IDs.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is stored.")] = False,
    codec: Annotated[
        list[str] | None, typer.Option("--codec", metavar="NAME", help="A codec to try; repeatable.")
    ] = None,
    effort: Annotated[int | None, typer.Option(min=1, max=9, help="How hard encoders try.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Encode a sample of each series, say what would be saved, and end.")
    ] = False,
    undo: Annotated[
        str | None, typer.Option("--undo", metavar="SERIES_UID", help="Bring a series back to how it was kept before.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Encode again what is stored, with the codecs and the effort of the settings or with others.

    Only what becomes smaller is kept, after the proof that every file comes back byte for byte. The work is queued:
    after an interruption, the same command goes on, and `jobs --run` does so too. What was tried with the same codecs
    and effort is left out. What it replaces stays for a week, unless the settings say otherwise, and so long `--undo`
    brings a series back.

    Examples:
      medarchive compress --all --dry-run
      medarchive compress 1.2.3.4 --codec jpegxl --codec zstd-planes --effort 9
      medarchive compress --undo 1.2.3.4
    """
    from medarchive.archive.archive import Archive

    if (undo is not None) + everything + bool(uids) != 1:
        raise typer.BadParameter("name UIDs, or --all, or --undo and a series", param_hint="UID")
    with Archive.open(settings) as archive:
        if undo is not None:
            count = archive.undo(undo)
            note(archive, "configure", undo, f"compression undone for {count} instances")
            if as_json:
                echo_json({"SeriesInstanceUID": undo, "instances": count})
            else:
                typer.echo(f"{count} instances are kept as they were before")
            return
        wanted = _wanted(archive, uids or [])
        rows = (_estimate if dry_run else _compress)(archive, wanted, codec or [], effort)
        if not dry_run:
            names = f"{', '.join(codec or ['the codecs of the settings'])}, effort {effort or settings.effort}"
            for row in rows:
                of = str(row["SeriesInstanceUID"])
                note(archive, "configure", of, f"{row['instances']} instances compressed again: {names}")
    if as_json:
        before, after = (sum(int(str(row[name])) for row in rows) for name in ("bytes_before", "bytes_after"))
        echo_json({"series": rows, "bytes_before": before, "bytes_after": after, "estimated": dry_run})
    elif rows:
        _draw(rows)
    else:
        typer.echo("nothing to do: all of it was tried with these codecs and this effort")


def _wanted(archive: "Archive", uids: list[str]) -> dict[int, list[int]]:
    """Series by row number, each with the instances that are meant; none: all."""
    from medarchive.archive.recompress import all_series
    from medarchive.cli.lookup import below

    if not uids:
        return {series: [] for series in all_series(archive.catalog)}
    wanted: dict[int, list[int]] = {}
    for uid in uids:
        for record in below(archive, uid):
            wanted.setdefault(record.series, []).append(record.id)
    return wanted


def _estimate(
    archive: "Archive", wanted: dict[int, list[int]], codecs: list[str], effort: int | None
) -> list[dict[str, object]]:
    from dataclasses import asdict

    recompression = archive.recompression(codecs=codecs, effort=effort)
    found = (recompression.estimate(series, only) for series, only in wanted.items())
    estimates = [estimate for estimate in followed(found, "estimating: series", len(wanted)) if estimate]
    return [{"SeriesInstanceUID": estimate.pop("series_uid")} | estimate for estimate in map(asdict, estimates)]


def _compress(
    archive: "Archive", wanted: dict[int, list[int]], codecs: list[str], effort: int | None
) -> list[dict[str, object]]:
    from medarchive.archive.stats import series_sizes

    recompression = archive.recompression(codecs=codecs, effort=effort)
    queued = {}
    for series, only in followed(wanted.items(), "queueing: series", len(wanted)):
        count = recompression.queue(series, only)
        if count:
            queued[series] = count
    before = series_sizes(archive.catalog, list(queued))
    for done in followed(archive.compress(wait_for_all=True), "compressing", archive.waiting()):
        if done.error:
            typer.echo(f"kept as before for now: {done.uid or done.kind}: {done.error}", err=True)
    after = series_sizes(archive.catalog, list(queued))
    return [
        {
            "SeriesInstanceUID": before[series].uid,
            "modality": before[series].modality,
            "instances": count,
            "bytes_before": before[series].bytes_kept,
            "bytes_after": after[series].bytes_kept,
        }
        for series, count in queued.items()
        if series in after
    ]


def _draw(rows: list[dict[str, object]]) -> None:
    def line(modality: object, uid: object, instances: int, before: int, after: int) -> tuple[object, ...]:
        saved = f"{100 * (before - after) / before:.1f} %" if before else "-"
        return modality, uid, instances, size(before), size(after), saved

    numbers = [tuple(int(str(row[name])) for name in ("instances", "bytes_before", "bytes_after")) for row in rows]
    lines = [line(row["modality"], row["SeriesInstanceUID"], *three) for row, three in zip(rows, numbers, strict=True)]
    totals = [sum(column) for column in zip(*numbers, strict=True)]
    after = "would be>" if "sampled" in rows[0] else "now>"
    columns = ["modality", "SeriesInstanceUID", "instances>", "before>", after, "saved>"]
    draw_table(columns, [*lines, line("all", "", totals[0], totals[1], totals[2])])
