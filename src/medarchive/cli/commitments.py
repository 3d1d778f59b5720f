"""``commitments``: what peers asked the archive to answer for, and what came of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, when
from medarchive.cli.options import with_settings
from medarchive.errors import NotFound
from medarchive.settings import Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive

__all__ = ["commitments"]


@with_settings
def commitments(
    settings: Settings,
    transaction_uid: Annotated[
        str | None, typer.Argument(help="Of one request, to list the instances that it names.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the requests for storage commitment, or the instances of one and what came of each.

    A request is `asked` until all its instances were given back or found wanting, `decided` until its peer has taken
    the report, then `reported`. It is `given up` where its job failed as often as the settings allow: `jobs` says why,
    and `jobs --retry` tries again.

    Examples:
      medarchive commitments
      medarchive commitments 1.2.3.4 --json
    """
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        listed = _requests(archive) if transaction_uid is None else _instances(archive, transaction_uid)
    if as_json:
        echo_json(listed)
    elif listed:
        draw_table(list(listed[0]), (list(each.values()) for each in listed))
    else:
        typer.echo("no peer has asked for storage commitment")


def _requests(archive: "Archive") -> list[dict[str, object]]:
    return [
        {
            "TransactionUID": each.transaction_uid,
            "peer": each.peer,
            "state": each.state,
            "instances": each.instances,
            "committed": each.committed,
            "failed": each.failed,
            "asked for": when(each.requested_at),
            "reported": when(each.reported_at) if each.reported_at else "",
        }
        for each in archive.commitments().all()
    ]


def _instances(archive: "Archive", transaction_uid: str) -> list[dict[str, object]]:
    """The instances of a request; of several where others came under its Transaction UID, in the order of arrival."""
    from medarchive.archive.commitments import Failure

    requests = archive.commitments()
    listed: list[dict[str, object]] = [
        {
            "SOPInstanceUID": item.uid,
            "SOPClassUID": item.sop_class,
            "peer": each.peer,
            "outcome": "committed" if item.failure == 0 else "failed" if item.failure else "",
            "reason": f"{item.failure:04X} {Failure(item.failure).name.lower().replace('_', ' ')}"
            if item.failure
            else "",
        }
        for each in requests.all()
        if each.transaction_uid == transaction_uid
        for item in requests.items(each.id)
    ]
    if not listed:
        raise NotFound(f"no request for storage commitment {transaction_uid}; medarchive commitments lists them")
    return listed
