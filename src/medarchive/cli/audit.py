"""``audit``: who did what to which object."""

import getpass
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, when
from medarchive.cli.options import with_settings
from medarchive.errors import SettingsError
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.archive.audit import Action

__all__ = ["audit", "note"]


@with_settings
def audit(  # noqa: PLR0913  # options
    settings: Settings,
    *,
    who: Annotated[str | None, typer.Option(help="An account, or a peer's AE title.")] = None,
    action: Annotated[str | None, typer.Option(help="login, query, view, download, upload, delete, …")] = None,
    object_: Annotated[str | None, typer.Option("--object", metavar="UID", help="What it was done to.")] = None,
    outcome: Annotated[str | None, typer.Option(help="success, refused or failed.")] = None,
    face: Annotated[str | None, typer.Option(help="web, node or cli.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="For example 2026-11-26 or 2026-11-26T08:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The same.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most, the newest first.")] = 100,
    verify: Annotated[bool, typer.Option("--verify", help="Look whether any record was changed or removed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """Print the audit record: who did what to which object, from where, with what outcome. The newest come first.

    Records are only ever added. Each bears a hash over itself and the one before, so --verify finds one that was
    changed, or that is missing between others.

    Examples:
      medarchive audit --since 2026-11-26 --outcome refused
      medarchive audit --object 1.2.840.113619.2.5.1762583153 --json
      medarchive audit --verify
    """
    from medarchive.archive.archive import Archive

    chosen = {"who": who, "action": action, "object": object_, "outcome": outcome, "face": face}
    equal = {name: value for name, value in chosen.items() if value is not None}
    with Archive.open(settings) as archive:
        if verify:
            broken = archive.audit.broken()
            if broken is not None:
                typer.echo(f"record {broken} was changed, or the one before it was", err=True)
                raise typer.Exit(1)
            typer.echo("every record is as it was written")
            return
        low, high = _time(since) or 0.0, _time(until)
        found = list(archive.audit.events(since=low, until=high, equal=equal, limit=limit))
    if as_json:
        echo_json([asdict(event) for event in found])
        return
    columns = ["at", "who", "from", "face", "action", "object", "outcome", "detail"]
    rows = (
        (when(one.at), one.who, one.origin, one.face, one.action, one.object, one.outcome, one.detail) for one in found
    )
    draw_table(columns, rows)


def note(archive: "Archive", action: "Action", of: str, detail: str = "") -> None:
    """Write down what the operating system's user did."""
    from medarchive.archive.audit import Event

    archive.audit.note(Event(action, getpass.getuser(), "", "cli", of, "success", detail))


def _time(text: str | None) -> float | None:
    """Seconds since 1970 of a date, or of a date and time, in local time."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError as error:
        raise SettingsError(f"{text!r}: expected a date, or a date and time, such as 2026-11-26T08:00") from error
