"""At how many bits a pixel the fidelity check passes: JPEG 2000 9/7, JPEG XL and near-lossless JPEG-LS on DICOM files.

One frame of each series, the middle one. Each codec's quality is searched for the fewest bits that still pass; beside
it stands whether JPEG 2000 passes at the DRG's ratio, counted against the bits that are allocated.

    python benchmarks/fidelity_rates.py FOLDER...
"""

import argparse
import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray

from medarchive.codecs.fidelity import FidelityProfile, Rescale, Verdict, judge, passes, profile_for
from medarchive.dicom.frames import file_frame
from medarchive.dicom.subject import read_subject
from medarchive.errors import MedarchiveError
from medarchive.image import Image

RATIOS = {"ct-head": 5, "ct": 5, "ct-chest": 8, "ct-abdomen": 8, "mr": 7, "cr": 10, "xa": 6, "us": 10}
"""DRG consensus (Loose et al. 2009); "ct" is treated as the head, ultrasound as CR."""
Words = NDArray[np.integer[Any]]


@dataclass
class Subject:
    name: str
    image: Image
    allocated: int
    profile: FidelityProfile
    rescale: Rescale

    @property
    def low(self) -> int:
        return int(self.image.pixels.min())

    @property
    def words(self) -> NDArray[np.unsignedinteger[Any]]:
        """The frame from 0 on, as the codecs want it."""
        wide = int(self.image.pixels.max()) - self.low > 255
        return (self.image.pixels[0, :, :, 0].astype(np.int64) - self.low).astype(np.uint16 if wide else np.uint8)

    def restored(self, words: Words) -> Image:
        info = np.iinfo(self.image.pixels.dtype)
        pixels = np.clip(words.astype(np.int64) + self.low, info.min, info.max).astype(self.image.pixels.dtype)
        return Image(pixels[None, :, :, None], self.image.bits)

    def bits(self, data: bytes) -> float:
        return 8 * len(data) / self.image.pixels.size

    def passes(self, words: Words) -> bool:
        return passes(self.image, self.restored(words), self.profile, rescale=self.rescale)

    def verdict(self, words: Words) -> Verdict:
        return judge(self.image, self.restored(words), self.profile, rescale=self.rescale)


def jpeg2000(words: Words, level: int) -> bytes:
    """Level: PSNR in dB against the bits that the values need."""
    bits = max(int(words.max()).bit_length(), 8 * (words.dtype.itemsize - 1) + 1)
    return bytes(imagecodecs.jpeg2k_encode(words, level=level, codecformat="j2k", reversible=False, bitspersample=bits))


def filling(words: Words) -> int:
    """How far up values move to fill their words: JPEG XL takes small ones for darkness."""
    return max(8 * words.dtype.itemsize - int(words.max()).bit_length(), 0)


def jpeg_xl(words: Words, level: int) -> bytes:
    """Level: the distance counted downwards from 10, a tenth less with each."""
    distance = max(10 * 0.9**level, 0.001)
    return bytes(imagecodecs.jpegxl_encode(words << filling(words), distance=distance, effort=4))


def jpeg_ls(words: Words, level: int) -> bytes:
    """Level: the near-lossless bound counted downwards from 40."""
    return bytes(imagecodecs.jpegls_encode(words, level=40 - level))


def least(
    subject: Subject, encode: Callable[[Words, int], bytes], decode: Callable[[bytes], Words], low: int, high: int
) -> float:
    """The fewest bits a pixel that pass, by bisection over the level; NaN where the best does not pass."""
    words, best = subject.words, math.nan
    while low <= high:
        level = (low + high) // 2
        data = encode(words, level)
        decoded = np.asarray(decode(data)).reshape(words.shape)
        if encode is jpeg_xl and (shift := filling(words)):
            decoded = (decoded.astype(np.int64) + (1 << shift >> 1)) >> shift
        if subject.passes(decoded):
            best, high = subject.bits(data), level - 1
        else:
            low = level + 1
    return best


def at_ratio(subject: Subject, ratio: float) -> tuple[float, Verdict]:
    """JPEG 2000 with as many bits as the ratio allows, and the verdict."""
    words, low, high = subject.words, 20, 130
    data = jpeg2000(words, low)
    while low <= high:
        level = (low + high) // 2
        tried = jpeg2000(words, level)
        if subject.bits(tried) <= subject.allocated / ratio:
            data, low = tried, level + 1
        else:
            high = level - 1
    return subject.bits(data), subject.verdict(np.asarray(imagecodecs.jpeg2k_decode(data)))


def subjects(folders: list[Path], modality: str) -> Iterator[Subject]:
    series: dict[str, list[Path]] = {}
    for path in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
            series.setdefault(str(header.SeriesInstanceUID), []).append(path)
        except (pydicom.errors.InvalidDicomError, AttributeError):
            continue
    for paths in series.values():
        path = paths[len(paths) // 2]
        header = pydicom.dcmread(path, stop_before_pixels=True)
        found = profile_for(str(header.get("Modality", "")), str(header.get("BodyPartExamined", "")))
        if found is None or found.lossless_only or (modality and header.Modality != modality):
            continue
        try:
            with path.open("rb") as stream:
                image, said = file_frame(stream, 0), read_subject(stream)
        except MedarchiveError:
            continue
        grey = image.pixels.shape[3] == 1 and found.unit in ("", said.rescale.unit)
        if not grey or min(image.pixels.shape[1:3]) < 100:
            continue
        yield Subject(f"{path.parent.name}/{path.name}", image, int(header.BitsAllocated), found, said.rescale)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--modality", default="", help="only this one")
    given = parser.parse_args()
    print("| image | profile | lossless JPEG-LS | JPEG-LS near | JPEG 2000 9/7 | JPEG XL | at the DRG's ratio |")
    print("|---|---|--:|--:|--:|--:|---|")
    table: dict[str, list[tuple[float, float, float, float, bool]]] = {}
    for subject in subjects(given.folders, given.modality):
        words = subject.words
        lossless = subject.bits(jpeg_ls(words, 40))
        near = least(subject, jpeg_ls, imagecodecs.jpegls_decode, 0, 40)
        wavelet = least(subject, jpeg2000, imagecodecs.jpeg2k_decode, 30, 120)
        xl = least(subject, jpeg_xl, imagecodecs.jpegxl_decode, 0, 80)
        ratio = RATIOS[subject.profile.name]
        spent, verdict = at_ratio(subject, ratio)
        failed = ", ".join(check.name for check in verdict.checks if not check.passed)
        said = f"{ratio}:1, {spent:.2f}: {'passes' if verdict.passed else failed}"
        table.setdefault(subject.profile.name, []).append((lossless, near, wavelet, xl, verdict.passed))
        bits = " | ".join(f"{one:.2f}" for one in (lossless, near, wavelet, xl))
        print(f"| {subject.name} | {subject.profile.name} | {bits} | {said} |", flush=True)
    print(
        "\n| profile | images | lossless JPEG-LS | JPEG-LS near | JPEG 2000 9/7 | JPEG XL | pass at the DRG's ratio |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, rows in table.items():
        medians = " | ".join(f"{statistics.median(row[at] for row in rows):.2f}" for at in range(4))
        print(f"| {name} | {len(rows)} | {medians} | {sum(row[4] for row in rows)} |")


if __name__ == "__main__":
    main()
