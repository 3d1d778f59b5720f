"""Policy: the rules in effect, and what other rules would do. Nothing is applied from here."""

import json
import threading
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from medarchive.archive.prospects import Prospect
from medarchive.errors import MedarchiveError, SettingsError
from medarchive.policy import Rule, parse_rules
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.operations.sight import Sight

__all__ = ["policy"]

_LONGEST_TEXT = 20_000
_SECONDS = 20.0
_MOST = 200
"""Series that are listed; all are added up."""
_ONE = threading.Lock()
"""A preview encodes on all cores: one at a time."""
_EXAMPLE = """[[policy]]
action = "near-lossless"
max_error = 2
keep_original = true
modality = ["CT"]
older_than_days = 365
"""


@dataclass(frozen=True, slots=True)
class _Sum:
    """The series that have one outcome by one action."""

    what: str
    outcome: str
    series: int
    instances: int
    saved: int


@needs("operate")
@require_http_methods(["GET", "POST"])
def policy(request: HttpRequest) -> HttpResponse:
    """Show the rules; by POST, preview those of the text that was sent."""
    archive = here.archive()
    text = request.POST.get("rules", "").replace("\r\n", "\n")
    rules = archive.settings.policy
    shown: dict[str, object] = {"rules": rules, "text": text or _text(rules), "seconds": round(_SECONDS)}
    if request.method != "POST":
        return render(request, "web/operations/policy.html", shown)
    if not _ONE.acquire(blocking=False):
        shown["error"] = "Another preview is under way; try again in a moment."
        return render(request, "web/operations/policy.html", shown, status=503)
    try:
        wanted = _parsed(text)
        found, whole = _preview(wanted, Sight(request.user).series())
        shown |= {
            "looked": True,
            "whole": whole,
            "found": found[:_MOST],
            "count": len(found),
            "sums": _sums(found),
            "saved": sum(each.saved or 0 for each in found),
            "same": wanted == rules,
            "clean": _text(wanted),
            "goes": any(rule.loses and not rule.keep_original for rule in wanted),
        }
    except MedarchiveError as error:
        shown["error"] = str(error)
    finally:
        _ONE.release()
    return render(request, "web/operations/policy.html", shown)


def _parsed(text: str) -> tuple[Rule, ...]:
    """Rules of a TOML text with [[policy]] tables.

    Raises:
        SettingsError: it is none.
    """
    if len(text) > _LONGEST_TEXT:
        raise SettingsError(f"{len(text)} characters; {_LONGEST_TEXT} at most can be previewed")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"no TOML: {error}") from error
    unknown = sorted(set(tables) - {"policy"})
    if unknown:
        raise SettingsError(f"{unknown[0]}: only [[policy]] tables can be previewed")
    return parse_rules(tables.get("policy", []))


def _preview(rules: tuple[Rule, ...], series: list[str] | None) -> tuple[list[Prospect], bool]:
    """What the rules would do to each series, of all or of some; False where there was not time for all."""
    if series is not None and not series:
        return [], True
    until = time.monotonic() + _SECONDS
    found = []
    for prospect in here.archive().policy(rules).all(series or ()):
        found.append(prospect)
        if time.monotonic() > until:
            return found, False
    return found, True


def _sums(found: Iterable[Prospect]) -> list[_Sum]:
    """Prospects added up, those that save most first."""
    sums: dict[tuple[str, str], _Sum] = {}
    for each in found:
        of = each.what, each.outcome
        before = sums.get(of, _Sum(*of, 0, 0, 0))
        sums[of] = _Sum(*of, before.series + 1, before.instances + each.instances, before.saved + (each.saved or 0))
    return sorted(sums.values(), key=lambda each: -each.saved)


def _text(rules: tuple[Rule, ...]) -> str:
    """Rules as a settings file has them; where there are none, an example."""
    if not rules:
        return _EXAMPLE
    tables = []
    for rule in rules:
        table = tomllib.loads(f"rule = {rule}")["rule"]
        lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]  # TOML, too, for what rules hold
        tables.append("\n".join(["[[policy]]", *lines]))
    return "\n\n".join(tables) + "\n"
