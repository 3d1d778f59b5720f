"""``bench-lossy``: rate and distortion of our codecs and their peers on the user's own images."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medarchive.cli.bench_files import check_free, write_figures
from medarchive.cli.bench_frames import frames_of, measured_frames, summed_up
from medarchive.cli.bench_plot import check_plot, draw_shapes
from medarchive.cli.drawing import draw_table
from medarchive.errors import CodecError

if TYPE_CHECKING:
    from medarchive.bench.lossy.results import Compared
    from medarchive.bench.lossy.run import Measured
    from medarchive.bench.sources import PassedOver

__all__ = ["bench_lossy"]


def bench_lossy(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="DICOM files, and folders of them.")],
    *,
    codec: Annotated[
        list[str] | None, typer.Option(help="Measure this one; may be repeated. Otherwise all, ours and peers.")
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option(
            min=0.01, max=16, metavar="BITS", help="Bits a pixel; may be repeated. Otherwise 0.1 to 1, 1.5, 2 and 3."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Threads, and cores.")] = 2,
    effort: Annotated[int, typer.Option(min=1, max=9, help="Of our own codecs: 1 is quick, 9 is small.")] = 7,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON; - is stdout.")
    ] = None,
    plot_file: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw quality over rate: .svg, or .png with medarchive[plot]."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Measure the quality of our lossy codecs beside their peers at the same bits a pixel, on your own images.

    Peers: JPEG 2000 with the 9/7 wavelet, JPEG XL lossy at effort 7. For each image, the middle frame of each series in
    shades of grey, and each rate the setting is searched that comes to it. Quality is PSNR, with the image's own range
    as the peak, and MS-SSIM within the window of the header. BD-rate is how many more bytes a codec takes than a peer
    at the same quality, in the mean over all quality that both reach; below 0 is less.

    What cannot be measured is named on stderr. The exit code is 20 where a codec fell over.

    Examples:
      medarchive bench-lossy /data/ct
      medarchive bench-lossy /data --plot lossy.svg --json figures.json
      medarchive bench-lossy /data/mr --codec predictive --codec jpeg2000 --rate 1 --rate 2 --rate 3
    """
    from medarchive.bench.lossy.measuring import ABOVE, RATES
    from medarchive.bench.lossy.results import failures
    from medarchive.bench.lossy.run import lossy_contenders, lossy_run
    from medarchive.bench.machine import conditions
    from medarchive.cli.bench_lossy_chart import lossy_chart, lossy_size

    check_free((json_file, plot_file), force=force)
    if plot_file is not None:
        check_plot(plot_file)
    rates = sorted(set(rate or (*RATES, *ABOVE)))
    who, missing = lossy_contenders(codec or (), effort=effort)
    for line in missing:
        typer.echo(f"not measured: {line}", err=True)
    found = frames_of(paths)
    measured, passed_over = measured_frames(found, lossy_run(found.work, who, rates, workers))
    measured_on = conditions(workers, effort)
    if json_file is not None:
        write_figures(json_file, _figures(measured_on, rates, measured, missing, passed_over))
    if plot_file is not None:
        shapes = list(lossy_chart(measured, rates, summed_up(measured_on, measured)))
        draw_shapes(plot_file, shapes, lossy_size(measured))
    if str(json_file) != "-":
        _draw(measured_on, rates, measured)
    if failures(measured):
        raise typer.Exit(CodecError.exit_code)


def _comparisons(
    rates: Sequence[float], measured: "Sequence[Measured]"
) -> "Iterator[tuple[str, tuple[float, float], list[tuple[Compared, Compared]]]]":
    """For each reference and span of rates, to 1 bit, beyond, and all: rows by PSNR and by MS-SSIM."""
    from medarchive.bench.lossy.measuring import RATES
    from medarchive.bench.lossy.results import METRICS, compared, with_envelope

    whole = [with_envelope(each) for each in measured]
    curves = measured[0].curves
    references = [curve.name for curve in curves if not curve.ours] or [curves[0].name]
    low, middle, high = rates[0], min(max(RATES[-1], rates[0]), rates[-1]), rates[-1]
    spans = [(low, middle), (middle, high), (low, high)] if low < middle < high else [(low, high)]
    for reference in references:
        for span in spans:
            by_psnr, by_ms_ssim = (compared(whole, reference, metric, *span) for metric in METRICS)
            yield reference, span, list(zip(by_psnr, by_ms_ssim, strict=True))


def _draw(measured_on: dict[str, Any], rates: Sequence[float], measured: "Sequence[Measured]") -> None:
    """Tables of the modalities and the total; the first has the images as well."""
    modalities = {each.about.modality for each in measured}
    scopes = {"image", "total"} | ({"modality"} if len(modalities) > 1 else set())
    for reference, (least, most), rows in _comparisons(rates, measured):
        drawn = [(psnr, ms_ssim) for psnr, ms_ssim in rows if psnr.scope in scopes]
        columns = ["", "codec", "images>", *("PSNR: BD-rate>", "worst>", "anywhere>")]
        columns += ["MS-SSIM: BD-rate>", "worst>", "anywhere>"]
        title = f"Bytes beyond {reference}'s at the same quality, {least:g} to {most:g} bits a pixel"
        draw_table(columns, [_cells(*row) for row in drawn], title=title)
        scopes -= {"image"}
    typer.echo(summed_up(measured_on, measured))
    typer.echo(", ".join(f"{name} {version}" for name, version in measured_on["versions"].items()))


def _cells(by_psnr: "Compared", by_ms_ssim: "Compared") -> tuple[str, ...]:
    numbers = []
    for row in (by_psnr, by_ms_ssim):
        highest = None if row.most_rate is None else row.most_rate - 1
        numbers += [_percent(row.bd_rate) or "no overlap", _percent(row.worst) or "-", _percent(highest) or "-"]
    images = str(by_psnr.images) if by_psnr.images == by_psnr.of else f"{by_psnr.images} of {by_psnr.of}"
    return by_psnr.name, by_psnr.codec, images, *numbers


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.1f} %"


def _figures(
    measured_on: dict[str, Any],
    rates: Sequence[float],
    measured: "Sequence[Measured]",
    missing: list[str],
    passed_over: "list[PassedOver]",
) -> dict[str, Any]:
    from dataclasses import asdict

    rows = [asdict(row) for _, _, pairs in _comparisons(rates, measured) for pair in pairs for row in pair]
    return measured_on | {
        "rates": list(rates),
        "compared": rows,
        "images": [asdict(each) for each in measured],
        "not_measured": missing,
        "passed_over": [{"path": str(each.path), "reason": each.reason} for each in passed_over],
    }
