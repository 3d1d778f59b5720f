"""``audit``: who did what to which object."""

import json
import os
import pwd
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, when
from medarchive.cli.options import with_settings
from medarchive.errors import SettingsError
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.archive.audit import Action, Audit, Event, Head, Outcome

__all__ = ["audit", "note", "note_studies", "whoami"]

_LINES = 100
"""Of a table; JSON and XML have all."""


@with_settings
def audit(  # noqa: PLR0913  # options
    settings: Settings,
    *,
    who: Annotated[str | None, typer.Option(help="An account, or a peer's AE title.")] = None,
    origin: Annotated[str | None, typer.Option("--from", metavar="ADDRESS", help="A network address.")] = None,
    action: Annotated[str | None, typer.Option(help="login, query, view, download, upload, delete, …")] = None,
    object_: Annotated[str | None, typer.Option("--object", metavar="UID", help="What it was done to.")] = None,
    outcome: Annotated[str | None, typer.Option(help="success, refused or failed.")] = None,
    face: Annotated[str | None, typer.Option(help="web, node or cli.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="For example 2026-11-26 or 2026-11-26T08:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The same; a day is meant to its end.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="How many at most [default: 100; as JSON or XML all].")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Look whether any record was changed or removed.")] = False,
    against: Annotated[
        str | None, typer.Option(metavar="HEAD", help="What --verify printed earlier: is that still in the record?")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
    as_xml: Annotated[
        bool, typer.Option("--xml", help="Print them as audit messages of PS3.15 A.5, one a line.")
    ] = False,
) -> None:
    """Print the audit record: who did what to which object, from where, with what outcome. The newest come first.

    Records are only ever added. Each bears a hash over itself and the one before, so --verify finds one that was
    changed, or that is missing between others. It prints the number and the hash of the newest: kept on another
    machine, that shows with --against whether the end was cut off since, or all of it written anew.

    Examples:
      medarchive audit --since 2026-11-26 --outcome refused
      medarchive audit --object 1.2.840.113619.2.5.1762583153 --json
      medarchive audit --verify
      medarchive audit --xml --since 2026-11-26 > audit.xml
    """
    from medarchive.archive.archive import Archive
    from medarchive.archive.audit import ACTIONS, FACES, OUTCOMES
    from medarchive.archive.messages import message

    _one_of("--action", action, ACTIONS)
    _one_of("--outcome", outcome, OUTCOMES)
    _one_of("--face", face, FACES)
    chosen = {"who": who, "origin": origin, "action": action, "object": object_, "outcome": outcome, "face": face}
    equal = {name: value for name, value in chosen.items() if value is not None}
    with Archive.open(settings) as archive:
        if verify or against is not None:
            _verify(archive.audit, against)
            return
        most = limit if limit is not None or as_json or as_xml else _LINES
        events = archive.audit.events(since=_time(since) or 0.0, until=_end(until), equal=equal, limit=most)
        if as_xml:
            for event in events:
                typer.echo(message(event, settings.ae_title))
        elif as_json:
            _echo_json(events)
        else:
            columns = ["at", "who", "from", "face", "action", "object", "outcome", "detail"]
            draw_table(columns, map(_row, events))


def note(archive: "Archive", action: "Action", of: str, detail: str = "", *, outcome: "Outcome" = "success") -> None:
    """Write down what the operating system's user did."""
    archive.audit.note(_event(action, of, detail, outcome))


def note_studies(archive: "Archive", action: "Action", study_uids: Iterable[str], how: str = "") -> None:
    """Write down what was done to instances, each named by its study: one event for each study."""
    counts = Counter(study_uids)
    if counts:
        archive.audit.note(*(_event(action, study, f"{count} instances{how}") for study, count in counts.items()))


def _event(action: "Action", of: str, detail: str, outcome: "Outcome" = "success") -> "Event":
    from medarchive.archive.audit import Event

    return Event(action, whoami(), "", "cli", of, outcome, detail)


def whoami() -> str:
    """The operating system's user, under whose name commands are written down."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name  # getpass would believe the environment
    except KeyError:  # a container may run as somebody without a name
        return str(os.getuid())


def _verify(record: "Audit", against: str | None) -> None:
    broken = record.broken()
    if broken is not None:
        typer.echo(f"record {broken} was changed, or the one before it was", err=True)
        raise typer.Exit(1)
    if against is not None and not record.holds(_head(against)):
        typer.echo(f"the record that ended with {against} is not in this one", err=True)
        raise typer.Exit(1)
    typer.echo(f"every record is as it was written; the newest is {record.head()}")


def _head(text: str) -> "Head":
    from medarchive.archive.audit import Head

    number, colon, digest = text.strip().partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 18 and colon):
        raise typer.BadParameter("expected NUMBER:HASH, as --verify prints it", param_hint="--against")
    return Head(int(number), digest)


def _one_of(option: str, value: str | None, values: Sequence[str]) -> None:
    if value is not None and value not in values:
        raise typer.BadParameter(f"expected one of {', '.join(values)}", param_hint=option)


def _row(event: "Event") -> tuple[object, ...]:
    return (
        *(when(event.at), event.who, event.origin, event.face),
        *(event.action, event.object, event.outcome, event.detail),
    )


def _echo_json(events: "Iterable[Event]") -> None:
    """Print an array while it is read."""
    between = "["
    for event in events:
        typer.echo(f"{between}\n{json.dumps(asdict(event), indent=2, ensure_ascii=False)}", nl=False)
        between = ","
    typer.echo("[]" if between == "[" else "\n]")


def _time(text: str | None) -> float | None:
    """Seconds since 1970 of a date, or of a date and time, in local time."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"{text!r}: expected a date, or a date and time, such as 2026-11-26T08:00") from error


def _end(text: str | None) -> float | None:
    """The same; of a date alone the end of that day."""
    if text is not None and len(text) == len("2026-11-26"):
        _time(text)
        return (datetime.fromisoformat(text) + timedelta(days=1)).timestamp()
    return _time(text)
