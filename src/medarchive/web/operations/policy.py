"""Policy: the rules in effect, and what other rules would do. Nothing is applied from here."""

import time
import tomllib

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from medarchive.archive.prospects import Prospect
from medarchive.errors import MedarchiveError, SettingsError
from medarchive.policy import Rule, parse_rules
from medarchive.web import here
from medarchive.web.gate import needs

__all__ = ["policy"]

_LONGEST_TEXT = 20_000
_SECONDS = 20.0
_EXAMPLE = """[[policy]]
action = "near-lossless"
max_error = 2
keep_original = true
modality = ["CT"]
older_than_days = 365
"""


@needs("operate")
@require_http_methods(["GET", "POST"])
def policy(request: HttpRequest) -> HttpResponse:
    """Show the rules; by POST, preview those of the text that was sent."""
    archive = here.archive()
    text = request.POST.get("rules", "")[:_LONGEST_TEXT]
    shown: dict[str, object] = {"rules": archive.settings.policy, "text": text or _text(archive.settings.policy)}
    if request.method == "POST":
        try:
            found, whole = _preview(_parsed(text))
            shown |= {"found": found, "whole": whole, "saved": sum(each.saved or 0 for each in found), "looked": True}
        except MedarchiveError as error:
            shown["error"] = str(error)
    return render(request, "web/operations/policy.html", shown)


def _parsed(text: str) -> tuple[Rule, ...]:
    """Rules of a TOML text with [[policy]] tables.

    Raises:
        SettingsError: it is none.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"no TOML: {error}") from error
    unknown = sorted(set(tables) - {"policy"})
    if unknown:
        raise SettingsError(f"{unknown[0]}: only [[policy]] tables can be previewed")
    return parse_rules(tables.get("policy", []))


def _preview(rules: tuple[Rule, ...]) -> tuple[list[Prospect], bool]:
    """What the rules would do to each series; False where there was not time for all."""
    until = time.monotonic() + _SECONDS
    found = []
    for prospect in here.archive().policy(rules).all():
        found.append(prospect)
        if time.monotonic() > until:
            return found, False
    return found, True


def _text(rules: tuple[Rule, ...]) -> str:
    """Rules as a settings file has them; where there are none, an example."""
    if not rules:
        return _EXAMPLE
    tables = []
    for rule in rules:
        table = tomllib.loads(f"rule = {rule}")["rule"]
        lines = [f"{name} = {_value(value)}" for name, value in table.items()]
        tables.append("\n".join(["[[policy]]", *lines]))
    return "\n\n".join(tables) + "\n"


def _value(value: object) -> str:
    """A TOML value: what a rule's table holds is text, numbers, switches and lists of text."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
