"""Fidelity: how far decoded pixels are from the original ones, measured, never assumed.

``measure`` counts errors; ``judge`` says whether an image keeps what a reader needs, by a profile of its kind.
"""

from medarchive.codecs.fidelity.check import Decision, judge, passes
from medarchive.codecs.fidelity.limits import FidelityProfile
from medarchive.codecs.fidelity.profiles import PROFILES, profile, profile_for
from medarchive.codecs.fidelity.report import FidelityReport, measure
from medarchive.codecs.fidelity.verdict import Check, Verdict
from medarchive.codecs.fidelity.windows import Rescale, Window

__all__ = [
    "PROFILES",
    "Check",
    "Decision",
    "FidelityProfile",
    "FidelityReport",
    "Rescale",
    "Verdict",
    "Window",
    "judge",
    "measure",
    "passes",
    "profile",
    "profile_for",
]
