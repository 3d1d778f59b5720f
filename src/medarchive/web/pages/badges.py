"""Badges: what was read in the images of a study or series, in a few words."""

from collections.abc import Iterable
from dataclasses import dataclass

from medarchive.archive.findings import Finding
from medarchive.errors import NotFound
from medarchive.web import here

__all__ = ["Badge", "badges", "readings", "strongest"]

_HARMLESS = frozenset(("no_tumour", "normal", "benign", "likely_benign"))


@dataclass(frozen=True, slots=True)
class Badge:
    """One finding.

    Attributes:
        series: Series Instance UID.
        label: in words.
        probability: 0 to 1; None where it abstained.
        said: ``confirmed``, ``rejected``, or "" where no clinician has said anything.
        alarming: whether it names a disease.
        abstained: why it would rather not say; "" where it did.
        task: which network read it.
    """

    series: str
    label: str
    probability: float | None
    said: str
    alarming: bool
    abstained: str
    task: str


def readings(uid: str, *, images: bool = False) -> list[Finding]:
    """All that was read below a UID or Patient ID, see ``Archive.findings``; nothing where nothing of it is here."""
    try:
        return here.archive().findings(uid, images=images)
    except NotFound:
        return []


def badges(uid: str) -> list[Badge]:
    """What the newest readings of a study's or series' series say, abstentions too."""
    return [_badge(each) for each in readings(uid) if each.pooled and each.superseded_at is None and _says(each)]


def strongest(some: Iterable[Badge]) -> Badge | None:
    """Of several badges the one for a narrow column: a disease before none, the most probable first."""
    told = [each for each in some if not each.abstained and each.said != "rejected"]
    return max(told, key=lambda each: (each.alarming, each.probability or 0.0), default=None)


def _says(finding: Finding) -> bool:
    return bool(finding.finding) or finding.abstained


def _badge(finding: Finding) -> Badge:
    label = finding.finding
    return Badge(
        series=finding.series_uid,
        label=label.replace("_", " ") or "not told",
        probability=finding.probabilities.get(label),
        said=finding.corrections[-1].verdict if finding.corrections else "",
        alarming=bool(label) and label not in _HARMLESS,
        abstained=(finding.reason or "not sure") if finding.abstained else "",
        task=finding.task,
    )
