"""Results of the lossy benchmark: BD-rates by image, by modality and in total; mean curves."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from medarchive.bench.lossy.bdrate import Reached, bd_rate, frontier, most_rate, quality_at
from medarchive.bench.lossy.measuring import RATES, Curve, Point
from medarchive.bench.lossy.run import Measured

__all__ = ["METRICS", "TOGETHER", "Compared", "compared", "failures", "mean_curve", "reached", "with_envelope"]

Metric = Literal["psnr", "ms_ssim"]
METRICS: tuple[Metric, ...] = ("psnr", "ms_ssim")
TOGETHER = "ours together"
"""All of our codecs as one: at each rate the one that is best there."""
_SLACK = 1.03
"""A rate that was asked for is met within this."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A contender against a reference, on some images.

    Attributes:
        scope: "image", "modality" or "total".
        name: of the image (modality and a number), the modality, or "all".
        codec: the contender's name.
        ours: whether it is this package's.
        against: the reference's name.
        metric: what quality is: "psnr" or "ms_ssim".
        least: the lowest rate that counts, in bits a pixel.
        most: the highest.
        images: on which both reach some quality.
        of: how many there were.
        bd_rate: bytes at the same quality beyond the reference's, as a share of them, in geometric mean over images;
            below 0 is less. None where no image has an overlap.
        worst: the largest of these, of one image.
        most_rate: the largest rate in units of the reference's, at any quality of any image.
    """

    scope: str
    name: str
    codec: str
    ours: bool
    against: str
    metric: Metric
    least: float
    most: float
    images: int
    of: int
    bd_rate: float | None
    worst: float | None
    most_rate: float | None


def reached(curve: Curve, metric: Metric, least: float = 0.0, most: float = math.inf) -> list[Reached]:
    """Rates in bits a pixel, from ``least`` to ``most``, and what is reached there."""
    return [
        (point.bits_per_pixel, getattr(point, metric))
        for point in curve.points
        if least / _SLACK <= point.bits_per_pixel <= most * _SLACK
    ]


def with_envelope(measured: Measured) -> Measured:
    """With one more curve, ``TOGETHER``: of all our codecs the points above the others' curves of PSNR."""
    ours = [curve for curve in measured.curves if curve.ours and curve.points]
    if len(ours) < 2:
        return measured
    best = [
        point
        for curve in ours
        for point in curve.points
        if not any(_beaten(point, other) for other in ours if other is not curve)
    ]
    points = sorted(best, key=lambda point: point.bytes)
    together = Curve(TOGETHER, ours=True, points=tuple(points))
    return Measured(measured.about, measured.display, (*measured.curves, together))


def compared(
    measured: Sequence[Measured], against: str, metric: Metric, least: float = 0.0, most: float = RATES[-1]
) -> list[Compared]:
    """Rows by image, by modality and in total."""
    modalities = list(dict.fromkeys(each.about.modality for each in measured))
    groups: list[tuple[str, str, list[Measured]]] = [("image", each.about.name, [each]) for each in measured]
    groups += [("modality", name, [each for each in measured if each.about.modality == name]) for name in modalities]
    groups.append(("total", "all", list(measured)))
    return [row for scope, name, some in groups for row in _rows(scope, name, some, against, metric, (least, most))]


def failures(measured: Iterable[Measured]) -> list[tuple[str, Curve]]:
    """Images, by name, where a contender took them and fell over."""
    return [(each.about.name, curve) for each in measured for curve in each.curves if curve.failed]


def mean_curve(measured: Sequence[Measured], codec: str, metric: Metric, rates: Sequence[float]) -> list[Reached]:
    """The mean quality over images at given rates: at those that the codec reaches on every image."""
    points = []
    for rate in rates:
        found = [
            quality_at(reached(curve, metric), rate)
            for each in measured
            for curve in each.curves
            if curve.name == codec
        ]
        there = [quality for quality in found if quality is not None]
        if there and len(there) == len(measured):
            points.append((rate, math.fsum(there) / len(there)))
    return points


def _beaten(point: Point, other: Curve) -> bool:
    """Whether another codec's PSNR is higher at the rate of a point."""
    quality = quality_at(reached(other, "psnr"), point.bits_per_pixel)
    return quality is not None and quality > point.psnr


def _rows(
    scope: str, name: str, measured: Sequence[Measured], against: str, metric: Metric, span: tuple[float, float]
) -> Iterator[Compared]:
    codecs = {curve.name: curve.ours for each in measured for curve in each.curves if curve.name != against}
    for codec, ours in codecs.items():
        rates, highest = [], []
        for each in measured:
            by_name = {curve.name: frontier(reached(curve, metric, *span)) for curve in each.curves}
            both = by_name.get(codec, []), by_name.get(against, [])
            rate, high = bd_rate(*both), most_rate(*both)
            if rate is not None and high is not None:
                rates.append(rate)
                highest.append(high)
        yield Compared(
            *(scope, name, codec, ours, against, metric, *span, len(rates), len(measured)),
            bd_rate=math.expm1(math.fsum(map(math.log1p, rates)) / len(rates)) if rates else None,
            worst=max(rates, default=None),
            most_rate=max(highest, default=None),
        )
