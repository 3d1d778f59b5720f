"""Results: what was measured, by series, by modality and in total."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medarchive.bench.contenders import Contender
from medarchive.bench.measuring import Pace, Sized
from medarchive.bench.series import About

__all__ = ["REFERENCES", "Results", "Row"]

_Key = tuple[str, int]
"""A contender: its name and its bound."""
REFERENCES = ("jpegxl-e9", "jpegxl-e7", "jpegls")
"""What sizes are compared with, the first of them that was run."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a contender did with some series: those of which there is a result.

    Attributes:
        scope: "series", "modality" or "total".
        name: of the series (modality and a number), the modality, or "all".
        codec: the contender's name.
        ours: whether it is this package's.
        max_error: by how much a value may be off; 0 is lossless.
        series: with a result.
        of: how many there were.
        frames: with a result.
        pixels: of those; a colour pixel counts once.
        bytes: of the files, or of the container.
        bits_per_pixel: of those bytes.
        ratio: bytes of the uncompressed values to bytes.
        size_to_reference: geometric mean, over the series that both have a result of, of bytes to the reference's.
        encode_mpx_s: million pixels a second, all workers together; None for a series, which has no time of its own.
        decode_mpx_s: likewise.
        trouble: why there is no result of a series, empty where there is one.
    """

    scope: str
    name: str
    codec: str
    ours: bool
    max_error: int
    series: int
    of: int
    frames: int
    pixels: int
    bytes: int
    bits_per_pixel: float | None
    ratio: float | None
    size_to_reference: float | None
    encode_mpx_s: float | None
    decode_mpx_s: float | None
    trouble: str = ""


class Results:
    """Everything that was measured in a run."""

    def __init__(self, against: str | None = None) -> None:
        self._against = against
        self._sized: dict[_Key, list[Sized]] = {}
        self._paces: dict[_Key, list[Pace]] = {}

    def add(self, sized: Iterable[Sized], pace: Pace | None) -> None:
        """Take what was measured of one contender on some series."""
        for each in sized:
            self._sized.setdefault(_key(each.contender), []).append(each)
        if pace is not None:
            self._paces.setdefault(_key(pace.contender), []).append(pace)

    @property
    def failures(self) -> list[Sized]:
        """Where a contender took images and did not give them back."""
        return [each for sized in self._sized.values() for each in sized if each.failed]

    @property
    def series(self) -> list[About]:
        """All series, by their names' order of appearance."""
        return list({each.series.name: each.series for sized in self._sized.values() for each in sized}.values())

    def reference(self, max_error: int = 0) -> str:
        """Whose sizes are 1, among the contenders of a bound."""
        there = [name for name, bound in self._sized if bound == max_error]
        return next(name for name in (self._against, *REFERENCES, *there) if name in there)

    def by_series(self) -> list[Row]:
        """A row for each series and contender."""
        return [row for about in self.series for row in self._rows("series", about.name, {about.name}, None)]

    def by_modality(self) -> list[Row]:
        """A row for each modality and contender."""
        modalities: dict[str, set[str]] = {}
        for about in self.series:
            modalities.setdefault(about.modality, set()).add(about.name)
        return [row for name, names in modalities.items() for row in self._rows("modality", name, names, {name})]

    def total(self) -> list[Row]:
        """A row for each contender."""
        names = {about.name for about in self.series}
        return self._rows("total", "all", names, {about.modality for about in self.series})

    def _rows(self, scope: str, name: str, series: set[str], modalities: set[str] | None) -> list[Row]:
        """The rows of some series, timed over some modalities."""
        rows = []
        for key, sized in self._sized.items():
            chosen = [each for each in sized if each.series.name in series]
            paces = [pace for pace in self._paces.get(key, []) if pace.modality in (modalities or ())]
            rows.append(self._row(scope, name, key, chosen, paces))
        return rows

    def _row(self, scope: str, name: str, key: _Key, sized: Sequence[Sized], paces: Sequence[Pace]) -> Row:
        done = [each for each in sized if not each.trouble]
        size, pixels = sum(each.size for each in done), sum(each.series.pixels for each in done)
        reference = {each.series.name: each.size for each in self._sized[self.reference(key[1]), key[1]]}
        against = [each.size / reference[each.series.name] for each in done if reference.get(each.series.name)]
        timed = sum(pace.pixels for pace in paces) / 1e6
        return Row(
            *(scope, name, key[0], sized[0].contender.ours, key[1], len(done), len(sized)),
            *(sum(each.series.frames for each in done), pixels, size),
            bits_per_pixel=8 * size / pixels if pixels else None,
            ratio=sum(each.series.raw_bytes for each in done) / size if size else None,
            size_to_reference=math.exp(math.fsum(map(math.log, against)) / len(against)) if against else None,
            encode_mpx_s=timed / sum(pace.encoding for pace in paces) if paces else None,
            decode_mpx_s=timed / sum(pace.decoding for pace in paces) if paces else None,
            trouble="; ".join(each.trouble for each in sized if each.trouble) if scope == "series" else "",
        )


def _key(contender: Contender) -> _Key:
    return contender.name, contender.max_error
