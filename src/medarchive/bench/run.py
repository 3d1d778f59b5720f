"""Run: all contenders on all series, batch by batch."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from medarchive.bench.contenders import Contender, Ours
from medarchive.bench.machine import held_to
from medarchive.bench.measuring import measured, warm_up
from medarchive.bench.peers import NEAR, PEERS, SLOWEST, peer, trouble
from medarchive.bench.results import Results
from medarchive.bench.series import loaded
from medarchive.bench.sources import Found, PassedOver
from medarchive.codecs import registry
from medarchive.codecs.base import DEFAULT_EFFORT
from medarchive.errors import UnknownCodec

__all__ = ["batches", "contenders", "run"]

_BATCH_BYTES = 256 << 20
"""Pixels that are in memory at once; a larger series is a batch of its own. Decoded, they are there twice."""


def contenders(
    names: Sequence[str] = (), *, quick: bool = False, max_error: int = 0, effort: int = DEFAULT_EFFORT
) -> tuple[list[Contender], list[str]]:
    """Who is measured, and why the others that were asked for cannot be.

    Args:
        names: of the registry and of ``PEERS``; empty takes all.
        quick: leave out ``SLOWEST``, unless named.
        max_error: a bound that is measured beside lossless coding; 0 is lossless coding alone.
        effort: of our own codecs.

    Raises:
        UnknownCodec: there is no such codec, or none of them can be used here.
    """
    known = (*registry.names(), *PEERS)
    for name in names:
        if name not in known:
            raise UnknownCodec(f"no codec {name!r}; known are {', '.join(known)}")
    chosen = [name for name in known if (name in names if names else not (quick and name in SLOWEST))]
    found: list[Contender] = []
    missing = []
    bounds = (0, max_error) if max_error else (0,)
    for bound in bounds:
        for name in chosen:
            try:
                if name in registry.names():
                    found.append(Ours(registry.get(name), effort, bound))
                elif trouble(name):
                    raise UnknownCodec(trouble(name))
                elif not bound or name in NEAR:
                    found.append(peer(name, bound))
            except UnknownCodec as error:
                missing += [] if bound else [f"{name}: {error}"]
    if not found:
        raise UnknownCodec(f"no codec to measure ({'; '.join(missing)})")
    return found, missing


def batches(found: Sequence[Found], most_bytes: int = _BATCH_BYTES) -> list[list[Found]]:
    """Series of one modality that are in memory together."""
    made = []
    for _, group in groupby(found, lambda each: each.modality):
        batch: list[Found] = []
        for each in group:
            if batch and sum(one.nbytes for one in (*batch, each)) > most_bytes:
                made.append(batch)
                batch = []
            batch.append(each)
        made.append(batch)
    return made


def run(
    work: Sequence[Sequence[Found]], who: Sequence[Contender], workers: int, results: Results
) -> Iterator[list[PassedOver]]:
    """Measure, adding to ``results``; a step for each batch and contender.

    Args:
        work: batches.
        who: contenders; all get the same pixels, one after the other.
        workers: threads, and the cores that they are held to.
        results: receives what is measured.

    Yields:
        Files whose pixels could not be had.
    """
    warm: set[int] = set()
    with held_to(workers):
        for batch in work:
            pairs = [loaded(found) for found in batch]
            series = [each for some, _ in pairs for each in some]
            passed_over = [file for _, files in pairs for file in files]
            del pairs
            for number, contender in enumerate(who):
                if number not in warm and warm_up(contender, series):
                    warm.add(number)
                if series:
                    results.add(*measured(contender, series, workers))
                yield passed_over
                passed_over = []
