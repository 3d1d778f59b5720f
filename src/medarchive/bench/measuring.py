"""Measuring: one contender, some series; every result decoded and compared, whatever it takes."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from medarchive.bench.contenders import Contender
from medarchive.bench.series import About, Series
from medarchive.codecs.fidelity import FidelityReport, measure
from medarchive.image import Image

__all__ = ["Pace", "Sized", "measured", "warm_up"]

LOGGER = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")
_WARM_SIDE = 256
_LONG_ENOUGH, _MOST_PASSES = 0.5, 9
"""Seconds after which no further pass is begun, and how many there are at most."""


@dataclass(frozen=True, slots=True)
class Sized:
    """What one contender made of one series.

    Attributes:
        contender: which.
        series: which.
        size: bytes, 0 where there is no result.
        trouble: why there is none, empty where there is one.
        failed: whether the contender took the images and did not give them back.
    """

    contender: Contender
    series: About
    size: int
    trouble: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """Wall time over all frames of some series together.

    Attributes:
        contender: which.
        modality: of the series.
        pixels: that went through; a colour pixel counts once.
        encoding: seconds.
        decoding: seconds.
    """

    contender: Contender
    modality: str
    pixels: int
    encoding: float
    decoding: float


class _Failed(Exception):  # never leaves this module
    """A codec fell over, or gave other pixels back."""


def warm_up(contender: Contender, series: Sequence[Series]) -> bool:
    """One call on a corner of a frame: libraries load and tables are made before anything is timed.

    Returns:
        Whether the contender takes one of the series.
    """
    for each in series:
        image = each.image
        corner = Image(image.pixels[:1, :_WARM_SIDE, :_WARM_SIDE], image.bits)
        if contender.takes(image):
            try:
                contender.decode(contender.encode(corner), corner)
            except Exception as error:  # noqa: BLE001  # measuring says so, with the series' name
                LOGGER.info("%s failed to warm up: %s", contender.name, error)
            return True
    return False


def measured(contender: Contender, series: Sequence[Series], workers: int) -> tuple[list[Sized], Pace | None]:
    """Encode, decode and compare series of one modality, their frames side by side on so many threads.

    A series that fails is reported, and the others are measured once more without it: its time counts for nothing.
    """
    left = [each for each in series if contender.takes(each.image)]
    refused = "does not take such images"
    results = [Sized(contender, each.about, 0, refused) for each in series if not contender.takes(each.image)]
    with ThreadPoolExecutor(workers, thread_name_prefix="medarchive-bench") as pool:
        while left:
            sized, pace = _attempt(contender, left, pool)
            failed = [each for each in sized if each.failed]
            if not failed:
                return results + sized, pace
            results += failed
            left = [each for each, result in zip(left, sized, strict=True) if not result.failed]
    return results, None


def _attempt(contender: Contender, series: Sequence[Series], pool: ThreadPoolExecutor) -> tuple[list[Sized], Pace]:
    parts = [
        (number, each.image[start : start + contender.group])
        for number, each in enumerate(series)
        for start in range(0, len(each.image), contender.group)
    ]
    images = [image for _, image in parts]
    streams, encoding = _timed(pool, contender.encode, images)
    sound = [(stream, image) for stream, image in zip(streams, images, strict=True) if not isinstance(stream, _Failed)]
    decoded, decoding = _timed(pool, lambda pair: contender.decode(*pair), sound)
    after = iter(decoded)
    reports = [
        stream if isinstance(stream, _Failed) else _compared(image, next(after), contender.max_error)
        for stream, image in zip(streams, images, strict=True)
    ]
    sized = []
    for number, each in enumerate(series):
        mine = [at for at, (of, _) in enumerate(parts) if of == number]
        sized.append(_sized(contender, each, [streams[at] for at in mine], [reports[at] for at in mine]))
    return sized, Pace(
        contender, series[0].about.modality, sum(each.about.pixels for each in series), encoding, decoding
    )


def _timed(
    pool: ThreadPoolExecutor, work: Callable[[In], Out], items: Iterable[In]
) -> tuple[list[Out | _Failed], float]:
    """The results in order, and the wall time of all; the mean of several passes where one is soon over."""

    def guarded(item: In) -> Out | _Failed:
        try:
            return work(item)
        except Exception as error:  # noqa: BLE001  # a codec may raise anything; the result says what
            return _Failed(f"{type(error).__name__}: {error}")

    passes, started, seconds = 0, time.perf_counter(), 0.0
    while passes == 0 or (seconds < _LONG_ENOUGH and passes < _MOST_PASSES):
        results = list(pool.map(guarded, items))
        passes, seconds = passes + 1, time.perf_counter() - started
    return results, seconds / passes


def _compared(original: Image, decoded: Image | _Failed, limit: int) -> FidelityReport | _Failed:
    if isinstance(decoded, _Failed):
        return decoded
    report = measure(original, decoded, limit)
    if report.passed:
        return report
    return _Failed(f"decoded with an error of {report.max_error} where {limit} is allowed")


def _sized(
    contender: Contender,
    series: Series,
    streams: Sequence[bytes | _Failed],
    reports: Sequence[FidelityReport | _Failed],
) -> Sized:
    total = FidelityReport(contender.max_error, 0, 0, 0)
    for report in reports:
        if isinstance(report, _Failed):
            return Sized(contender, series.about, 0, str(report), failed=True)
        total += report
    whole = [stream for stream in streams if not isinstance(stream, _Failed)]
    return Sized(contender, series.about, contender.size(series.image, whole, total))
