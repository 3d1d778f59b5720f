"""The frames that the lossy benchmarks are of, and what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from medarchive.cli.progress import followed
from medarchive.errors import NotFound

if TYPE_CHECKING:
    from medarchive.bench.lossy.run import Measured
    from medarchive.bench.sources import Found, PassedOver

__all__ = ["Frames", "frames_of", "measured_frames", "summed_up"]


@dataclass(frozen=True, slots=True)
class Frames:
    """What there is to measure.

    Attributes:
        files: how many were looked at.
        work: the middle frame of each series.
        passed_over: files that are not measured.
    """

    files: int
    work: "list[Found]"
    passed_over: "list[PassedOver]"


def frames_of(paths: list[Path]) -> Frames:
    """The middle frame of each series below some paths."""
    from medarchive.bench.sources import PassedOver, gathered, scanned
    from medarchive.cli.intake import files_below

    files = list(files_below(paths))
    sources = list(followed(scanned(files), "reading headers", len(files)))
    passed_over = [each for each in sources if isinstance(each, PassedOver)]
    work = gathered((each for each in sources if not isinstance(each, PassedOver)), 1)
    return Frames(len(files), work, passed_over)


def measured_frames(
    found: Frames, results: "Iterable[Measured | PassedOver]"
) -> "tuple[list[Measured], list[PassedOver]]":
    """What was measured, in the order of the series, and what was passed over; says what was not measured.

    Raises:
        NotFound: nothing could be measured.
    """
    from medarchive.bench.lossy.results import failures
    from medarchive.bench.lossy.run import Measured
    from medarchive.bench.sources import PassedOver

    done = list(followed(results, "measuring", len(found.work)))
    order = {each.name: number for number, each in enumerate(found.work)}
    measured = [each for each in done if isinstance(each, Measured)]
    measured.sort(key=lambda each: order.get(each.about.name, len(order)))
    passed_over = found.passed_over + [each for each in done if isinstance(each, PassedOver)]
    for file in passed_over:
        typer.echo(f"passed over {file.path}: {file.reason}", err=True)
    if not measured:
        raise NotFound(f"no image to measure in {found.files} files")
    for name, curve in failures(measured):
        typer.echo(f"FAILED {curve.name} on {name}: {curve.trouble}", err=True)
    return measured, passed_over


def summed_up(measured_on: dict[str, Any], measured: "Sequence[Measured]") -> str:
    """How many images, on what machine."""
    pixels = sum(each.about.pixels for each in measured) / 1e6
    return f"{len(measured)} images, {pixels:.3g} Mpx; {measured_on['workers']} workers on {measured_on['cpu']}"
