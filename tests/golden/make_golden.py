"""Makes golden files for codecs and shapes that have none yet. Never touches one that exists.

python tests/golden/make_golden.py
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import medarchive

HERE = Path(__file__).parent
DIGESTS = "lossy.sha256"
"""For each lossy file, what the pixels are that it decodes to: ``digest`` of the array, and the file's name."""


@dataclass(frozen=True)
class Case:
    """A file: the array, and how it is encoded."""

    array: np.ndarray
    codec: str
    max_error: int = 0
    quality: float | None = None

    def encoded(self) -> bytes:
        if self.quality is None:
            return medarchive.encode(self.array, codec=self.codec, max_error=self.max_error, effort=3)
        return medarchive.encode(self.array, codec=self.codec, quality=self.quality, effort=3)


def arrays() -> dict[str, np.ndarray]:
    """One array for each class of dtype and shape, from arithmetic alone: no generator can change them."""
    y, x = np.mgrid[:23, :31]
    plane = (x * 37 + y * 11 + (x * y) % 7) % 4096
    return {
        "u8": (plane % 256).astype(np.uint8),
        "u12": plane.astype(np.uint16),
        "i13": (plane - 2048).astype(np.int16),
        "u16": (plane * 16).astype(np.uint16),
        "i16-frames": np.stack([plane * 8 - 16384, 16383 - plane * 8]).astype(np.int16),
        "rgb": np.stack([plane % 256, plane // 16, 255 - plane % 256], axis=-1).astype(np.uint8)[np.newaxis],
        "bit": (plane % 5 == 0),
        "u32": (plane.astype(np.uint32) << 18),
        "one": np.array([[7]], np.uint8),
        "column": plane[:, :1].astype(np.uint16),
    }


def grain(y: np.ndarray, x: np.ndarray, most: int) -> np.ndarray:
    """Noise from 0 to most - 1."""
    found: np.ndarray = ((y * 48_271 + x * 69_621) * (y * 31 + x * 17 + 1) >> 7) % most
    return found


def colours(*samples: np.ndarray) -> np.ndarray:
    return np.stack(samples, axis=-1).astype(np.uint8)[np.newaxis]


def predictive() -> dict[str, tuple[np.ndarray, int]]:
    """One array and its max_error for each way in which "predictive" codes."""
    found = {name: (array, 0) for name, array in arrays().items() if name != "u32"}
    y, x = np.mgrid[:23, :31]
    disc = (x - 15) ** 2 + (y - 11) ** 2 < 90
    texture = (x * 37 + y * 11 + (x * y) % 7) % 4096
    rows, columns = np.mgrid[:1100, :70]
    long_disc = (rows - 550) ** 2 + 400 * (columns - 35) ** 2 < 40_000
    bowl = ((rows - 550) ** 2 + 300 * (columns - 35) ** 2) // 200
    number = (x * x + y * y) // 40 + grain(y, x, 3)
    found |= {
        "row": (texture[:1].astype(np.uint16), 0),
        "constant": (np.full((9, 300), -5, np.int16), 0),
        "padded": (np.where(disc, texture, 0).astype(np.uint16), 0),
        "u12.near1": (arrays()["u12"], 1),
        "i13.near2": (arrays()["i13"], 2),
        "i16-frames.near2": (arrays()["i16-frames"], 2),
        # each slice much like the one before, so coded in its light
        "u16-slices": (np.stack([texture * 9 + (x + y + i) % 3 for i in range(17)]).astype(np.uint16), 0),
        "two-tiles": (np.where(long_disc, bowl + grain(rows, columns, 4), 0).astype(np.uint8), 0),
        "sparse": ((texture // 64 * 64 - 2048).astype(np.int16), 0),
        "drawing": (np.tile((y % 8 * 31 + x % 8 * 17)[:8, :8] % 251 * 250, (8, 9)).astype(np.uint16), 0),
        "rgb-together": (colours(texture % 256, texture // 7 % 256, 255 - texture // 5 % 256), 0),
        "rgb-each": (colours(texture % 256, texture % 200 // 3 + grain(y, x, 5), texture // 7 % 9), 0),
        "rgb-palette": (colours(number * 5, number % 3 * 9, 255 - number), 0),
    }
    return found


def slices() -> dict[str, np.ndarray]:
    """Arrays with edges, even areas and grain, of so many values that none is taken for a drawing."""
    y, x = np.mgrid[:35, :38]
    body = np.where((x - 18) ** 2 + (y - 17) ** 2 < 250, 2300 + 20 * x - 9 * y, 40 + y)
    body = np.where((x - 14) ** 2 + (y - 20) ** 2 < 30, 3400, body) + grain(y, x, 61)
    rows, columns = np.mgrid[:5, :1030]
    return {
        "u8": (body // 16).astype(np.uint8),
        "u12": body.astype(np.uint16),
        "i13": (body - 1024).astype(np.int16),
        "u16": (body * 17).astype(np.uint16),
        "i16-frames": np.stack([body * 8 - 16384, 16383 - body * 8]).astype(np.int16),
        "rgb": colours(body // 16, 255 - body // 16, body // 9 % 256),
        "two-tiles": ((columns - 600) ** 2 // 90 + 50 * rows + grain(rows, columns, 9)).astype(np.uint16),
        "row": (body[:1] + 7 * y[:1]).astype(np.uint16),
        "column": body[:, 14:15].astype(np.uint16),
        "drawing": predictive()["drawing"][0],
        "constant": np.full((9, 300), -5, np.int16),
        "bit": body > 2500,
        "one": np.array([[7]], np.uint8),
    }


def autoencoder() -> dict[str, Case]:
    """Lossy, bounded and drawn streams."""
    found = {}
    for name, array in slices().items():
        found[name] = Case(array, "autoencoder")
        found[f"{name}.quality40"] = Case(array, "autoencoder", quality=40)
    for quality in (1, 75.5, 100):
        for name in ("u12", "u16"):
            found[f"{name}.quality{quality:g}"] = Case(slices()[name], "autoencoder", quality=quality)
    for max_error, name in ((1, "u12"), (3, "i13"), (2, "i16-frames")):
        found[f"{name}.near{max_error}"] = Case(slices()[name], "autoencoder", max_error)
    return found


@cache
def cases() -> dict[str, Case]:
    """By the file's name."""
    found = {}
    for name, array in arrays().items():
        found[f"zstd-planes.{name}"] = Case(array, "zstd-planes")
        if name != "u32":
            found[f"jpegxl.{name}"] = Case(array, "jpegxl")
    found["zstd-planes.u12.near2"] = Case(arrays()["u12"], "zstd-planes", 2)
    found["jpegxl.i13.near1"] = Case(arrays()["i13"], "jpegxl", 1)
    found |= {f"predictive.{name}": Case(array, "predictive", most) for name, (array, most) in predictive().items()}
    found |= {f"autoencoder.{name}": case for name, case in autoencoder().items()}
    return found


def digest(array: np.ndarray) -> str:
    """The SHA-256 of an array's values, little endian, row by row."""
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """What lossy files decode to, by their names."""
    file = folder / DIGESTS
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    return {name: known for known, name in (line.split() for line in lines)}


def make(folder: Path, names: Iterable[str]) -> None:
    """Make those of the files that are not there."""
    known = digests(folder)
    for name in names:
        file, case = folder / f"{name}.meda", cases()[name]
        if not file.exists():
            data = case.encoded()
            if case.quality is not None:
                known[name] = digest(medarchive.decode(data))
            file.write_bytes(data)
            print(f"made {file.name}, {file.stat().st_size} bytes")
    if known:
        lines = (f"{known[name]}  {name}\n" for name in sorted(known))
        (folder / DIGESTS).write_text("".join(lines), "ascii")


if __name__ == "__main__":
    make(HERE, cases())
