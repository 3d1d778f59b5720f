"""Transform: a plane to coefficients and back; in C where the kernel was built, else the normative NumPy."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder import native, wavelet
from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import FRACTION, Bands

__all__ = ["analysed", "synthesised"]


def analysed(values: NDArray[np.int64]) -> Pyramid[np.int64]:
    """The coefficients of a plane in stored units, in 1/64 of such a unit."""
    shape = (values.shape[0], values.shape[1])
    if native.instruction_sets():
        return Pyramid.of(shape, native.analysed(values << FRACTION))
    return Pyramid.joined(shape, wavelet.analysed(values << FRACTION))


def synthesised(pyramid: Pyramid[np.int64]) -> NDArray[np.int64]:
    """The plane of some coefficients, in stored units."""
    if native.instruction_sets():
        plane = native.synthesised(pyramid.flat, *pyramid.shape)
    else:
        plane = wavelet.synthesised(Bands(pyramid.low, pyramid.levels))
    return plane + (1 << FRACTION - 1) >> FRACTION
