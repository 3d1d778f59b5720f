"""``users``: accounts of the web face; an archive's first administrator comes from here."""

import contextlib
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from medarchive.cli.audit import whoami
from medarchive.cli.drawing import draw_table, echo_json
from medarchive.cli.options import with_settings
from medarchive.errors import AccountError
from medarchive.settings import Settings

__all__ = ["add", "approve", "disable", "enable", "list_", "reset_link", "role_"]


class Role(StrEnum):
    """What an account may do."""

    VIEWER = "viewer"
    CLINICIAN = "clinician"
    ARCHIVIST = "archivist"
    ADMINISTRATOR = "administrator"


class Sees(StrEnum):
    """Which studies it sees."""

    ALL = "all"
    DEPARTMENTS = "departments"
    SHARED = "shared"


Name = Annotated[str, typer.Argument(metavar="NAME", help="User name or e-mail address.")]
_ROLES = "What it may do: viewer, clinician, archivist or administrator."
RoleOption = Annotated[Role | None, typer.Option("--role", help=_ROLES, show_default=False)]
SeesOption = Annotated[
    Sees | None,
    typer.Option(
        "--sees",
        help="all, departments or shared: the studies it sees; of a new administrator all, of others the shared.",
        show_default=False,
    ),
]
Departments = Annotated[
    list[str] | None, typer.Option("--department", metavar="NAME", help="A department of it; repeatable.")
]


@with_settings
def list_(
    settings: Settings,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those alone that wait for approval.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the accounts.

    Examples:
      medarchive users list --waiting
      medarchive users list --json
    """
    with _accounts(settings):
        from medarchive.web.accounts.models import User

        found = User.objects.order_by("username").prefetch_related("departments")
        listed = [_as_dict(user) for user in found if not waiting or user.state == "waits for approval"]
    if as_json:
        echo_json(listed)
    elif listed:
        draw_table(list(listed[0]), (list(each.values()) for each in listed))
    else:
        typer.echo("none")


@with_settings
def add(
    settings: Settings,
    name: Annotated[str, typer.Argument(metavar="NAME", help="User name: letters, digits and . + - _ alone.")],
    email: Annotated[str | None, typer.Option("--email", metavar="ADDRESS", help="Asked for where not given.")] = None,
    role: Annotated[Role, typer.Option("--role", help=_ROLES)] = Role.VIEWER,
    sees: SeesOption = None,
    from_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read it from the first line of standard input; takes --email.")
    ] = False,
) -> None:
    """Make an account that needs no approval. The password is asked for, and is no argument.

    Examples:
      medarchive users add anna --role administrator
      medarchive users add ben --email ben@example.org --role clinician --sees all
    """
    if from_stdin and not email:
        raise AccountError(f"account {name}: --password-stdin takes --email, too: nobody is there to ask")
    address = email or typer.prompt("E-mail address")
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else _asked_for()
    seen = sees or (Sees.ALL if role is Role.ADMINISTRATOR else Sees.SHARED)
    with _accounts(settings) as by:
        from medarchive.web.accounts import people

        people.add(name, address, password, role.value, seen.value, by)
    typer.echo(f"{name} is {role.value} now, and sees {seen.value}")


@with_settings
def approve(
    settings: Settings, name: Name, role: RoleOption = None, sees: SeesOption = None, department: Departments = None
) -> None:
    """Approve an account that somebody asked for; with the role that they asked for, unless told otherwise.

    Examples:
      medarchive users approve carla
      medarchive users approve carla --role viewer --department Radiology
    """
    with _accounts(settings) as by:
        from medarchive.web.accounts import people

        user = people.called(name)
        if user.state != "waits for approval":
            raise AccountError(f"account {user.username}: {user.state}; see users role, users enable")
        _grant(user, role.value if role else user.role_asked, sees, department, by)


@with_settings
def role_(
    settings: Settings,
    name: Name,
    role: Annotated[Role, typer.Argument(help=_ROLES)],
    sees: SeesOption = None,
    department: Departments = None,
) -> None:
    """Give an account another role, and let it see other studies where that is asked for.

    Examples:
      medarchive users role ben archivist --sees all
    """
    with _accounts(settings) as by:
        from medarchive.web.accounts import people

        user = people.called(name)
        if user.approved_at is None:
            raise AccountError(f"account {user.username}: {user.state}; see users approve")
        _grant(user, role.value, sees, department, by)


@with_settings
def disable(settings: Settings, name: Name) -> None:
    """End the use of an account: its sessions and API tokens work no more.

    Examples:
      medarchive users disable ben
    """
    with _accounts(settings) as by:
        from medarchive.web.accounts import people

        people.deactivate(people.called(name), by)
    typer.echo(f"{name} is deactivated")


@with_settings
def enable(settings: Settings, name: Name) -> None:
    """Let a deactivated account be used again.

    Examples:
      medarchive users enable ben
    """
    with _accounts(settings) as by:
        from medarchive.web.accounts import people

        user = people.called(name)
        if user.approved_at is None:
            raise AccountError(f"account {user.username}: {user.state}; see users approve")
        people.activate(user, by)
    typer.echo(f"{name} is active")


@with_settings
def reset_link(
    settings: Settings,
    name: Name,
    site: Annotated[
        str, typer.Option("--site", metavar="URL", help="Where the pages are, for example https://archive.example.org.")
    ] = "",
) -> None:
    """Print a link with which an account sets a new password: once, within a day.

    Examples:
      medarchive users reset-link ben --site https://archive.example.org
    """
    with _accounts(settings) as by:
        from medarchive.web.accounts import people

        path = people.reset_path(people.called(name), by)
    typer.echo(f"{(site or _site(settings)).rstrip('/')}{path}")


@contextlib.contextmanager
def _accounts(settings: Settings) -> Iterator[Any]:
    """Open the archive and its accounts; what is done is recorded under the name of whoever has the machine."""
    from medarchive.archive.archive import Archive

    with Archive.open(settings) as archive:
        try:
            from medarchive.web.accounts.prepare import prepare
        except ImportError as error:
            raise AccountError(f"accounts need the web face: pip install 'medarchive[web]' ({error.name})") from error
        prepare(archive)
        from medarchive.web.accounts.record import Actor

        yield Actor(whoami(), face="cli")


def _grant(user: Any, role: str, sees: Sees | None, names: list[str] | None, by: Any) -> None:
    from medarchive.web.accounts import people
    from medarchive.web.accounts.models import Department

    departments = list(user.departments.all())
    if names:
        departments = list(Department.objects.filter(name__in=names))
        if missing := sorted(set(names) - {each.name for each in departments}):
            raise AccountError(f"no department {missing[0]}: administrators make them in the web pages")
    seen = sees.value if sees else "departments" if names else user.sees
    people.grant(user, role, seen, departments, by)
    typer.echo(f"{user.username} is {role} now, and sees {seen}")


def _asked_for() -> str:
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _site(settings: Settings) -> str:
    scheme = "https" if settings.web_certificate else "http"
    return f"{scheme}://{settings.web_hosts[0] if settings.web_hosts else settings.web_host}:{settings.web_port}"


def _as_dict(user: Any) -> dict[str, object]:
    return {
        "name": user.username,
        "email": user.email,
        "state": user.state,
        "role": user.role if user.approved_at else "",
        "asked for": user.role_asked,
        "sees": user.sees,
        "departments": ", ".join(sorted(each.name for each in user.departments.all())),
        "last login": user.last_login.isoformat(timespec="seconds") if user.last_login else "",
    }
