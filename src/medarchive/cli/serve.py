"""``serve``: the DICOM node, the jobs behind it and the web, for as long as the archive is in use."""

import contextlib
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from medarchive.cli.children import GRACE, Child, say_ready, stop_on_signals, stop_with_parent
from medarchive.cli.options import with_settings
from medarchive.errors import ArchiveError, SettingsError
from medarchive.settings import Settings

__all__ = ["beside", "serve", "web"]

_NEEDED = ("django", "allauth", "uvicorn", "whitenoise", "starlette", "PIL")
_LAST = 5.0
"""Seconds of the grace that are left to the process itself."""


@with_settings
def serve(  # noqa: PLR0913  # options
    settings: Settings,
    *,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address that the node listens on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Its TCP port; 0 takes a free one.")] = None,
    ae_title: Annotated[str | None, typer.Option("--ae-title", metavar="AET", help="Our own AE title.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", metavar="AET=HOST:PORT", help="A peer that may connect and be sent to; repeatable."),
    ] = None,
    any_peer: Annotated[bool, typer.Option("--any-peer", help="Let unknown AE titles connect, too.")] = False,
    no_node: Annotated[bool, typer.Option("--no-node", help="Leave DICOM to other processes.")] = False,
    no_jobs: Annotated[bool, typer.Option("--no-jobs", help="Leave compression to other processes.")] = False,
    no_web: Annotated[bool, typer.Option("--no-web", help="Leave the web to other processes.")] = False,
    web_host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address that the web listens on.")] = None,
    web_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Its TCP port; 0 takes a free one.")] = None,
    web_prefix: Annotated[str | None, typer.Option(metavar="PATH", help="Path below which the web lies.")] = None,
    ohif: Annotated[
        str | None, typer.Option("--ohif", metavar="DIR", help="Offer OHIF, from its unpacked npm package.")
    ] = None,
    web_certificate: Annotated[str | None, typer.Option(metavar="FILE", help="PEM file, for TLS on the web.")] = None,
    web_key: Annotated[str | None, typer.Option(metavar="FILE", help="PEM file with the certificate's key.")] = None,
) -> None:
    """Run the DICOM node, a process that compresses behind it, and the web, until told to stop (Ctrl-C, SIGTERM).

    Node and web listen on loopback, and the node knows no peers, unless settings or options say otherwise. C-ECHO,
    C-STORE, C-FIND, C-GET, C-MOVE and Storage Commitment; a C-STORE is answered when the object is durable. One line
    says when the node is ready, and where; another one says so of the web, which has pages for people and DICOMweb.
    Associations are spread over as many processes as the setting node_processes says: one a core, up to four.

    The web is a process of its own, and needs the extra `web`. Where it ends, it is started again; the node goes on.

    Examples:
      medarchive serve --any-peer
      medarchive serve --host 0.0.0.0 --ae-title ARCHIVE --peer CT1=10.0.0.7:104 --peer VIEWER=10.0.0.9:11112
      medarchive serve --no-node --no-jobs --web-host 0.0.0.0 --web-certificate chain.pem --web-key key.pem
      medarchive serve --settings /etc/medarchive.toml
    """
    from medarchive.archive.archive import Archive
    from medarchive.dicom_node.node import Node

    settings = settings.changed(
        host=host,
        port=port,
        ae_title=ae_title,
        peers=peer or None,
        any_peer=any_peer or None,
        web_host=web_host,
        web_port=web_port,
        web_prefix=web_prefix,
        web_ohif=ohif,
        web="false" if no_web else None,
        web_certificate=web_certificate,
        web_key=web_key,
    )
    if no_node and no_jobs and settings.web == "false":
        raise SettingsError("serve: neither node nor jobs nor web is to be run")
    stop = stop_on_signals()
    with Archive.open(settings) as archive, contextlib.ExitStack() as parts:
        children: list[Child] = []
        parts.callback(_wait_for, children)
        node = None if no_node else parts.enter_context(Node(archive))
        parts.callback(_ask_to_stop, children)
        archive.catalog.make_room()
        if not no_jobs:
            children.append(Child(settings, ["jobs", "--run", "--with-parent"]))
        if node is not None:
            shared = node.listener.fileno()
            children += [Child(settings, ["beside", str(shared)], [shared]) for _ in range(1, settings.node_processes)]
        pages = _web(settings, parts, alone=no_node and no_jobs)
        for child in children:
            child.wait_until_ready(stop)
        if node is not None and not stop.is_set():
            _announce(settings, node.port)
        if pages is not None:
            children.append(pages[0])
            ready = pages[0].wait_until_ready(stop)
            if not stop.is_set():
                typer.echo(pages[1] if ready else "the web did not start; it will be tried again", err=not ready)
                sys.stdout.flush()
        while not stop.wait(1.0):
            for child in children:
                child.look_after()


