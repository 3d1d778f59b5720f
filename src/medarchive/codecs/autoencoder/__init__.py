"""autoencoder: the learned lossy codec. Integers decide what is decoded; docs/format.md has every one of them."""

from medarchive.codecs.autoencoder.codec import Autoencoder

__all__ = ["Autoencoder"]
