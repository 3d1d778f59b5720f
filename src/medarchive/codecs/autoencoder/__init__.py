"""autoencoder: the learned lossy codec. What decides a decoded pixel is integers; docs/format.md has every one of them."""

from medarchive.codecs.autoencoder.codec import Autoencoder

__all__ = ["Autoencoder"]
