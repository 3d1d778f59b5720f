"""Makes golden files for codecs and shapes that have none yet. Never touches one that exists.

python tests/golden/make_golden.py
"""

from pathlib import Path

import numpy as np

import medarchive

HERE = Path(__file__).parent


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


def cases() -> dict[str, tuple[np.ndarray, str, int]]:
    """File name: array, codec, max_error."""
    found = {}
    for name, array in arrays().items():
        found[f"zstd-planes.{name}"] = (array, "zstd-planes", 0)
        if name != "u32":
            found[f"jpegxl.{name}"] = (array, "jpegxl", 0)
    found["zstd-planes.u12.near2"] = (arrays()["u12"], "zstd-planes", 2)
    found["jpegxl.i13.near1"] = (arrays()["i13"], "jpegxl", 1)
    found |= {f"predictive.{name}": (array, "predictive", most) for name, (array, most) in predictive().items()}
    return found


def main() -> None:
    for name, (array, codec, max_error) in cases().items():
        file = HERE / f"{name}.meda"
        if not file.exists():
            file.write_bytes(medarchive.encode(array, codec=codec, max_error=max_error, effort=3))
            print(f"made {file.name}, {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
