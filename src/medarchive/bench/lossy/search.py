"""Search: the settings at which a codec comes to given numbers of bytes."""

import math
from bisect import insort
from collections.abc import Callable, Sequence

__all__ = ["at_sizes"]

TOLERANCE = 0.02
TRIES = 14


def at_sizes(
    size: Callable[[float], float],
    span: tuple[float, float],
    targets: Sequence[float],
    *,
    tolerance: float = TOLERANCE,
    tries: int = TRIES,
) -> list[float | None]:
    """For each target the setting whose size is closest to it, of those that were tried.

    Everything that was tried for one target serves the others. The next setting is where a line between the two nearest
    sizes, in logarithms, meets the target, or the middle between them where that gets on too slowly.

    Args:
        size: bytes at a setting; grows with it.
        span: the lowest and the highest setting.
        targets: bytes, above 0.
        tolerance: the share of the target by which a size may be off.
        tries: calls of ``size`` for one target at most, beyond those before.

    Returns:
        A setting for each target; None where the sizes at both ends of the span lie on one side of it.
    """
    known: list[tuple[float, float]] = []

    def tried(setting: float) -> float:
        measured = math.log(size(setting))
        insort(known, (setting, measured))
        return measured

    for end in span:
        tried(end)
    return [_closest(tried, known, math.log(target), math.log1p(tolerance), tries) for target in targets]


def _closest(
    tried: Callable[[float], float], known: list[tuple[float, float]], target: float, tolerance: float, tries: int
) -> float | None:
    for attempt in range(tries):
        setting, nearest = min(known, key=lambda pair: abs(pair[1] - target))
        if abs(nearest - target) <= tolerance:
            return setting
        below = max((pair for pair in known if pair[1] < target), default=None)
        above = min((pair for pair in known if pair[1] > target and (below is None or pair > below)), default=None)
        if below is None or above is None:
            return None
        share = (target - below[1]) / (above[1] - below[1])
        if attempt % 3 == 2:
            share = 0.5
        between = below[0] + min(max(share, 0.05), 0.95) * (above[0] - below[0])
        if not below[0] < between < above[0]:
            break
        tried(between)
    return min(known, key=lambda pair: abs(pair[1] - target))[0]
