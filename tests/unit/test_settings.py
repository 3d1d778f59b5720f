"""Settings: defaults, file, environment, flags; what is wrong is named."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from medarchive.errors import SettingsError
from medarchive.settings import Peer, Settings


def test_the_defaults_are_closed() -> None:
    settings = Settings.load(environment={})
    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert (settings.port, settings.ae_title) == (11112, "MEDARCHIVE")
    assert settings.peers == ()
    assert not settings.any_peer


def test_the_later_wins(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 1\nae_title = "FILE"\neffort = 2\nhost = "10.0.0.1"\n')
    environment = {"MEDARCHIVE_PORT": "2", "MEDARCHIVE_AE_TITLE": "VARIABLE", "MEDARCHIVE_HOST": "", "HOME": "/root"}
    settings = Settings.load(file, environment, port=3, ae_title=None)
    assert (settings.port, settings.ae_title, settings.effort, settings.host) == (3, "VARIABLE", 2, "10.0.0.1")


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return str([str(item) for item in value])
    return repr(str(value)) if isinstance(value, str | Path) else str(value).lower()


def test_every_setting_may_stand_in_a_file_and_in_a_variable(tmp_path: Path) -> None:
    values = {
        **{setting.name: getattr(Settings(), setting.name) for setting in fields(Settings)},
        "archive": Path("/data/archive"),
        "peers": (Peer("CT1", "10.0.0.7", 104), Peer("VIEWER", "::1", 11112)),
        "any_peer": True,
        "effort": 3,
        "grace": 0.5,
        "codecs": ("zstd-planes",),
    }
    texts = {
        f"MEDARCHIVE_{name.upper()}": ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }
    assert Settings.load(environment=texts) == Settings(**values)
    file = tmp_path / "settings.toml"
    file.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in values.items()))
    assert Settings.load(file, {}) == Settings(**values)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("port", 65536, "port = 65536: expected 0 to 65535"),
        ("port", "eleven", "port = 'eleven': expected int"),
        ("port", 1.5, "port = 1.5: expected int"),
        ("port", True, "port = True: expected int"),
        ("any_peer", "perhaps", "any_peer = 'perhaps': expected bool"),
        ("effort", 0, "effort = 0: expected 1 to 9"),
        ("grace", float("nan"), "grace = nan: expected 0 to"),
        ("workers", 0, "workers = 0"),
        ("ae_title", "SEVENTEEN-LETTERS", "1 to 16 printable ASCII characters"),
        ("ae_title", "A\\B", "without a backslash"),
        ("ae_title", "   ", "AE title"),
        ("host", 5, "host = 5: expected str"),
        ("archive", 5, "archive = 5: expected Path"),
        ("codecs", [], "codecs is empty"),
        ("codecs", 5, "codecs = 5: expected list"),
        ("peers", "CT1", "peer 'CT1': expected AET=HOST:PORT"),
        ("peers", ["A=h:1", "A=g:2"], "an AE title occurs twice"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: object, message: str) -> None:
    flags: dict[str, Any] = {name: value}
    with pytest.raises(SettingsError, match=re.escape(message)):
        Settings.load(environment={}, **flags)


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(SettingsError, match=r"unknown setting 'prot'; known are .*port"):
        Settings.load(file, {})
    with pytest.raises(SettingsError, match="unknown setting"):
        Settings.load(environment={}, colour="red")


@pytest.mark.parametrize("content", [None, b"port = ", b"\xff\xfe", b"port = 1\nport = 2\n"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "settings.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        Settings.load(file, {})


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("CT1=10.0.0.7:104", Peer("CT1", "10.0.0.7", 104)),
        (" CT 1 =host.example:65535", Peer("CT 1", "host.example", 65535)),
        ("V=[::1]:1", Peer("V", "::1", 1)),
    ],
)
def test_a_peer(text: str, peer: Peer) -> None:
    assert Peer.parse(text) == peer
    assert Peer.parse(str(peer)) == peer


@pytest.mark.parametrize("text", ["", "A", "A=", "A=h", "A=h:", "A=:1", "=h:1", "A=h:0", "A=h:65536", "A=h:x", "A=h:²"])
def test_what_is_no_peer(text: str) -> None:
    with pytest.raises(SettingsError):
        Peer.parse(text)


def test_changed_keeps_the_rest_and_converts() -> None:
    settings = Settings(port=5).changed(ae_title=" NEW ", peers=["A=h:1"], host=None)
    assert settings == Settings(port=5, ae_title="NEW", peers=(Peer("A", "h", 1),))
    with pytest.raises(FrozenInstanceError):
        settings.port = 6  # type: ignore[misc]  # that is the point
