"""Audit: who did what to which object, from where, with what outcome. Records are added, and never changed."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from medarchive.archive.catalog import Catalog, Row, Transaction

__all__ = ["ACTIONS", "FACES", "OUTCOMES", "RECORD", "Action", "Audit", "Event", "Face", "Head", "Outcome"]

Face = Literal["web", "node", "cli"]
Outcome = Literal["success", "refused", "failed"]
Action = Literal[
    "login",
    "logout",
    "account",
    "token",
    "query",
    "view",
    "download",
    "upload",
    "similar",
    "detect",
    "correct",
    "delete",
    "undelete",
    "commit",
    "share",
    "configure",
    "check",
    "refused",
]
"""What each is called in PS3.15 A.5 stands in ``archive.messages``."""
ACTIONS: tuple[Action, ...] = get_args(Action)
FACES: tuple[Face, ...] = get_args(Face)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
RECORD = "audit"
"""The object of events that are about the audit record itself."""
_FIRST = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One record.

    Attributes:
        action: what was done.
        who: account or AE title; "" for a stranger.
        origin: network address, "" where there is none.
        face: through which face of the archive.
        object: a UID, a Patient ID, an account or an address (URL path); "" for none.
        outcome: success, refused (no right to it) or failed.
        detail: anything else, in words or JSON. Never pixels, never passwords, never a patient's name.
        at: seconds since 1970.
        id: its number; 0 before it is recorded.
    """

    action: Action
    who: str
    origin: str
    face: Face
    object: str = ""
    outcome: Outcome = "success"
    detail: str = ""
    at: float = 0.0
    id: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record. Kept elsewhere, it shows later that no record up to it was cut off or written anew.

    Attributes:
        id: its number, and how many records there are; 0: none.
        digest: the hash over all of them, hexadecimal.
    """

    id: int
    digest: str

    def __str__(self) -> str:
        """As ``medarchive audit --verify`` prints and takes it."""
        return f"{self.id}:{self.digest}"


_COLUMNS = ("at", "who", "origin", "face", "action", "object", "outcome", "detail")
_LONGEST = 1024
_PAGE = 500


class Audit:
    """The audit record of an archive. Any thread and any process may add to it."""

    def __init__(self, catalog: Catalog, now: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._now = now

    def note(self, *events: Event) -> None:
        """Add records; durable when this returns. Their ``at`` and ``id`` are given here."""
        self._catalog.write(lambda transaction: self._add(transaction, events))

    def _add(self, transaction: Transaction, events: Sequence[Event]) -> None:
        rows = transaction.execute("SELECT digest FROM audit ORDER BY id DESC LIMIT 1")
        digest = rows[0]["digest"] if rows else _FIRST
        for event in events:
            values = [self._now(), *(_clean(str(getattr(event, name))) for name in _COLUMNS[1:])]
            digest = _digest(digest, values)
            transaction.execute(
                f"INSERT INTO audit ({', '.join(_COLUMNS)}, digest) VALUES ({', '.join('?' * len(_COLUMNS))}, ?)",
                (*values, digest),
            )

    def events(
        self,
        *,
        since: float = 0.0,
        until: float | None = None,
        equal: dict[str, str] | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> Iterator[Event]:
        """Records, the newest first.

        Args:
            since: seconds since 1970.
            until: the same.
            equal: values of ``who``, ``origin``, ``face``, ``action``, ``object``, ``outcome`` that they have.
            limit: how many at most.
            before: only those with smaller numbers than this.
        """
        conditions, parameters = ["at >= ?"], list[object]((since,))
        if until is not None:
            conditions.append("at <= ?")
            parameters.append(until)
        for name, value in (equal or {}).items():
            if name not in _COLUMNS[1:-1]:
                raise ValueError(f"{name}: no column of the audit record to choose by")
            conditions.append(f"{name} = ?")
            parameters.append(_clean(value))
        last, left = before, limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(_PAGE, left)
            where = " AND ".join([*conditions, "id < ?"] if last is not None else conditions)
            asked = (*parameters, *([last] if last is not None else []), page)
            rows = self._catalog.read(f"SELECT * FROM audit WHERE {where} ORDER BY id DESC LIMIT ?", asked)
            yield from map(_event, rows)
            if len(rows) < page:
                return
            last = rows[-1]["id"]
            left = None if left is None else left - page

    def head(self) -> Head:
        """The newest record."""
        rows = self._catalog.read("SELECT id, digest FROM audit ORDER BY id DESC LIMIT 1")
        return Head(rows[0]["id"], rows[0]["digest"]) if rows else Head(0, _FIRST)

    def holds(self, head: Head) -> bool:
        """Whether the record that was the newest once is still there, and the same."""
        rows = self._catalog.read("SELECT digest FROM audit WHERE id = ?", (head.id,))
        return head == Head(0, _FIRST) or bool(rows and rows[0]["digest"] == head.digest)

    def broken(self) -> int | None:
        """The number of the first record that was changed, or that follows a removed one; None where all is whole.

        Whoever can write to the catalogue's file can make the whole chain anew, or cut its end off: only a ``head``
        that was kept elsewhere shows that.
        """
        digest, expected = _FIRST, 1
        while rows := self._catalog.read(*self._from(expected)):
            for row in rows:
                digest = _digest(digest, [row[name] for name in _COLUMNS])
                if row["id"] != expected or digest != row["digest"]:
                    return int(row["id"])
                expected += 1
        return None

    @staticmethod
    def _from(number: int) -> tuple[str, tuple[int, ...]]:
        """A page of records from one on; the first page has all before it, too: there should be none."""
        if number == 1:
            return "SELECT * FROM audit ORDER BY id LIMIT ?", (_PAGE,)
        return "SELECT * FROM audit WHERE id >= ? ORDER BY id LIMIT ?", (number, _PAGE)


def _clean(text: str) -> str:
    """Text that a database takes, and not too much of it."""
    return text[:_LONGEST].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _digest(before: str, values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps([before, *values]).encode()).hexdigest()


def _event(row: Row) -> Event:
    return Event(id=row["id"], **{name: row[name] for name in _COLUMNS})
