"""Speed of the lossy codecs at about half a bit a pixel, on all cores, frames side by side.

python benchmarks/lossy_speed.py

Up to eight frames of each series of ``lossy_curves.py``'s bed. Each codec's setting is the one that comes to half a bit
a pixel on the series' first frame. Runs of the codecs alternate; the median of three counts.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from lossy_curves import images
from medarchive.bench.lossy.contenders import Learned, Lossy
from medarchive.bench.lossy.peers import Jpeg2000, JpegXl
from medarchive.bench.lossy.search import at_sizes
from medarchive.codecs.autoencoder import Autoencoder
from medarchive.dicom.frames import all_frames
from medarchive.image import Image

_FRAMES = 8
_RUNS = 3
_BITS = 0.5


def contenders() -> dict[str, Lossy]:
    return {
        "autoencoder": Learned(Autoencoder(), effort=7),
        "autoencoder, 9/7": Learned(Autoencoder(lifted=False), effort=7),
        "jpeg2000": Jpeg2000(),
        "jpegxl-e7": JpegXl(),
    }


def series(data: Path) -> Iterator[list[Image]]:
    """The frames of each series, grey ones only."""
    for place in images(data):
        frames: list[Image] = []
        for path in sorted(place.rglob("*.dcm")) if place.is_dir() else [place]:
            with path.open("rb") as stream:
                for frame in all_frames(stream):
                    if frame.pixels.shape[3] == 1 and len(frames) < _FRAMES:
                        frames.append(frame)
        if frames:
            yield frames


def setting_of(contender: Lossy, frame: Image) -> float:
    """That which comes to half a bit a pixel."""
    wanted = _BITS * frame.pixels.size / 8
    found = at_sizes(lambda setting: len(contender.encode(frame, setting)), contender.span, [wanted])
    return found[0] if found[0] is not None else contender.span[0]


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main(data: Path) -> None:
    jobs = [frame for frames in series(data) for frame in frames]
    settings = {
        name: [setting for frames in series(data) for setting in [setting_of(one, frames[0])] * len(frames)]
        for name, one in contenders().items()
    }
    pixels = sum(frame.pixels.size for frame in jobs) / 1e6
    seconds: dict[tuple[str, str], list[float]] = {}
    sizes: dict[str, int] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in range(_RUNS):
            for name, one in contenders().items():
                streams: list[bytes] = []
                spent = timed(lambda: streams.extend(pool.map(one.encode, jobs, settings[name])))  # noqa: B023
                seconds.setdefault((name, "encode"), []).append(spent)
                spent = timed(lambda: list(pool.map(one.decode, streams, jobs)))  # noqa: B023
                seconds.setdefault((name, "decode"), []).append(spent)
                sizes[name] = sum(map(len, streams))
    print(f"{len(jobs)} frames, {pixels:.1f} Mpx, {os.cpu_count()} cores")
    print("| codec | bits/px | encode Mpx/s | decode Mpx/s |\n|---|---|---|---|")
    for name in contenders():
        encode, decode = (pixels / median(seconds[name, what]) for what in ("encode", "decode"))
        print(f"| {name} | {8 * sizes[name] / pixels / 1e6:.3f} | {encode:.2f} | {decode:.2f} |")


if __name__ == "__main__":
    folder = os.environ.get("MEDARCHIVE_DATA")
    if not folder or not Path(folder, "codec", "CATALOG.tsv").is_file():
        sys.exit("skipped: MEDARCHIVE_DATA names no folder with wg04/ and codec/CATALOG.tsv")
    main(Path(folder))
