"""The quantiser while no network says yet what coefficients cost."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import ALL

__all__ = ["DeadZone"]


class DeadZone:
    """Leaves coefficients as they were rounded towards 0. Codes nothing."""

    def encode(self, pyramid: Pyramid[np.int32]) -> bytes:
        """Never asked for."""
        raise NotImplementedError

    def decode(self, data: bytes, pyramid: Pyramid[np.int32]) -> None:
        """Never asked for."""
        raise NotImplementedError

    def quantise(
        self, pyramid: Pyramid[np.int32], scaled: NDArray[np.float32], price: float, inward: float, levels: range = ALL
    ) -> None:
        """See Reference.quantise."""
