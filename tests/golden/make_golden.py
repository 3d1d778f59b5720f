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


def cases() -> dict[str, tuple[np.ndarray, str, int]]:
    """File name: array, codec, max_error."""
    found = {}
    for name, array in arrays().items():
        found[f"zstd-planes.{name}"] = (array, "zstd-planes", 0)
        if name != "u32":
            found[f"jpegxl.{name}"] = (array, "jpegxl", 0)
    found["zstd-planes.u12.near2"] = (arrays()["u12"], "zstd-planes", 2)
    found["jpegxl.i13.near1"] = (arrays()["i13"], "jpegxl", 1)
    return found


def main() -> None:
    for name, (array, codec, max_error) in cases().items():
        file = HERE / f"{name}.meda"
        if not file.exists():
            file.write_bytes(medarchive.encode(array, codec=codec, max_error=max_error, effort=3))
            print(f"made {file.name}, {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
