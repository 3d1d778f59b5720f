"""``classify``: what a reader of images says of files, and of what is stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json
from medarchive.cli.exits import FILE_ERROR
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.errors import MedarchiveError, SettingsError
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.insight.reading import Reading

__all__ = ["classify"]

Row = tuple[str, "Reading", int]
"""A file or UID, what was read there, and the exit code."""


@with_settings
def classify(  # options
    settings: Settings,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|UID...]",
            help="DICOM, PNG and JPEG files, folders of them; UIDs of what is stored, or Patient IDs.",
        ),
    ] = None,
    heat: Annotated[
        Path | None, typer.Option("--heat", metavar="DIR", file_okay=False, help="Write heat maps of files, as PNG.")
    ] = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Queue the stored series that the networks of today have not read.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --stale: list them, and queue none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what is in images: brain, lung or something else; and what is to be seen there, or why it cannot be said.

    Investigational, and no medical device. A file or a stored instance is only looked at. What is read in a series,
    a study or a patient is kept as at ingest: see `findings`. A file that cannot be read costs one row with the reason;
    the exit code is that of the first one. Needs the extra `insight`.

    `--stale` is for new networks: they read again what older ones read, and what none has read yet. `serve` and
    `jobs --run` do the work; what older ones found stays in the history.

    Examples:
      medarchive classify image.dcm picture.png
      medarchive classify pictures --json
      medarchive classify 1.2.840.113619.2.5.1762583153
      medarchive classify image.dcm --heat maps
      medarchive classify --stale --dry-run
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli import reading

    if stale == bool(what) or (dry_run and not stale):
        raise typer.BadParameter("name files or UIDs, or --stale", param_hint="FILE|UID")
    if settings.insight == "false":
        raise SettingsError("insight = false: images are not read; set it to auto or true")
    reader = reading.opened()
    with Archive.open(settings, reader=lambda: reader) as archive:
        if stale:
            _stale(archive, dry_run=dry_run, as_json=as_json)
            return
        rows = list(followed(_rows(archive, settings, what or [], heat), "reading", None))
    if as_json:
        echo_json([_described(name, reading) for name, reading, _ in rows])
    else:
        draw_table(
            ["file", "anatomy", "probability>", "finding", "probabilities", "remark"], (_line(*row[:2]) for row in rows)
        )
    code = next((code for _, _, code in rows if code), 0)
    if code:
        raise typer.Exit(code)


def _rows(archive: "Archive", settings: Settings, what: list[str], heat: Path | None) -> Iterator[Row]:
    from medarchive.cli.intake import files_below

    for each in what:
        path = Path(each)
        if path.exists() or not _may_be_uid(each):
            for file in files_below([path], settings.archive.resolve()):
                yield _file(archive, file, heat)
            continue
        for uid, found in archive.classify(each):
            yield uid, found.pooled, 0


def _may_be_uid(text: str) -> bool:
    """Whether it can be a UID or a Patient ID, and looks like no path."""
    return "/" not in text and Path(text).suffix.lower() not in (".dcm", ".png", ".jpg", ".jpeg")


def _file(archive: "Archive", file: Path, heat: Path | None) -> Row:
    from medarchive.cli.heat_pictures import write_heat
    from medarchive.insight.reading import not_read

    try:
        found, view = archive.classify_file(file)
    except MedarchiveError as error:
        return str(file), not_read(str(error)), error.exit_code
    except OSError as error:
        return str(file), not_read(error.strerror or str(error)), FILE_ERROR
    seen = found.readings[found.strongest].heat
    if heat is not None and view is not None and seen is not None:
        heat.mkdir(parents=True, exist_ok=True)
        write_heat(heat / f"{file.name}.png", view, seen)
    return str(file), found.pooled, 0


def _described(name: str, reading: "Reading") -> dict[str, object]:
    return {
        "file": name,
        "anatomy": reading.anatomy,
        "anatomy_probability": round(float(reading.anatomy_probability), 6),
        "finding": reading.finding,
        "probabilities": {label: round(float(value), 6) for label, value in reading.probabilities.items()},
        "abstained": reading.abstained,
        "reason": reading.reason,
    }


def _line(name: str, reading: "Reading") -> tuple[object, ...]:
    from medarchive.cli.reading import finding_of, ranked

    sure = f"{reading.anatomy_probability:.2f}" if reading.anatomy else ""
    return name, reading.anatomy or "not read", sure, finding_of(reading), ranked(reading), reading.reason


def _stale(archive: "Archive", *, dry_run: bool, as_json: bool) -> None:
    found = archive.stale()
    if not dry_run:
        archive.queue_reads(found)
    if as_json:
        echo_json(
            [
                {
                    "SeriesInstanceUID": s.series_uid,
                    "Modality": s.modality,
                    "instances": s.instances,
                    "read_by": s.version,
                }
                for s in found
            ]
        )
        return
    if found:
        draw_table(
            ["modality", "SeriesInstanceUID", "instances>", "read by"],
            ((each.modality or "-", each.series_uid, each.instances, each.version or "none") for each in found),
        )
    what = "would be queued" if dry_run else "are queued; `serve` or `jobs --run` reads them"
    typer.echo(f"{len(found)} series {what}")
