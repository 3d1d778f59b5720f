"""Codec: all that an encoder and its decoder are to the rest of the project."""

from typing import Protocol

from medarchive.image import Image

__all__ = ["DEFAULT_EFFORT", "Codec", "Frames"]

DEFAULT_EFFORT = 7


class Frames(Protocol):
    """Frames of one shape, dtype and number of bits, fetched when they are asked for. An Image is one; so is a file."""

    def __len__(self) -> int:
        """How many frames there are, at least 1."""
        ...

    def __getitem__(self, frames: slice, /) -> Image:
        """Some consecutive frames. Any thread may ask."""
        ...


class Codec(Protocol):
    """One way to turn an image into bytes and back. Stateless; any thread may call it.

    ``name`` is a promise: once released, the same name reads the same bytes forever. A changed format gets a new name.
    """

    name: str
    group: int
    """How many consecutive frames one call of ``encode`` is given (1: every frame stands alone)."""

    @property
    def quick(self) -> bool:
        """Whether it keeps up here with what arrives; where it does not, others are used unless it is all there is."""
        ...

    def accepts(self, image: Image) -> bool:
        """Whether ``encode`` can take the image, judged by shape, dtype and bits alone."""
        ...

    def encode(self, image: Image, *, max_error: int = 0, effort: int = DEFAULT_EFFORT) -> bytes:
        """Encode an image.

        Args:
            image: up to ``group`` frames.
            max_error: 0 is lossless; with n no pixel may be off by more than n, in stored units.
            effort: 1 (quick) to 9 (small).

        Raises:
            UnsupportedImage: the codec cannot take this image, or cannot hold ``max_error``.
        """
        ...

    def decode(self, data: bytes) -> Image:
        """Decode what ``encode`` returned: same shape, dtype and bits.

        Raises:
            CorruptStream: the bytes are no such stream.
            LimitExceeded: they ask for an image beyond the decoder's caps.
        """
        ...
