"""Run: everyone on the middle frame of every series."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from medarchive.bench.lossy.contenders import Bounded, Learned, Lossless, Lossy
from medarchive.bench.lossy.display import Display, display_of
from medarchive.bench.lossy.measuring import Curve, curve_of
from medarchive.bench.lossy.passing import passing
from medarchive.bench.lossy.peers import LOSSY_PEERS, lossy_peer
from medarchive.bench.machine import held_to
from medarchive.bench.series import About, Series, loaded
from medarchive.bench.sources import Found, PassedOver
from medarchive.codecs import registry
from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.codecs.fidelity import FidelityProfile, passes
from medarchive.codecs.lossy import LossyCodec
from medarchive.errors import UnknownCodec
from medarchive.image import Image

__all__ = ["Measured", "lossy_contenders", "lossy_run", "profile_run", "seen"]

_NEAR = "predictive"
"""The lossless codec that stands for near-lossless coding, where none is named."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What everyone did with one frame.

    Attributes:
        about: the frame; its name is that of its series.
        display: the window it was seen through.
        curves: one for each contender, in their order.
    """

    about: About
    display: Display
    curves: tuple[Curve, ...]


def lossy_contenders(
    names: Sequence[str] = (), *, effort: int = DEFAULT_EFFORT, lossless: bool = False
) -> tuple[list[Lossy], list[str]]:
    """Who is measured, and why the others that were asked for cannot be.

    Args:
        names: of the registry and of ``LOSSY_PEERS``. A codec without a knob for quality is measured near-lossless.
            Empty takes the peers, our codecs with a knob, and ``predictive``.
        effort: of our own codecs.
        lossless: whether those that are measured near-lossless are measured lossless as well.

    Raises:
        UnknownCodec: there is no such codec, or none of them can be used here.
    """
    known = (*registry.names(), *LOSSY_PEERS)
    for name in names:
        if name not in known:
            raise UnknownCodec(f"no codec {name!r}; known are {', '.join(known)}")
    found: list[Lossy] = []
    missing = []
    for name in [name for name in known if not names or name in names]:
        try:
            if name in LOSSY_PEERS:
                found.append(lossy_peer(name))
                continue
            codec = registry.get(name)
            if isinstance(codec, LossyCodec):
                found.append(Learned(codec, effort))
            elif names or name == _NEAR:
                found += [Lossless(codec, effort)] * lossless
                found.append(Bounded(codec, effort))
        except UnknownCodec as error:
            missing.append(f"{name}: {error}")
    if not found:
        raise UnknownCodec(f"no codec to measure ({'; '.join(missing)})")
    return found, missing


def seen(found: Found) -> tuple[list[tuple[Series, Display]], list[PassedOver]]:
    """The frames of a series and how they are shown; those in colour, or of one value alone, are passed over."""
    source = found.sources[0]
    series, passed_over = loaded(found)
    kept = []
    for each in series:
        if each.about.samples != 1:
            passed_over.append(PassedOver(source.path, "in colour"))
        elif each.image.pixels.min() == each.image.pixels.max():
            passed_over.append(PassedOver(source.path, "all of its values are equal"))
        else:
            kept.append((each, display_of(source.path, source.start, each.image)))
    return kept, passed_over


def lossy_run(
    work: Sequence[Found], who: Sequence[Lossy], rates: Sequence[float], workers: int
) -> Iterator[Measured | PassedOver]:
    """Measure everyone at given rates, in bits a pixel, growing; see ``_each_frame``."""

    def one(image: Image, display: Display) -> Iterator[Curve]:
        return (curve_of(contender, image, display, rates) for contender in who)

    return _each_frame(work, one, workers)


def profile_run(
    work: Sequence[Found], who: Sequence[Lossy], profile: FidelityProfile, workers: int
) -> Iterator[Measured | PassedOver]:
    """Measure with how few bytes everyone keeps what a profile asks for; see ``_each_frame``."""

    def one(image: Image, display: Display) -> Iterator[Curve]:
        def accepted(decoded: Image) -> bool:
            return passes(image, decoded, profile, rescale=display.rescale)

        return (passing(contender, image, display, accepted) for contender in who)

    return _each_frame(work, one, workers)


def _each_frame(
    work: Sequence[Found], measure: Callable[[Image, Display], Iterable[Curve]], workers: int
) -> Iterator[Measured | PassedOver]:
    """Measure frames side by side, the largest first; results as they come. Nothing is timed.

    Args:
        work: series of one frame each.
        measure: gives a curve for each contender.
        workers: threads, and the cores that they are held to.
    """

    def one(found: Found) -> list[Measured | PassedOver]:
        shown, passed_over = seen(found)
        measured = [Measured(each.about, display, tuple(measure(each.image, display))) for each, display in shown]
        return [*passed_over, *measured]

    with held_to(workers), ThreadPoolExecutor(workers, thread_name_prefix="medarchive-bench") as pool:
        largest_first = sorted(work, key=lambda found: -found.nbytes)
        for done in as_completed([pool.submit(one, found) for found in largest_first]):
            yield from done.result()
