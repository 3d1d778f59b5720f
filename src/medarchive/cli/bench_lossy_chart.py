"""Chart: quality over bits a pixel, a panel for each modality and measure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from medarchive.bench.lossy.bdrate import Reached
from medarchive.bench.lossy.results import METRICS, TOGETHER, Metric, mean_curve, with_envelope
from medarchive.bench.lossy.run import Measured
from medarchive.cli.shapes import Dot, Line, LogScale, Scale, Shape, Words, words_width

__all__ = ["lossy_chart", "lossy_size"]

_WIDTH, _TOP, _PANEL, _BELOW = 1120, 130, 270, 40
_ACROSS = 4
_LEFT, _RIGHT, _UNDER = 56, 14, 56
_INK, _FAINT, _GRID = "#1f2933", "#616e7c", "#e4e7eb"
_OURS, _THEIRS = ("#00796b", "#66bb6a", "#00acc1"), ("#c0562f", "#7b61b0", "#7b8794")
_TITLES: dict[Metric, str] = {"psnr": "PSNR, dB", "ms_ssim": "MS-SSIM in window, dB"}
_RADIUS = 3


def lossy_size(measured: Sequence[Measured]) -> tuple[int, int]:
    """Width and height of the canvas."""
    return _WIDTH, _TOP + _PANEL * len(METRICS) * -(-len(_modalities(measured)) // _ACROSS) + _BELOW


def lossy_chart(measured: Sequence[Measured], rates: Sequence[float], conditions: str) -> Iterator[Shape]:
    """Mean quality over the images of each modality; all of our codecs joined by one line.

    Args:
        measured: images, without an envelope.
        rates: bits a pixel at which there is a dot, growing.
        conditions: goes below.
    """
    whole = [with_envelope(each) for each in measured]
    colours = _colours(measured)
    yield Words(30, 40, "Quality at the same bits a pixel", 20, _INK)
    line = "our codecs joined by one line" if len([c for c in colours.values() if c in _OURS]) > 1 else "best is above"
    yield Words(30, 64, f"Means over the images of a modality; {line}.", 14, _FAINT)
    x = 30.0
    for name, colour in colours.items():
        yield Dot(x + 5, 87, 5, colour)
        yield Words(x + 16, 92, name, 14, colour)
        x += 40 + words_width(name, 14)
    modalities = _modalities(whole)
    for at, modality in enumerate(modalities):
        images = [each for each in whole if each.about.modality == modality]
        for row, metric in enumerate(METRICS):
            down = _TOP + _PANEL * (row + len(METRICS) * (at // _ACROSS))
            width = (_WIDTH - 30) / min(len(modalities), _ACROSS)
            left = 15 + width * (at % _ACROSS)
            yield Words(left + _LEFT, down, f"{modality} ({len(images)}): {_TITLES[metric]}", 14, _INK)
            box = (left + _LEFT, down + 14, left + width - _RIGHT, down + _PANEL - _UNDER)
            yield from _panel(images, metric, rates, colours, box)
    yield Words(30, lossy_size(measured)[1] - 14, conditions, 12, _FAINT)


def _panel(
    images: Sequence[Measured],
    metric: Metric,
    rates: Sequence[float],
    colours: dict[str, str],
    box: tuple[float, float, float, float],
) -> Iterator[Shape]:
    left, top, right, bottom = box
    names = [curve.name for curve in images[0].curves]
    curves = {name: mean_curve(images, name, metric, rates) for name in names}
    across = LogScale(rates, (left, right), 1.0)
    down = Scale([quality for curve in curves.values() for _, quality in curve], (bottom, top))
    for tick in down.ticks:
        yield Line(left, down.at(tick), right, down.at(tick), _GRID)
        yield Words(left - 8, down.at(tick) + 4, f"{tick:g}", 12, _FAINT, "end")
    for tick in across.ticks:
        yield Line(across.at(tick), top, across.at(tick), bottom, _GRID)
        yield Words(across.at(tick), bottom + 18, f"{tick:g}", 12, _FAINT, "middle")
    yield Words((left + right) / 2, bottom + 34, "bits a pixel", 12, _FAINT, "middle")
    joined = TOGETHER in curves
    for name, curve in curves.items():
        placed: list[Reached] = [(across.at(rate), down.at(quality)) for rate, quality in curve]
        colour = colours.get(name, _OURS[0])
        if not (joined and colour in _OURS and name != TOGETHER):
            yield from (Line(*start, *end, colour) for start, end in pairwise(placed))
        if name != TOGETHER:
            yield from (Dot(*place, _RADIUS, colour) for place in placed)


def _colours(measured: Sequence[Measured]) -> dict[str, str]:
    """A colour for each contender, of our colours or of theirs."""
    curves = measured[0].curves
    ours, theirs = ([curve.name for curve in curves if curve.ours is whose] for whose in (True, False))
    pairs = [(name, _OURS[number % len(_OURS)]) for number, name in enumerate(ours)]
    pairs += [(name, _THEIRS[number % len(_THEIRS)]) for number, name in enumerate(theirs)]
    return dict(pairs)


def _modalities(measured: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(each.about.modality for each in measured))
