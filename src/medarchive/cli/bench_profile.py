"""``bench-profile``: the bytes that everyone takes at one fidelity profile."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.bench_files import check_free, write_figures
from medarchive.cli.bench_frames import frames_of, measured_frames, summed_up
from medarchive.cli.drawing import draw_table
from medarchive.errors import CodecError

if TYPE_CHECKING:
    from medarchive.bench.lossy.at_profile import Kept

__all__ = ["bench_profile"]


def bench_profile(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="Name of a fidelity profile, such as ct-chest.")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="DICOM files, and folders of them.")],
    *,
    codec: Annotated[
        list[str] | None, typer.Option(help="Measure this one; may be repeated. Otherwise all, ours and peers.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Threads, and cores.")] = 2,
    effort: Annotated[int, typer.Option(min=1, max=9, help="Of our own codecs: 1 is quick, 9 is small.")] = 7,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON; - is stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Measure with how few bytes each codec keeps what a fidelity profile asks for, on your own images.

    For each image, the middle frame of each series in shades of grey, and each codec the lowest setting is searched
    that passes the profile: lossless, near-lossless with the largest bound, our lossy codecs, JPEG 2000 with the 9/7
    wavelet, JPEG XL lossy at effort 7.

    What cannot be measured is named on stderr. The exit code is 20 where a codec fell over.

    Examples:
      medarchive bench-profile ct-chest /data/chest
      medarchive bench-profile mr /data/mr --codec predictive --codec jpeg2000 --json figures.json
    """
    from medarchive.bench.lossy.at_profile import kept
    from medarchive.bench.lossy.results import failures
    from medarchive.bench.lossy.run import lossy_contenders, profile_run
    from medarchive.bench.machine import conditions
    from medarchive.codecs import fidelity

    check_free((json_file,), force=force)
    asked = fidelity.profile(profile)
    who, missing = lossy_contenders(codec or (), effort=effort, lossless=True)
    for line in missing:
        typer.echo(f"not measured: {line}", err=True)
    found = frames_of(paths)
    measured, passed_over = measured_frames(found, profile_run(found.work, who, asked, workers))
    rows = kept(measured)
    measured_on = conditions(workers, effort)
    if json_file is not None:
        figures = {
            "profile": profile,
            "kept": [asdict(row) for row in rows],
            "images": [asdict(each) for each in measured],
            "not_measured": missing,
            "passed_over": [{"path": str(each.path), "reason": each.reason} for each in passed_over],
        }
        write_figures(json_file, measured_on | figures)
    if str(json_file) != "-":
        _draw(profile, rows)
        typer.echo(summed_up(measured_on, measured))
    if failures(measured):
        raise typer.Exit(CodecError.exit_code)


def _draw(profile: str, rows: "Sequence[Kept]") -> None:
    modalities = {row.name for row in rows if row.scope == "modality"}
    drawn = [row for row in rows if row.scope != "modality" or len(modalities) > 1]
    against = [name for name in rows[0].size_to if "lossless" in name or name == "jpeg2000"]
    columns = ["", "codec", "passes>", "bits/px>", *(f"size to {name}>" for name in against), "PSNR>", "largest error>"]
    draw_table(columns, [_cells(row, against) for row in drawn], title=f"Fewest bytes that pass {profile}")


def _cells(row: "Kept", against: Sequence[str]) -> tuple[str, ...]:
    sizes = (row.size_to[name] for name in against)
    return (
        *(row.name, row.codec, f"{row.images} of {row.of}", _number(row.bits_per_pixel, 3)),
        *(_number(size, 3) for size in sizes),
        _number(row.psnr, 1),
        "-" if row.max_error is None else str(row.max_error),
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
