"""The quantiser while no network says yet what coefficients cost."""

import numpy as np
from numpy.typing import NDArray

from medarchive.codecs.autoencoder.pyramid import Pyramid
from medarchive.codecs.autoencoder.wavelet import ALL

__all__ = ["DeadZone"]


class DeadZone:
    """Leaves coefficients as they were rounded towards 0; see ``backend.Quantiser``."""

    def quantise(
        self, pyramid: Pyramid[np.int32], scaled: NDArray[np.float32], price: float, inward: float, levels: range = ALL
    ) -> None:
        """See Reference.quantise."""
