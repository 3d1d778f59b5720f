"""``policy``: which stored images may lose something, what that would save, and doing it."""

from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.audit import note
from medarchive.cli.drawing import draw_table, echo_json, size
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.prospects import Prospect
    from medarchive.policy import Rule

__all__ = ["apply", "look", "show", "undo"]

Series = Annotated[
    list[str] | None, typer.Argument(metavar="[SERIES_UID...]", help="Series Instance UIDs; none: all series.")
]


@with_settings
def show(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rules as JSON.")] = False,
) -> None:
    """List the rules of the settings as they were understood, in their order.

    Examples:
      medarchive policy show --settings medarchive.toml
    """
    if as_json:
        echo_json([_as_dict(rule) for rule in settings.policy])
        return
    rows = [(number, _conditions(rule), rule.what, _originals(rule)) for number, rule in enumerate(settings.policy, 1)]
    draw_table(["rule>", "where", "action", "originals"], [*rows, ("", "all others", "lossless", "stay")])


@with_settings
def look(
    settings: Settings,
    series: Series = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what each stored series would get, why some get nothing, and what that would save. Changes nothing.

    What it would save is estimated: a few instances of the middle of each series are encoded, and thrown away.

    Examples:
      medarchive policy test --settings medarchive.toml
      medarchive policy test 1.2.3.4 --json
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        found = list(followed(archive.policy().all(series or ()), "looking: series", archive.stats().series))
    if as_json:
        echo_json([_prospect(each) for each in found])
        return
    _draw(found)


@with_settings
def apply(
    settings: Settings,
    series: Series = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as `policy test`.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was asked for as JSON.")] = False,
) -> None:
    """Make the versions with loss that the rules ask for, each an instance of its own in a series of its own.

    The work is queued: after an interruption, the same command goes on, and `jobs --run` does so too. Where the rule
    says so, the originals go out of sight when all versions of their series are proven and the grace has passed;
    `jobs --run` or this command look after that. Until they are purged, `policy undo` brings them back.

    Examples:
      medarchive policy apply --settings medarchive.toml
      medarchive policy apply 1.2.3.4 --dry-run
    """
    from medarchive.archive.applying import apply_policy
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        for done in () if dry_run else archive.compress(kinds=("refer",), wait_for_all=True):
            _complain(done.uid, done.error)
        policy = archive.policy()
        found = list(followed(policy.all(series or ()), "looking: series", archive.stats().series))
        if not dry_run:
            for done in followed(apply_policy(archive, found), "deriving", None):
                _complain(done.uid, done.error)
            found = [policy.after(each) for each in found]
            note(archive, "configure", "", f"policy applied to {len(found)} series")
    if as_json:
        echo_json([_prospect(each) for each in found])
        return
    _draw(found)


@with_settings
def undo(
    settings: Settings,
    series: Annotated[str, typer.Argument(metavar="SERIES_UID", help="Of the originals, or of what was derived.")],
) -> None:
    """Bring the originals of a series back, and take what was derived from them out of sight.

    Possible until the originals are purged. What was undone is not done again.

    Examples:
      medarchive policy undo 1.2.3.4
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        count = archive.recall(series)
        note(archive, "configure", series, f"policy undone for {count} instances")
        typer.echo(f"{count} instances are as they were before")


def _complain(uid: str, error: str) -> None:
    if error:
        typer.echo(f"stays as it is for now: {uid}: {error}", err=True)


def _as_dict(rule: "Rule") -> dict[str, object]:
    import tomllib

    table: dict[str, object] = tomllib.loads(f"rule = {rule}")["rule"]
    return table


def _conditions(rule: "Rule") -> str:
    names = ("modality", "body_part", "ae_title", "image_type")
    parts = [f"{name} {' or '.join(getattr(rule, name))}" for name in names if getattr(rule, name)]
    if rule.older_than_days is not None:
        parts.append(f"older than {rule.older_than_days:g} days")
    return ", ".join(parts) or "always"


def _originals(rule: "Rule") -> str:
    if rule.keep_original:
        return "stay"
    return f"go after {rule.grace_days:g} days"


def _prospect(prospect: "Prospect") -> dict[str, object]:
    from dataclasses import asdict

    found = asdict(prospect)
    del found["series"]
    return {"SeriesInstanceUID": found.pop("series_uid")} | found | {"bytes_saved": prospect.saved}


def _draw(found: "list[Prospect]") -> None:
    if not found:
        typer.echo("no series")
        return
    columns = [
        "modality",
        "SeriesInstanceUID",
        "instances>",
        "rule>",
        "action",
        "outcome",
        "without loss>",
        "saves>",
        "remarks",
    ]
    draw_table(columns, (_line(each) for each in found))
    saved = sum(each.saved or 0 for each in found)
    sampled = sum(each.sampled for each in found)
    how = (
        f"would be saved in all, estimated from {sampled} instances"
        if sampled
        else "saved in all, when originals are gone"
    )
    typer.echo(f"{_signed(saved)} {how}")


def _signed(number: int) -> str:
    return size(number) if number >= 0 else f"-{size(-number)}"


def _line(prospect: "Prospect") -> tuple[object, ...]:
    remarks = [f"{refusal.reason} ({refusal.instances} instances)" for refusal in prospect.refusals]
    if prospect.saved is not None and prospect.sampled:
        remarks.append(f"estimated from {prospect.sampled} instances")
    if prospect.missed:
        remarks.append(f"does not reach fidelity profile {prospect.missed}")
    if prospect.outcome == "done" and not prospect.keep_original:
        remarks.append(f"{prospect.retired} originals are out of sight")
    why = "; ".join(remarks)
    saved = "-" if prospect.saved is None else _signed(prospect.saved)
    return (
        *(prospect.modality, prospect.series_uid, prospect.instances, prospect.rule or "-", prospect.what),
        *(prospect.outcome, size(prospect.bytes_now) if prospect.bytes_now else "-", saved, why),
    )
