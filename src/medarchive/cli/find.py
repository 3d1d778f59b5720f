"""``find``, ``show`` and ``stats``: look at what is there."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, ratio, size, when
from medarchive.cli.options import with_settings
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.archive.catalog import InstanceRecord
    from medarchive.dicom.query import Level, Match

__all__ = ["find", "show", "stats"]

_COLUMNS = {
    "PATIENT": "PatientID PatientName PatientBirthDate PatientSex NumberOfPatientRelatedStudies> "
    "NumberOfPatientRelatedInstances>",
    "STUDY": "PatientID PatientName StudyDate ModalitiesInStudy StudyDescription NumberOfStudyRelatedSeries> "
    "NumberOfStudyRelatedInstances> StudyInstanceUID",
    "SERIES": "PatientID StudyDate Modality SeriesNumber> SeriesDescription NumberOfSeriesRelatedInstances> "
    "SeriesInstanceUID",
    "IMAGE": "PatientID Modality SeriesNumber> InstanceNumber> Rows> Columns> size> stored_bytes> codec SOPInstanceUID",
}
_IDENTITY = (
    "PatientID PatientName StudyDate StudyDescription Modality SeriesNumber SeriesDescription InstanceNumber "
    "NumberOfFrames Rows Columns SamplesPerPixel BitsAllocated BitsStored PhotometricInterpretation"
)
_OWN_NUMBERS = {"stored_bytes": "IS", "size": "IS", "received_at": "DS"}
"""What the catalogue adds to the attributes, where it is a number."""
_INTEGERS = frozenset(("IS", "US", "UL", "SS", "SL"))
_DECIMALS = frozenset(("DS", "FL", "FD"))


@with_settings
def find(
    settings: Settings,
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE...", help="A keyword or tag and what it shall match; all must match."),
    ] = None,
    level: Annotated[str, typer.Option(help="patient, study, series or instance.")] = "study",
    limit: Annotated[int | None, typer.Option(min=1, help="No more than this many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects with DICOM keywords.")] = False,
) -> None:
    """Find patients, studies, series or instances.

    Values match as in C-FIND: * and ? are wild cards, dates and times may be ranges (20240101-20240131, 20240101-),
    names match in any case, several UIDs are separated by a backslash.

    Two keys are the archive's own, at every level: FINDING, a label of what was read in the images (no_tumour, glioma,
    meningioma, pituitary, tumour; normal, benign, malignant; likely_benign, likely_malignant; pneumonia, bacteria,
    virus; * for any), and PROBABILITY, its range (0.8-, 0.3-0.6; otherwise 0.5-). The newest reading counts, where it
    did not abstain and nobody has rejected it.

    Examples:
      medarchive find
      medarchive find FINDING=tumour PROBABILITY=0.8- Modality=MR --level series
      medarchive find PatientName='doe*' StudyDate=20240101-
      medarchive find --level series Modality=CT BodyPartExamined=CHEST
      medarchive find --level instance SeriesInstanceUID=1.2.3 --json
    """
    from medarchive.archive.archive import Archive
    from medarchive.dicom.query import Query

    wanted = _level(level)
    query = Query.from_pairs(wanted, keys or [], limit=limit)
    with Archive.open(settings) as archive:
        if as_json:
            echo_json([_typed(match) for match in archive.find(query)])
            return
        columns = _COLUMNS[wanted].split()
        draw_table(
            [re.sub("NumberOf.*Related", "", column) for column in columns],
            ([match.values[column.removesuffix(">")] for column in columns] for match in archive.find(query)),
        )


@with_settings
def show(
    settings: Settings,
    uid: Annotated[str, typer.Argument(help="SOP Instance UID.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Explain one instance: what it is, where it came from, how it is kept, and why so.

    Examples:
      medarchive show 1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli.lookup import instance

    with Archive.open(settings) as archive:
        record = instance(archive, uid)
        described = _identity(archive, uid) | _kept(record) | _derivations(archive, uid)
    if as_json:
        echo_json(described)
    else:
        draw_table(["what", "value"], ((name, _for_people(name, value)) for name, value in described.items()))


@with_settings
def stats(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what the archive holds and saves, by modality and codec, and what is waiting.

    Examples:
      medarchive stats
      medarchive stats --json
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        found = archive.stats()
    if as_json:
        echo_json(asdict(found) | {"ratio": found.bytes_in / found.bytes_kept if found.bytes_kept else None})
        return
    rows = [
        (group.modality or "-", group.codec, group.instances, group.bytes_in, group.bytes_kept)
        for group in found.groups
    ]
    rows.append(("all", "", found.instances, found.bytes_in, found.bytes_kept))
    draw_table(
        ["modality", "codec", "instances>", "bytes in>", "bytes kept>", "ratio>"],
        ((*row[:3], size(row[3]), size(row[4]), ratio(row[3], row[4])) for row in rows),
    )
    typer.echo(
        f"{found.patients} patients, {found.studies} studies, {found.series} series; {size(found.bytes_stored)} in the "
        f"store; {found.jobs_waiting} jobs waiting, {found.jobs_failed} failed; {found.deleted} deleted instances can "
        "be brought back"
    )


def _level(text: str) -> "Level":
    from medarchive.dicom.query import Level

    names = {"patient": Level.PATIENT, "study": Level.STUDY, "series": Level.SERIES}
    names |= {"instance": Level.IMAGE, "image": Level.IMAGE}
    if text.lower() not in names:
        raise typer.BadParameter(f"{text!r} is none of patient, study, series, instance", param_hint="--level")
    return names[text.lower()]


def _typed(match: "Match") -> dict[str, object]:
    """The values of a match, numbers as numbers; one that is absent is empty, or null where it would be a number."""
    from medarchive.dicom.query import KNOWN

    typed: dict[str, object] = {}
    for name, value in match.values.items():
        vr = KNOWN[name][1].vr if name in KNOWN else _OWN_NUMBERS.get(name, "LO")
        typed[name] = _number(value, vr) if vr in _INTEGERS | _DECIMALS else value
    return typed


def _number(value: str, vr: str) -> object:
    """A number where the value is one; what a file says instead stays as it is."""
    if not value:
        return None
    try:
        return int(value) if vr in _INTEGERS else float(value)
    except ValueError:
        return value


def _identity(archive: "Archive", uid: str) -> dict[str, object]:
    from medarchive.dicom.query import Level, Query

    query = Query.from_pairs(Level.IMAGE, [f"SOPInstanceUID={uid}"], limit=1)
    found = next((_typed(match) for match in archive.find(query)), {})
    return {name: found[name] for name in _IDENTITY.split() if found.get(name) not in (None, "")}


def _kept(record: "InstanceRecord") -> dict[str, object]:
    from pydicom.uid import UID

    forms = {
        "raw": "the file as it was received",
        "zstd": "the file, compressed as a whole",
        "split": "header and pixels apart, the pixels in a codec container",
    }
    states = {
        "received": "waiting to be compressed",
        "alone": "compressed, waiting for its series to go quiet",
        "kept": "in its final form",
    }
    kept: dict[str, object] = {
        "StudyInstanceUID": record.study_uid,
        "SeriesInstanceUID": record.series_uid,
        "SOPInstanceUID": record.uid,
        "SOPClassUID": f"{record.sop_class} ({UID(record.sop_class).name})",
        "TransferSyntaxUID": f"{record.transfer_syntax} ({UID(record.transfer_syntax).name})",
        "received": when(record.received_at),
        "source": record.source or "a file",
        "size": record.size,
        "sha256": record.sha256,
        "state": states[record.state],
        "form": forms[record.form],
        "codec": record.codec,
        "stored_bytes": record.stored_bytes,
        "ratio": round(record.size / record.stored_bytes, 3) if record.stored_bytes else None,
        "reason": record.reason,
        "blob": record.blob,
        "container": record.container,
    }
    if record.shared:
        kept["slice"] = f"{record.first_frame + 1} of {record.entry_frames} in its container"
    return {name: value for name, value in kept.items() if value not in ("", None)}


def _derivations(archive: "Archive", uid: str) -> dict[str, object]:
    """What was derived from an instance or what it was derived from, and what was measured then."""
    described: dict[str, object] = {}
    for each in archive.derivations(uid):
        if each.derived_uid == uid:
            described |= {"derived_from": each.source_uid, "loss": each.what, "fidelity": each.report}
        elif each.derived_uid:
            described.setdefault("derived", each.derived_uid)
    return described


def _for_people(name: str, value: object) -> object:
    if name in ("size", "stored_bytes") and isinstance(value, int):
        return f"{value} bytes ({size(value)})"
    return f"not split: {value}" if name == "reason" else value
