"""Series for a reader of images: slices whose brightness says what is in them."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from contracts.objects import ct
from medarchive.archive.archive import Archive

SERIES, STUDY = "1.2.3.1.60", "1.2.3.1"


def shaded(brightness: float, number: int = 1, size: int = 32, **attributes: Any) -> bytes:
    """A slice that is shown so bright, 0 to 1, with some texture."""
    texture = np.random.default_rng(number).integers(-80, 80, (size, size))
    pixels = np.clip(4095 * brightness + texture, 0, 4095).astype("<u2")
    given: dict[str, Any] = {"series": SERIES, "WindowCenter": 2048, "WindowWidth": 4096}
    return ct(number, size=size, PixelData=pixels.tobytes(), **(given | attributes))


def slices(*brightness: float, series: str = SERIES, **attributes: Any) -> dict[str, bytes]:
    """Slices of these brightnesses by UID, a millimetre apart."""
    return {
        f"{series}.{number}": shaded(
            bright,
            number,
            series=series,
            ImagePositionPatient=[0, 0, number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            **attributes,
        )
        for number, bright in enumerate(brightness, 1)
    }


def push(archive: Archive, objects: Mapping[str, bytes]) -> None:
    for data in objects.values():
        archive.store(io.BytesIO(data))


def work(archive: Archive) -> None:
    """Do all jobs, and those that they ask for, as far as they may run."""
    for _ in range(3):
        for done in archive.compress(wait_for_all=True):
            assert not done.error, done.error
