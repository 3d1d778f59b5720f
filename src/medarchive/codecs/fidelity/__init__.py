"""Fidelity: how far decoded pixels are from the original ones, measured, never assumed."""

from medarchive.codecs.fidelity.report import FidelityReport, measure

__all__ = ["FidelityReport", "measure"]
