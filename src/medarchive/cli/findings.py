"""``findings`` and ``similar``: what was read in stored images, and which look alike."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.audit import note as noted
from medarchive.cli.drawing import draw_table, echo_json, when
from medarchive.cli.options import with_settings
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.findings import Finding, Verdict

__all__ = ["findings", "similar"]


@with_settings
def findings(  # noqa: PLR0913  # options
    settings: Settings,
    *,
    uid: Annotated[
        str | None, typer.Argument(metavar="[UID]", help="Of an instance, series or study, or a Patient ID.")
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Of a series' single images, too.")] = False,
    confirm: Annotated[
        int | None, typer.Option("--confirm", metavar="ID", help="Note that a clinician confirms this reading.")
    ] = None,
    reject: Annotated[
        int | None, typer.Option("--reject", metavar="ID", help="Note that a clinician says that it is wrong.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")] = "",
    label: Annotated[str | None, typer.Option("--label", help="What it is instead.")] = None,
    note: Annotated[str, typer.Option("--note", help="Anything else.")] = "",
    export: Annotated[
        bool, typer.Option("--export", help="Print all that clinicians said as JSON lines, to train on.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what was read in stored images, with the history and with what clinicians say of it; or note what they say.

    A reading that is rejected is not found by `find FINDING=...` any more; it stays, and what was said stands beside
    it. Investigational, and no medical device.

    Examples:
      medarchive findings 1.2.840.113619.2.5.1762583153
      medarchive findings PATIENT7 --json
      medarchive findings --reject 17 --by 'Dr. Who' --label meningioma
      medarchive findings --export > corrections.jsonl
    """
    from medarchive.archive.archive import Archive
    from medarchive.archive.findings import exported

    if (uid is not None) + (confirm is not None) + (reject is not None) + export != 1:
        raise typer.BadParameter("name a UID, or one of --confirm, --reject and --export", param_hint="UID")
    with Archive.open(settings) as archive:
        if uid is not None:
            found = archive.findings(uid, images=images)
            echo_json([_described(each) for each in found]) if as_json else _draw(found)
            return
        if export:
            for finding, said in archive.corrections():
                typer.echo(json.dumps(exported(finding, said), ensure_ascii=False))
            return
        verdict: Verdict = "confirmed" if confirm is not None else "rejected"
        reading = confirm if confirm is not None else reject
        assert reading is not None
        number = archive.correct(reading, verdict, by=by, label=label, note=note)
        noted(archive, "correct", str(reading), f"{verdict} by {by.strip()}")
    if as_json:
        echo_json({"correction": number, "reading": reading, "verdict": verdict})
    else:
        typer.echo(f"reading {reading} is {verdict} by {by.strip()}")


@with_settings
def similar(
    settings: Settings,
    what: Annotated[
        str, typer.Argument(metavar="UID|FILE", help="Of a stored instance; or a DICOM, PNG or JPEG file.")
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many at most.")] = 10,
    same_modality: Annotated[bool, typer.Option("--same-modality", help="Of the same modality alone.")] = False,
    other_series: Annotated[bool, typer.Option("--other-series", help="Not of the same series.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """List the stored images that look most like one, by what the networks see in them; the most similar first.

    Exact nearest neighbours among all images that were read. A file needs the extra `insight`; its modality is not
    known, so --same-modality is for stored instances.

    Examples:
      medarchive similar 1.2.840.113619.2.5.1762583153 -n 5 --same-modality
      medarchive similar picture.png --json
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli import reading
    from medarchive.cli.lookup import instance
    from medarchive.errors import UnsupportedImage

    path = Path(what)
    if path.is_file() and (same_modality or other_series):
        raise typer.BadParameter("a file is of no stored series: leave --same-modality and --other-series out")
    reader = reading.opened() if path.is_file() else None
    with Archive.open(settings, reader=(lambda: reader) if reader else reading.reader_for(settings)) as archive:
        if path.is_file():
            view = archive.classify_file(path)[1]
            if view is None:
                raise UnsupportedImage(f"{path}: no frame of it can be read")
            found = archive.similar(view, n)
        else:
            uid = instance(archive, what).uid
            found = archive.similar(uid, n, same_modality=same_modality, other_series=other_series)
    if as_json:
        echo_json(
            [
                {
                    "SOPInstanceUID": each.uid,
                    "frame": each.frame,
                    "similarity": round(each.similarity, 6),
                    "Modality": each.modality,
                    "PatientID": each.patient_id,
                    "SeriesInstanceUID": each.series_uid,
                    "StudyInstanceUID": each.study_uid,
                    "finding": each.finding,
                }
                for each in found
            ]
        )
        return
    draw_table(
        ["similarity>", "PatientID", "modality", "finding", "frame>", "SOPInstanceUID"],
        (
            (f"{each.similarity:.3f}", each.patient_id, each.modality, each.finding or "-", each.frame, each.uid)
            for each in found
        ),
    )


def _described(finding: "Finding") -> dict[str, object]:
    from dataclasses import asdict

    found = asdict(finding)
    return {
        "id": found.pop("id"),
        "SeriesInstanceUID": found.pop("series_uid"),
        "SOPInstanceUID": found.pop("uid"),
        "read_at": when(found.pop("created_at")),
        "superseded_at": when(found.pop("superseded_at")) if finding.superseded_at is not None else None,
        "report": found.pop("report_uid"),
        "corrections": [
            {
                "verdict": said.verdict,
                "label": said.label,
                "by": said.by,
                "note": said.note,
                "at": when(said.created_at),
            }
            for said in finding.corrections
        ],
    } | {name: value for name, value in found.items() if name != "corrections"}


def _draw(found: "list[Finding]") -> None:
    if not found:
        typer.echo("nothing was read there; `medarchive classify UID` reads a series")
        return
    columns = ["id>", "of", "anatomy", "finding", "probabilities", "read", "remark", "said"]
    draw_table(columns, (_line(each) for each in found))
    typer.echo("investigational: not verified by anybody but those who are named")


def _line(finding: "Finding") -> tuple[object, ...]:
    from medarchive.cli.reading import finding_of, ranked

    old = f"superseded {when(finding.superseded_at)}" if finding.superseded_at is not None else ""
    said = "; ".join(
        f"{each.verdict} by {each.by}{f': {each.label}' * bool(each.label)}" for each in finding.corrections
    )
    of = f"series {finding.series_uid}" if finding.pooled else f"{finding.uid} frame {finding.frame}"
    remark = "; ".join(part for part in (finding.reason, old) if part)
    read = finding.anatomy or "not read", finding_of(finding), ranked(finding), when(finding.created_at)
    return finding.id, of, *read, remark, said
