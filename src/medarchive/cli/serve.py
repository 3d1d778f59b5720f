"""``serve``: the DICOM node, for as long as the archive is in use."""

import socket
import sys
from typing import Annotated

import typer

from medarchive.cli.children import GRACE, Child, say_ready, stop_on_signals, stop_with_parent
from medarchive.cli.options import with_settings
from medarchive.settings import Settings

__all__ = ["beside", "serve"]


@with_settings
def serve(
    settings: Settings,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = None,
    ae_title: Annotated[str | None, typer.Option("--ae-title", metavar="AET", help="Our own AE title.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", metavar="AET=HOST:PORT", help="A peer that may connect and be sent to; repeatable."),
    ] = None,
    any_peer: Annotated[bool, typer.Option("--any-peer", help="Let unknown AE titles connect, too.")] = False,
    no_jobs: Annotated[bool, typer.Option("--no-jobs", help="Leave compression to other processes.")] = False,
) -> None:
    """Run the DICOM node, and a process that compresses behind it, until told to stop (Ctrl-C, SIGTERM).

    It listens on loopback and knows no peers unless settings or options say otherwise. C-ECHO, C-STORE, C-FIND, C-GET,
    C-MOVE and Storage Commitment; a C-STORE is answered when the object is durable. One line says when it is ready, and
    where. Associations are spread over as many processes as the setting node_processes says: one a core, up to four.

    Examples:
      medarchive serve --any-peer
      medarchive serve --host 0.0.0.0 --ae-title ARCHIVE --peer CT1=10.0.0.7:104 --peer VIEWER=10.0.0.9:11112
      medarchive serve --settings /etc/medarchive.toml
    """
    from medarchive.archive.archive import Archive
    from medarchive.dicom_node.node import Node

    settings = settings.changed(host=host, port=port, ae_title=ae_title, peers=peer or None, any_peer=any_peer or None)
    stop = stop_on_signals()
    children: list[Child] = []
    with Archive.open(settings) as archive, Node(archive) as node:
        try:
            archive.catalog.make_room()
            if not no_jobs:
                children.append(Child(settings, ["jobs", "--run", "--with-parent"]))
            shared = node.listener.fileno()
            children += [Child(settings, ["beside", str(shared)], [shared]) for _ in range(1, settings.node_processes)]
            for child in children:
                child.wait_until_ready()
            typer.echo(
                f"{settings.ae_title} listens on {settings.host}:{node.port}, archive {settings.archive.absolute()}"
            )
            sys.stdout.flush()
            if not (settings.peers or settings.any_peer):
                typer.echo("no peers are known, so every association is rejected: see --peer and --any-peer", err=True)
            while not stop.wait(1.0):
                for child in children:
                    child.look_after()
        finally:
            for child in children:
                child.ask_to_stop()
            node.stop(GRACE)
            for child in children:
                child.stop()


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
