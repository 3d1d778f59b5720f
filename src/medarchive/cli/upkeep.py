"""``check``, ``delete``, ``undelete`` and ``collect``: keep an archive in order."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.audit import note, note_studies
from medarchive.cli.drawing import draw_table, echo_json, size
from medarchive.cli.exits import FAULTS
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.errors import ArchiveBusy
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.audit import Outcome

__all__ = ["check", "collect", "delete", "undelete"]


@with_settings
def check(
    settings: Settings,
    read_data: Annotated[bool, typer.Option("--read-data", help="Hash every blob, decode every instance.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the faults as JSON.")] = False,
) -> None:
    """Compare catalogue and store from both sides and report every fault, with what to do. Changes nothing of them.

    The exit code is 0 where all is well and 50 where something is not.

    Examples:
      medarchive check
      medarchive check --read-data
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        problems = list(followed(archive.check(read_data=read_data), "checking: faults", None))
        instances = archive.stats().instances
        how = "every blob hashed, every instance decoded" if read_data else "structure only"
        sound: Outcome = "failed" if problems else "success"
        try:
            note(archive, "check", "", f"{len(problems)} faults in {instances} instances, {how}", outcome=sound)
        except ArchiveBusy as error:  # what was found counts more
            typer.echo(f"this check is not in the audit record: {error}", err=True)
    if as_json:
        echo_json([asdict(problem) for problem in problems])
    elif problems:
        draw_table(
            ["fault", "subject", "detail", "remedy"], ((p.kind, p.subject, p.detail, p.remedy) for p in problems)
        )
    else:
        more = "" if read_data else "; --read-data reads all data"
        typer.echo(f"{instances} instances, no fault found ({how}{more})")
    if problems:
        raise typer.Exit(FAULTS)


@with_settings
def delete(
    settings: Settings,
    uids: Annotated[
        list[str], typer.Argument(metavar="UID...", help="Of instances, series or studies, or Patient IDs.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take instances out of sight. `undelete` brings them back, for a week unless the settings say otherwise.

    Examples:
      medarchive delete 1.2.3.4 --dry-run
      medarchive delete 1.2.3.4 --yes
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli.lookup import below

    with Archive.open(settings) as archive:
        records = list(dict.fromkeys(record for uid in uids for record in below(archive, uid)))
        draw_table(
            ["modality", "SOPInstanceUID", "bytes>"], ((record.modality, record.uid, record.size) for record in records)
        )
        if dry_run:
            typer.echo(f"{len(records)} instances would be deleted")
            return
        if not yes:
            typer.confirm(f"delete {len(records)} instances?", abort=True)
        gone: list[str] = []
        try:
            for record in followed(records, "deleting", len(records)):
                archive.delete(record.uid)
                gone.append(record.study_uid)
        finally:  # what was done before an interruption was done
            note_studies(archive, "delete", gone)
        typer.echo(
            f"{len(records)} instances deleted; for {settings.undelete / 86400:g} days `undelete` brings them back"
        )


@with_settings
def undelete(
    settings: Settings,
    uids: Annotated[list[str], typer.Argument(metavar="UID...", help="SOP Instance UIDs.")],
) -> None:
    """Bring deleted instances back.

    Examples:
      medarchive undelete 1.2.3.4
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        for uid in uids:
            archive.undelete(uid)
            note(archive, "undelete", uid)
            typer.echo(f"{uid} is back")


@with_settings
def collect(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was removed as JSON.")] = False,
) -> None:
    """Free the space of what was deleted long enough ago, was replaced, or was left by a crash.

    Where a purged slice shared a container with others, that is written again without it. `serve` and `jobs --run` do
    all of this by themselves.

    Examples:
      medarchive collect
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        found = archive.collect()
        for done in followed(archive.compress(kinds=("regroup",)), "writing groups again", archive.waiting()):
            if done.error:
                typer.echo(f"a purged slice is still in its container: {done.error}", err=True)
        again = archive.collect(orphans=False)
        if found.purged:
            note(archive, "delete", "", f"{found.purged} deleted instances purged")
        found = replace(found, blobs=found.blobs + again.blobs, bytes=found.bytes + again.bytes)
    if as_json:
        echo_json(asdict(found))
        return
    typer.echo(
        f"{found.purged} deleted instances purged, {found.blobs} blobs and {found.orphans} orphans removed, "
        f"{size(found.bytes)} freed"
    )
