"""What everyone takes at one fidelity profile: rows by image, by modality and in total."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medarchive.bench.lossy.measuring import Curve
from medarchive.bench.lossy.run import Measured

__all__ = ["Kept", "kept"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a contender takes on some images: on those where it passes the profile.

    Attributes:
        scope: "image", "modality" or "total".
        name: of the image (modality and a number), the modality, or "all".
        codec: the contender's name.
        ours: whether it is this package's.
        images: on which it passes.
        of: how many there were.
        bytes: of all these.
        bits_per_pixel: of those bytes.
        size_to: by the names of all contenders, geometric mean of bytes to theirs, over images on which both pass;
            None where there is none.
        psnr: in dB, the lowest of all; the image's own range is the peak. Infinite where nothing was lost.
        max_error: the largest of all, in stored units.
        trouble: why there is no result on an image, empty where there is one.
    """

    scope: str
    name: str
    codec: str
    ours: bool
    images: int
    of: int
    bytes: int
    bits_per_pixel: float | None
    size_to: dict[str, float | None]
    psnr: float | None
    max_error: int | None
    trouble: str = ""


def kept(measured: Sequence[Measured]) -> list[Kept]:
    """All rows. Each curve has the one point that passes, or none."""
    modalities = list(dict.fromkeys(each.about.modality for each in measured))
    groups: list[tuple[str, str, list[Measured]]] = [("image", each.about.name, [each]) for each in measured]
    groups += [("modality", name, [each for each in measured if each.about.modality == name]) for name in modalities]
    groups.append(("total", "all", list(measured)))
    return [row for group in groups for row in _rows(*group)]


def _rows(scope: str, name: str, measured: Sequence[Measured]) -> Iterator[Kept]:
    columns = list(zip(*(each.curves for each in measured), strict=True))
    for curves in columns:
        done = [(each, curve.points[0]) for each, curve in zip(measured, curves, strict=True) if curve.points]
        size, pixels = sum(point.bytes for _, point in done), sum(each.about.pixels for each, _ in done)
        yield Kept(
            *(scope, name, curves[0].name, curves[0].ours, len(done), len(measured), size),
            bits_per_pixel=8 * size / pixels if pixels else None,
            size_to={others[0].name: _mean_ratio(curves, others) for others in columns},
            psnr=min((point.psnr for _, point in done), default=None),
            max_error=max((point.max_error for _, point in done), default=None),
            trouble=curves[0].trouble if scope == "image" else "",
        )


def _mean_ratio(curves: Sequence[Curve], others: Sequence[Curve]) -> float | None:
    ratios = [
        math.log(one.points[0].bytes / other.points[0].bytes)
        for one, other in zip(curves, others, strict=True)
        if one.points and other.points
    ]
    return math.exp(math.fsum(ratios) / len(ratios)) if ratios else None
