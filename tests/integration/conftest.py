"""A node over an archive of its own, in this process, on a free port."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medarchive.archive.archive import Archive
from medarchive.dicom_node.node import Node
from medarchive.settings import Peer, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(archive=tmp_path / "archive", port=0, any_peer=True, effort=1, workers=2, network_timeout=20)


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    with Archive.open(settings) as archive:
        yield archive


@pytest.fixture
def node(archive: Archive) -> Iterator[Node]:
    with Node(archive) as node:
        yield node


def with_destination(archive: Archive, port: int, title: str = "DEST") -> None:
    """Make an application entity on this machine known as a destination of C-MOVE."""
    archive.settings = replace(archive.settings, peers=(Peer(title, "127.0.0.1", port),))