def _announce(settings: Settings, port: int) -> None:
    typer.echo(f"{settings.ae_title} listens on {settings.host}:{port}, archive {settings.archive.absolute()}")
    sys.stdout.flush()
    if not (settings.peers or settings.any_peer):
        typer.echo("no peers are known, so every association is rejected: see --peer and --any-peer", err=True)


def _ask_to_stop(children: Sequence[Child]) -> None:
    for child in children:
        child.ask_to_stop()


def _wait_for(children: Sequence[Child]) -> None:
    for child in children:
        child.stop()


def _web(settings: Settings, parts: contextlib.ExitStack, *, alone: bool) -> tuple[Child, str] | None:
    """The process of the web, and what is to be said when it is ready.

    None where it is not wanted, or cannot be had and need not be.

    Raises:
        SettingsError: it is wanted, or nothing else is to be run, and it cannot be had.
    """
    if settings.web == "false":
        return None
    try:
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            raise SettingsError(f"no web: {missing[0]} is not installed; pip install 'medarchive[web]', or --no-web")
        from medarchive.web.listening import address, listener

        shared = [parts.enter_context(listener(settings, settings.web_port))]
        lines = [f"the web is on {address(settings, shared[0])}{settings.web_prefix}/"]
        if settings.web_ohif:
            from medarchive.web.ohif import built

            built(Path(settings.web_ohif))
            shared.append(parts.enter_context(listener(settings, settings.web_ohif_port)))
            lines.append(f"OHIF is on {address(settings, shared[1])}/")
    except SettingsError as error:
        if alone or settings.web == "true":
            raise
        typer.echo(f"{error}", err=True)
        return None
    numbers = [each.fileno() for each in shared]
    return Child(settings, ["web", *map(str, numbers)], numbers), "\n".join(lines)


@with_settings
def web(settings: Settings, listener: int, ohif: Annotated[int | None, typer.Argument()] = None) -> None:
    """Be the web face on listening sockets that were inherited, for as long as the parent lives."""
    from medarchive.archive.archive import Archive
    from medarchive.cli.reading import reader_for
    from medarchive.web.application import Server

    stop = stop_on_signals()
    stop_with_parent(stop)
    shared = [None if number is None else socket.socket(fileno=number) for number in (listener, ohif)]
    with Archive.open(settings, reader=reader_for(settings)) as archive:
        server = Server(archive, *shared)
        say_ready()
        while server.running and not stop.wait(1.0):
            pass
        if not stop.is_set():
            raise ArchiveError("the web ended by itself; what is above says why, and the parent starts another")
        server.stop(GRACE - _LAST)


@with_settings
def beside(settings: Settings, listener: int) -> None:
    """Be one more process of a node whose listening socket was inherited, for as long as the first one lives."""
    from medarchive.archive.archive import Archive
    from medarchive.dicom_node.node import Node

    stop = stop_on_signals()
    stop_with_parent(stop)
    with socket.socket(fileno=listener) as shared, Archive.open(settings) as archive, Node(archive, listener=shared):
        say_ready()
        stop.wait()
