"""Judged: what a fidelity report is about, whatever it is written as."""

from dataclasses import dataclass

from medarchive.codecs.fidelity import FidelityProfile, Rescale, Verdict
from medarchive.image import Image

__all__ = ["NOTICE", "Judged"]

NOTICE = "Measurements are no substitute for a reader study."


@dataclass(frozen=True, slots=True)
class Judged:
    """Two images that were compared, and what came of it.

    Attributes:
        original: stored values.
        decoded: what was compared with it.
        verdict: what came of it.
        profile: that was judged by.
        rescale: of both.
        names: what the two are called, as text.
    """

    original: Image
    decoded: Image
    verdict: Verdict
    profile: FidelityProfile | None
    rescale: Rescale
    names: tuple[str, str]

    @property
    def title(self) -> str:
        """The profile's name and what it is for."""
        return f"{self.verdict.profile}: {self.profile.title}" if self.profile else "no profile"

    @property
    def pair(self) -> str:
        """What was compared with what, by which profile."""
        return f"{self.names[1]} against {self.names[0]}, by {self.title}"

    @property
    def limits(self) -> str:
        """Where the limits come from; empty where nobody says."""
        return f"Limits: {self.profile.source}; see docs/fidelity.md." if self.profile and self.profile.source else ""
