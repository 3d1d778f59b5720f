"""predictive: the learned lossless codec. Integers only; docs/format.md has every one of them."""

from medarchive.codecs.predictive.codec import Predictive

__all__ = ["Predictive"]
