"""Slices that look like the real thing, for the fidelity check: anatomy under a scanner's blur, noise of its colour."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from medarchive.cli.phantom import volume
from medarchive.codecs.fidelity import Rescale
from medarchive.image import Image

HU = Rescale(1, -1024, "HU")
Field = NDArray[np.float64]


@cache
def _chest() -> NDArray[np.uint16]:
    return volume(slices=24, size=256)[8:16]


def chest(frames: int = 1) -> Image:
    """Slices of a chest at 14 HU of noise, stored with an offset of 1024, 12 bits."""
    return Image(_chest()[:: 8 // frames, :, :, None].copy(), 12)


def coloured_noise(shape: tuple[int, int], spread: float, seed: int) -> Field:
    """Noise with the spectrum of filtered back-projection: it rises with the frequency, then falls."""
    radius = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    colour = radius * np.exp(-((radius / 0.25) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(np.random.default_rng(seed).standard_normal(shape)) * colour).real
    return np.asarray(noise * spread / noise.std())


def blurred(field: NDArray[np.generic], sigma: float) -> Field:
    """A Gaussian blur of ``sigma`` pixels."""
    down, across = (np.fft.fftfreq(side) for side in field.shape)
    response = np.exp(-2 * (np.pi * sigma) ** 2 * (down[:, None] ** 2 + across[None, :] ** 2))
    return np.asarray(np.fft.ifft2(np.fft.fft2(field.astype(float)) * response).real)


def head(grey_white: float = 7, noise: float = 4) -> Image:
    """A slice of a head: skull, fluid, and white and grey matter that differ by ``grey_white`` HU around 34."""
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    rim = np.hypot(x / 0.75, y / 0.9)
    picture = np.where(rim < 1, 1000.0, -1000.0)
    picture[rim < 0.9] = 8
    folds = np.sin(9 * np.arctan2(y, x)) * 0.06
    picture[rim < 0.86] = 34 + grey_white / 2
    picture[rim < 0.7 + folds] = 34 - grey_white / 2
    picture[np.hypot((np.abs(x) - 0.1) / 0.07, y / 0.25) < 1] = 8
    return stored(blurred(picture, 1) + coloured_noise(picture.shape, noise, 5))


def stored(values: NDArray[np.generic]) -> Image:
    """One frame of HU as stored values of 12 bits."""
    whole = np.clip(np.rint(values.astype(float)) + 1024, 0, 4095).astype(np.uint16)
    return Image(whole[None, :, :, None], 12)


def values(image: Image, frame: int = 0) -> Field:
    """A frame in HU."""
    return image.pixels[frame, :, :, 0].astype(float) - 1024
