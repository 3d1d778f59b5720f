"""One frozen Settings: a TOML file, then ``MEDARCHIVE_*`` variables, then the flags of a face. The later wins."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from medarchive.errors import SettingsError
from medarchive.policy import Rule, parse_rules

__all__ = ["Peer", "Settings"]

PREFIX = "MEDARCHIVE_"


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOM application entity that may talk to us, and where C-MOVE and reports find it."""

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``AET=HOST:PORT``.

        Raises:
            SettingsError: the text has another form.
        """
        ae_title, equals, address = text.partition("=")
        host, colon, port = address.rpartition(":")
        if not (equals and colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise SettingsError(f"peer {text!r}: expected AET=HOST:PORT, for example CT1=10.0.0.7:104")
        return cls(checked_ae_title(ae_title), host.strip("[]"), int(port))

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        return f"{self.ae_title}={self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be configured. Built once by a face and handed down; nothing else reads the environment."""

    archive: Path = Path("medarchive-data")
    """The folder that holds blobs and catalogue; created on first use."""
    host: str = "127.0.0.1"
    """The address that the DICOM node listens on; loopback unless told otherwise (0.0.0.0 for all)."""
    port: int = 11112
    """The TCP port of the DICOM node; 0 takes a free one."""
    ae_title: str = "MEDARCHIVE"
    """Our own application entity title, 1 to 16 characters."""
    peers: tuple[Peer, ...] = field(default=())
    """The application entities that may associate with the node, the destinations of C-MOVE and of reports on storage
    commitment."""
    any_peer: bool = False
    """Whether unknown application entities may associate too, under any called AE title; C-MOVE goes to peers alone."""
    node_processes: int = field(default_factory=lambda: min(os.cpu_count() or 1, 4))
    """Processes that serve associations side by side on the one port."""
    max_associations: int = 64
    """How many associations a process of the node serves at once; further ones are rejected as a local limit."""
    network_timeout: float = 60.0
    """Seconds of silence after which the node gives an association up."""
    codecs: tuple[str, ...] = ("predictive", "jpegxl", "zstd-planes")
    """Codecs tried for pixel data; the smallest proven result is kept, the last one must take everything."""
    effort: int = 7
    """How hard encoders try, 1 (quick) to 9 (small)."""
    quiet: float = 60.0
    """Seconds without an arrival after which the slices of a series are coded together, by codecs that do so."""
    group_slices: int = 16
    """Slices that are coded together at most; reading one of them decodes all."""
    workers: int = field(default_factory=lambda: min(os.cpu_count() or 1, 8))
    """Threads that compress at the same time."""
    max_object_bytes: int = 4 << 30
    """The largest object that is taken in, in bytes."""
    max_memory_bytes: int = 64 << 20
    """The largest object that is held in memory on its way out, in bytes; larger ones pass through a file."""
    grace: float = 60.0
    """Seconds that unreferenced blobs stay before the collector may unlink them."""
    undelete: float = 7 * 86400.0
    """Seconds that deleted instances stay before they are purged."""
    undo: float = 7 * 86400.0
    """Seconds for which what ``medarchive compress`` did can be undone; until then the former blobs stay."""
    busy_timeout: float = 30.0
    """Seconds to wait for the catalogue's write lock."""
    lease: float = 600.0
    """Seconds after which a job whose worker fell silent is given to another."""
    attempts: int = 5
    """How often a job is tried before it waits for a person."""
    report_attempts: int = 36
    """How often the outcome of a storage commitment is offered to the peer that asked; pauses grow to an hour, so that
    36 times are a day."""
    insight: str = "auto"
    """Whether new images are read, to say what is in them: `true`, `false`, or `auto`: where the extra `insight` is
    installed."""
    insight_slices: int = 32
    """Images of a series that are read at most, evenly spaced; of a file of many frames, too."""
    insight_reports: bool = True
    """Whether what was read is stored as a DICOM structured report, too, in a series of its own."""
    insight_heat: bool = False
    """Whether the heat map of a finding is stored as a picture, too, in a series of its own."""
    web: str = "auto"
    """Whether `serve` runs the web pages and DICOMweb: `true`, `false`, or `auto`: where the extra `web` is installed
    and the port is free."""
    web_host: str = "127.0.0.1"
    """The address that the web pages and DICOMweb listen on; loopback unless told otherwise (0.0.0.0 for all)."""
    web_port: int = 8080
    """The TCP port of the web pages and DICOMweb; 0 takes a free one."""
    web_prefix: str = ""
    """The path below which everything on the web lies, for example `/archive`, behind a proxy that passes it on."""
    web_hosts: tuple[str, ...] = field(default=())
    """The host names by which browsers may ask; loopback and `web_host` always may."""
    web_proxies: tuple[str, ...] = field(default=())
    """The addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    web_certificate: str = ""
    """A PEM file with the certificate chain for TLS; empty: without TLS, as behind a proxy."""
    web_key: str = ""
    """A PEM file with the certificate's private key."""
    web_upload_bytes: int = 8 << 30
    """The largest body that a request may have, in bytes."""
    web_session: float = 1800.0
    """Seconds of idleness after which a login ends."""
    web_ohif: str = ""
    """The folder of the unpacked npm package `@ohif/app`, to offer that viewer, too; empty: it is not offered."""
    web_ohif_port: int = 8081
    """The TCP port of that viewer; 0 takes a free one."""
    accounts: str = ""
    """Where accounts are kept: `postgresql://USER:PASSWORD@HOST:PORT/NAME`, `mysql://…`, or empty: beside the
    catalogue."""
    smtp: str = ""
    """The mail server for password resets: `smtp://USER:PASSWORD@HOST:PORT`, `smtps://…`; empty: none, and an
    administrator hands out links."""
    mail_from: str = "medarchive@localhost"
    """The sender of mail."""
    policy: tuple[Rule, ...] = field(default=())
    """Which images may lose something, as ``[[policy]]`` tables: see below. None: all is kept lossless."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            SettingsError: names the setting, its value and what is allowed.
        """
        checked_ae_title(self.ae_title)
        bounds: tuple[tuple[str, float, float], ...] = (
            ("port", 0, 65535),
            ("node_processes", 1, 64),
            ("max_associations", 1, 10_000),
            ("network_timeout", 1, 86400),
            ("effort", 1, 9),
            ("quiet", 0, 86400),
            ("group_slices", 1, 256),
            ("workers", 1, 256),
            ("max_object_bytes", 1 << 10, 1 << 44),
            ("max_memory_bytes", 1 << 16, 1 << 40),
            ("grace", 0, 1e9),
            ("undelete", 0, 1e9),
            ("undo", 0, 1e9),
            ("busy_timeout", 0.1, 3600),
            ("lease", 1, 86400),
            ("attempts", 1, 100),
            ("report_attempts", 1, 1000),
            ("insight_slices", 1, 10_000),
            ("web_port", 0, 65535),
            ("web_ohif_port", 0, 65535),
            ("web_upload_bytes", 1 << 10, 1 << 44),
            ("web_session", 10, 1e9),
        )
        for name, low, high in bounds:
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} = {value}: expected {low:g} to {high:g}")
        if not self.codecs:
            raise SettingsError("codecs is empty: name at least one, for example zstd-planes")
        if self.web_prefix and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", self.web_prefix):
            raise SettingsError(
                f"web_prefix = {self.web_prefix!r}: expected a path such as /archive, without a / at its end"
            )
        if self.web_ohif and self.web_prefix:
            raise SettingsError(
                "web_ohif and web_prefix: that viewer wants the root of its origin, so not below a path"
            )
        if bool(self.web_certificate) != bool(self.web_key):
            raise SettingsError("web_certificate and web_key: one is useless without the other")
        titles = [peer.ae_title for peer in self.peers]
        if len(set(titles)) != len(titles):
            raise SettingsError(f"peers: an AE title occurs twice in {', '.join(titles)}")

    @classmethod
    def load(cls, file: Path | None = None, environment: Mapping[str, str] | None = None, **flags: object) -> Self:
        """Build settings from a TOML file, the environment and flags; flags that are None do not count.

        Args:
            file: TOML with the names above as keys; ``peers`` is a list of ``AET=HOST:PORT``, ``policy`` an array of
                tables with the names of ``Rule``.
            environment: ``MEDARCHIVE_ARCHIVE``, ``MEDARCHIVE_PORT``, …; lists are separated by commas, and an empty
                variable does not count. The rules of ``MEDARCHIVE_POLICY`` are TOML inline tables.
            flags: settings by name.

        Raises:
            SettingsError: the file cannot be read, or a name or value in one of the three is wrong.
        """
        values: dict[str, Any] = {}
        if file is not None:
            try:
                values |= tomllib.loads(file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise SettingsError(f"settings file {file}: {error}") from error
        names = {setting.name for setting in fields(cls)}
        for variable, text in (os.environ if environment is None else environment).items():
            name = variable.removeprefix(PREFIX).lower()
            if variable.startswith(PREFIX) and name in names and text:
                values[name] = text
        values |= {name: value for name, value in flags.items() if value is not None}
        unknown = sorted(set(values) - names)
        if unknown:
            raise SettingsError(f"unknown setting {unknown[0]!r}; known are {', '.join(sorted(names))}")
        return cls(**{name: _converted(name, value) for name, value in values.items()})

    def changed(self, **flags: Any) -> Self:
        """The same settings with some replaced; None leaves one as it is."""
        return replace(self, **{name: _converted(name, v) for name, v in flags.items() if v is not None})


def checked_ae_title(text: str) -> str:
    """An AE title without the spaces around it (PS3.5 6.2, VR AE).

    Raises:
        SettingsError: it is empty, too long, or holds a backslash or anything that is not printable ASCII.
    """
    title = text.strip(" ")
    if not (1 <= len(title) <= 16 and title.isascii() and title.isprintable() and "\\" not in title):
        raise SettingsError(f"AE title {text!r}: expected 1 to 16 printable ASCII characters without a backslash")
    return title


def _converted(name: str, value: Any) -> Any:
    """Bring a value from TOML, environment or flag to its setting's type."""
    if name in _SWITCHES:
        return _switch(name, value)
    return parse_rules(value) if name == "policy" else _plain(name, value)


def _switch(name: str, value: Any) -> str:
    """``true``, ``false`` or ``auto``."""
    text = str(value).lower()
    if text == "auto":
        return text
    if text not in _BOOLEANS:
        raise SettingsError(f"{name} = {value!r}: expected true, false or auto")
    return str(_BOOLEANS[text]).lower()


def _plain(name: str, value: Any) -> Any:
    """The value of any setting but the policy."""
    default = {setting.name: setting.type for setting in fields(Settings)}.get(name, str)
    kind = default if isinstance(default, type) else None
    try:
        if name in _LISTS:
            items: Iterable[Any] = value.split(",") if isinstance(value, str) else value
            parts = [item for item in items if item != ""]
            if name != "peers":
                return tuple(str(part).strip() for part in parts)
            return tuple(part if isinstance(part, Peer) else Peer.parse(str(part).strip()) for part in parts)
        if name == "ae_title":
            return checked_ae_title(str(value))
        if kind is str and not isinstance(value, str):
            raise TypeError
        if kind is bool:
            return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]
        if kind is Path:
            return Path(value).expanduser()
        if isinstance(value, bool):
            raise TypeError
        if kind is int and isinstance(value, float):
            raise TypeError
        return kind(value) if kind else value
    except (KeyError, TypeError, ValueError) as error:
        wanted = kind.__name__ if kind else "list"
        raise SettingsError(f"{name} = {value!r}: expected {wanted}") from error


_SWITCHES = ("insight", "web")
_LISTS = ("peers", "codecs", "web_hosts", "web_proxies")
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
