"""``fidelity``: whether decoded pixels keep what a reader needs of the original ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json
from medarchive.cli.exits import UNFAITHFUL

if TYPE_CHECKING:
    from collections.abc import Callable

    from medarchive.cli.fidelity_judged import Judged
    from medarchive.codecs.fidelity import FidelityProfile, Rescale, Verdict
    from medarchive.dicom.subject import Subject

__all__ = ["fidelity"]


def fidelity(
    original: Annotated[
        Path, typer.Argument(metavar="ORIGINAL", exists=True, dir_okay=False, help="A DICOM or NumPy file.")
    ],
    stream: Annotated[
        Path,
        typer.Argument(
            metavar="STREAM", exists=True, dir_okay=False, help="What `encode` wrote, a DICOM or a NumPy file."
        ),
    ],
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Such as ct-chest; otherwise by modality and body part.")
    ] = None,
    slope: Annotated[
        float | None, typer.Option(help="Stored values times this plus --intercept are HU; otherwise the header's.")
    ] = None,
    intercept: Annotated[float | None, typer.Option(help="See --slope; otherwise the header's.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write a page (.html) or one picture (.png).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Judge whether STREAM keeps what a reader needs of ORIGINAL.

    Every measurement is printed with its limit; the exit code is 1 where one does not pass. What cannot be judged, for
    instance a modality without a profile, does not pass.

    Examples:
      medarchive fidelity image.dcm image.meda --report image.html
      medarchive fidelity image.dcm lossy.dcm --profile ct-head --report lossy.png
      medarchive fidelity slices.npy near.meda --profile ct-chest --slope 1 --intercept -1024
    """
    from medarchive.cli.fidelity_judged import Judged
    from medarchive.cli.fidelity_subject import read, with_bits_of
    from medarchive.codecs.fidelity import judge

    write = _writer(report) if report else None
    before, after = read(original), read(stream)
    image, decoded = with_bits_of(before, after), with_bits_of(after, before)
    chosen = _profile(profile, before.subject)
    rescale = _rescale(slope, intercept, before.subject)
    verdict = judge(image, decoded, chosen, rescale=rescale)
    judged = Judged(image, decoded, verdict, chosen, rescale, (original.name, stream.name))
    if report and write:
        write(report, judged)
    if as_json:
        echo_json(_as_dict(verdict))
    else:
        _draw(judged)
    if not verdict.passed:
        raise typer.Exit(UNFAITHFUL)


def _writer(report: Path) -> "Callable[[Path, Judged], None]":
    """What writes such a file.

    Raises:
        SettingsError: its suffix is no format, or it cannot be drawn here.
    """
    suffix = report.suffix.lower()
    if suffix in (".html", ".htm"):
        from medarchive.cli.fidelity_report import write_report

        return write_report
    if suffix != ".png":
        from medarchive.errors import SettingsError

        raise SettingsError(f"--report {report}: writes .html and .png, not {suffix or 'a file without suffix'}")
    from medarchive.cli.canvas import check_pillow
    from medarchive.cli.fidelity_sheet import write_sheet

    check_pillow(f"--report {report}", "write a .html")
    return write_sheet


def _profile(name: str | None, subject: "Subject | None") -> "FidelityProfile | None":
    from medarchive.codecs.fidelity import profile, profile_for

    if name is not None:
        return profile(name)
    return profile_for(subject.modality, subject.body_part) if subject else None


def _rescale(slope: float | None, intercept: float | None, subject: "Subject | None") -> "Rescale":
    from medarchive.codecs.fidelity import Rescale

    if slope is None and intercept is None:
        return subject.rescale if subject else Rescale()
    return Rescale(1.0 if slope is None else slope, intercept or 0.0, "HU")


def _draw(judged: "Judged") -> None:
    verdict = judged.verdict
    draw_table(
        ["check", "value>", "limit", "", "remark"],
        ((c.name, c.measured, c.limit, "passed" if c.passed else "FAILED", c.remark) for c in verdict.checks),
        title=judged.title,
    )
    typer.echo("passed" if verdict.passed else "FAILED")
    for reason in verdict.reasons:
        typer.echo(f"  {reason}")


def _as_dict(verdict: "Verdict") -> dict[str, object]:
    import math

    return {
        "profile": verdict.profile,
        "passed": verdict.passed,
        "checks": [
            {
                "name": c.name,
                "value": c.value if math.isfinite(c.value) else None,
                "least": c.least,
                "most": c.most,
                "unit": c.unit,
                "passed": c.passed,
                "remark": c.remark,
            }
            for c in verdict.checks
        ],
        "reasons": list(verdict.reasons),
    }
