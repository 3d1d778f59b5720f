"""``bench``: our codecs and their peers on the user's own images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medarchive.cli.bench_files import check_free, write_csv, write_json
from medarchive.cli.bench_plot import check_plot, draw_plot
from medarchive.cli.drawing import draw_table
from medarchive.cli.progress import followed
from medarchive.errors import CodecError, NotFound

if TYPE_CHECKING:
    from medarchive.bench.contenders import Contender
    from medarchive.bench.results import Results, Row
    from medarchive.bench.sources import PassedOver

__all__ = ["bench"]


def bench(  # noqa: PLR0913  # a parameter for each option
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="DICOM files, and folders of them.")],
    *,
    codec: Annotated[
        list[str] | None, typer.Option(help="Measure this one; may be repeated. Otherwise all, ours and peers.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Compare sizes with this one; otherwise jpegxl-e9, or jpegxl-e7 with --quick.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the slowest: jpegxl-e9 and zstd-19.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Frames of each series, from its middle; otherwise all.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Threads, and cores, for everyone alike.")] = 2,
    max_error: Annotated[
        int, typer.Option("--max-error", min=0, metavar="N", help="Beside lossless: no value off by more than N.")
    ] = 0,
    effort: Annotated[int, typer.Option(min=1, max=9, help="Of our own codecs: 1 is quick, 9 is small.")] = 7,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON; - is stdout.")
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write all figures as CSV.")] = None,
    plot_file: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw size against speed: .svg, or .png with medarchive[plot]."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Measure size and speed of our codecs beside their peers, on your own images.

    Peers: JPEG-LS, JPEG 2000, HTJ2K, JPEG XL at efforts 3, 7 and 9, Zstandard at level 19. All get the same stored
    values in the same run, on the same cores; every result is decoded and compared. Sizes are of whole files or
    containers. Speeds are wall time over all frames of a modality, encoding and decoding separately.

    What cannot be measured is named on stderr. The exit code is 20 where a codec did not give the images back.

    Examples:
      medarchive bench /data/ct
      medarchive bench /data --quick --limit 16 --plot size-speed.svg
      medarchive bench /data/mr --codec predictive --codec jpegls --max-error 2 --json figures.json
    """
    from medarchive.bench.machine import conditions
    from medarchive.bench.results import Results
    from medarchive.bench.run import contenders

    check_free((json_file, csv_file, plot_file), force=force)
    if plot_file is not None:
        check_plot(plot_file)
    names = [*(codec or ()), *([against] if codec and against else ())]
    who, missing = contenders(names, quick=quick, max_error=max_error, effort=effort)
    if against and against not in [each.name for each in who]:
        raise typer.BadParameter(f"{against} is not among those that are measured", param_hint="--against")
    for line in missing:
        typer.echo(f"not measured: {line}", err=True)
    results = Results(against)
    passed_over = _measure(paths, limit, who, workers, results)
    measured_on = conditions(workers, effort)
    if json_file is not None:
        write_json(json_file, measured_on, results, missing, passed_over)
    if csv_file is not None:
        write_csv(csv_file, [*results.total(), *results.by_modality(), *results.by_series()])
    if plot_file is not None:
        draw_plot(plot_file, results.total(), results.reference(), _summed_up(measured_on, results))
    if str(json_file) != "-":
        _draw(measured_on, results)
    if results.failures:
        raise typer.Exit(CodecError.exit_code)


def _measure(
    paths: list[Path], limit: int | None, who: "Sequence[Contender]", workers: int, results: "Results"
) -> "list[PassedOver]":
    """Measure what can be, say what cannot; returns the files that were passed over.

    Raises:
        NotFound: nothing could be measured.
    """
    from medarchive.bench.run import batches, run
    from medarchive.bench.sources import PassedOver, gathered, scanned
    from medarchive.cli.intake import files_below

    files = list(files_below(paths))
    sources = list(followed(scanned(files), "reading headers", len(files)))
    passed_over = [each for each in sources if isinstance(each, PassedOver)]
    work = batches(gathered((each for each in sources if not isinstance(each, PassedOver)), limit))
    for more in followed(run(work, who, workers, results), "measuring", len(work) * len(who)):
        passed_over += more
    for file in passed_over:
        typer.echo(f"passed over {file.path}: {file.reason}", err=True)
    if not results.series:
        raise NotFound(f"no image to measure in {len(files)} files")
    for failure in results.failures:
        name = _label(failure.contender.name, failure.contender.max_error)
        typer.echo(f"FAILED {name} on {failure.series.name}: {failure.trouble}", err=True)
    return passed_over


def _label(name: str, max_error: int) -> str:
    return f"{name}, near {max_error}" if max_error else name


def _draw(measured_on: dict[str, Any], results: "Results") -> None:
    rows, total = results.by_modality(), results.total()
    modalities = {row.name for row in rows}
    bounds = sorted({row.max_error for row in total})
    for bound in bounds:
        drawn = [row for row in (*(rows if len(modalities) > 1 else ()), *total) if row.max_error == bound]
        title = f"No value off by more than {bound}" if bound else "Lossless"
        columns = ["modality", "codec", "series>", "bits/px>", "ratio>", "encode Mpx/s>", "decode Mpx/s>"]
        columns.append(f"size to {results.reference(bound)}>")
        draw_table(columns, [_cells(row, modalities) for row in drawn], title=title)
    typer.echo(_summed_up(measured_on, results))
    typer.echo(", ".join(f"{name} {version}" for name, version in measured_on["versions"].items()))


def _cells(row: "Row", modalities: set[str]) -> tuple[str, ...]:
    name = next(iter(modalities)) if row.scope == "total" and len(modalities) == 1 else row.name
    series = str(row.series) if row.series == row.of else f"{row.series} of {row.of}"
    numbers = (
        *(_number(row.bits_per_pixel, 3), _number(row.ratio, 2)),
        *(_number(row.encode_mpx_s), _number(row.decode_mpx_s), _number(row.size_to_reference, 4)),
    )
    return name, row.codec, series, *numbers


def _number(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if digits is None else f"{value:.{digits}f}"


def _summed_up(measured_on: dict[str, Any], results: "Results") -> str:
    series = results.series
    frames, pixels = sum(each.frames for each in series), sum(each.pixels for each in series) / 1e6
    many = f"{len(series)} series, {frames} frames, {pixels:.3g} Mpx"
    return f"{many}; {measured_on['workers']} workers on {measured_on['cpu']}"
