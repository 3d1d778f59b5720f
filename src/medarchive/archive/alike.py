"""Alike: which stored images look like one. Its memory of their embeddings follows the catalogue."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medarchive.archive.catalog import Catalog
from medarchive.archive.findings import REJECTED
from medarchive.insight.reading import DIMENSIONS
from medarchive.insight.similar import Neighbours

__all__ = ["Alike", "Likeness"]

_PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Likeness:
    """An image that looks like the one that was asked for.

    Attributes:
        uid: SOP Instance UID.
        frame: the most similar one, from 0.
        similarity: cosine of the embeddings, -1 to 1.
        modality, series_uid, study_uid, patient_id: whose it is.
        finding: what was read in it; "" where nothing was, or where a clinician says that it is wrong.
    """

    uid: str
    frame: int
    similarity: float
    modality: str
    series_uid: str
    study_uid: str
    patient_id: str
    finding: str


class Alike:
    """Finds similar images. Any thread may ask.

    Holds 512 bytes an image. What was purged in this or another process goes with the next question.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._guard = threading.Lock()
        self._neighbours = Neighbours(DIMENSIONS)
        self._version = ""
        self._last = 0
        self._modalities: dict[str, int] = {}

    def embedding(self, uid: str, frame: int | None) -> tuple[NDArray[np.float32], str] | None:
        """The embedding of a frame of an instance, or of the middle one of those that were read, and its reader's
        version; None where none was read.
        """
        rows = self._catalog.read(_OF, (uid,))
        if frame is not None:
            rows = [row for row in rows if row["frame"] == frame]
        if not rows:
            return None
        row = rows[len(rows) // 2]
        return np.frombuffer(row["vector"], "<f4").astype(np.float32), row["version"]

    def to(
        self,
        query: NDArray[np.float32],
        version: str,
        n: int,
        modality: str | None,
        wanted: Callable[[Likeness], bool],
    ) -> list[Likeness]:
        """The images most similar to an embedding, most similar first, each once.

        Args:
            query: the embedding.
            version: of its reader: those of another one cannot be compared.
            n: how many at most.
            modality: of this modality alone; None: of any.
            wanted: whether an image shall be among them.
        """
        with self._guard:
            self._follow(version)
            kind = None if modality is None else self._modalities.get(modality, -1)
            asked = 2 * n + 16
            while True:
                found = self._neighbours.search(query, asked, kind)
                known = self._seen([key for key, _ in found])
                alike: dict[str, Likeness] = {}
                for key, similarity in found:
                    if key in known:
                        each = Likeness(similarity=similarity, **known[key])
                        if each.uid not in alike and wanted(each):
                            alike[each.uid] = each
                if len(alike) >= n or len(found) < asked:
                    return list(alike.values())[:n]
                asked *= 4

    def _follow(self, version: str) -> None:
        """Bring the memory up to date: what came is added; where something went, all is read again."""
        if version != self._version:
            self._forget(version)
        self._add()
        count = self._catalog.read("SELECT count(*) AS n FROM embedding WHERE version = ?", (version,))[0]["n"]
        if count != len(self._neighbours):
            self._forget(version)
            self._add()

    def _forget(self, version: str) -> None:
        self._neighbours.clear()
        self._version, self._last = version, 0

    def _add(self) -> None:
        while rows := self._catalog.read(_ABOVE, (self._last, self._version, _PAGE)):
            vectors = np.frombuffer(b"".join(row["vector"] for row in rows), "<f4").reshape(-1, DIMENSIONS)
            kinds = [self._modalities.setdefault(row["modality"], len(self._modalities)) for row in rows]
            self._neighbours.add([row["id"] for row in rows], kinds, vectors)
            self._last = rows[-1]["id"]

    def _seen(self, keys: list[int]) -> dict[int, dict[str, Any]]:
        """What stands behind some embeddings, where it is in sight."""
        found = {}
        for first in range(0, len(keys), 500):
            some = keys[first : first + 500]
            sql = _BEHIND.format(rejected=REJECTED.format("reading"), marks=", ".join("?" * len(some)))
            for row in self._catalog.read(sql, some):
                found[row["id"]] = {name: row[name] for name in Likeness.__slots__ if name != "similarity"}
        return found


_ABOVE = (
    "SELECT embedding.id, vector, Modality AS modality FROM embedding "
    "JOIN instance ON instance.id = embedding.instance JOIN series ON series.id = instance.series "
    "WHERE embedding.id > ? AND version = ? ORDER BY embedding.id LIMIT ?"
)
_OF = (
    "SELECT frame, vector, version FROM embedding JOIN instance ON instance.id = embedding.instance "
    "AND hidden_at IS NULL WHERE SOPInstanceUID = ? ORDER BY frame"
)
_BEHIND = (
    "SELECT embedding.id, SOPInstanceUID AS uid, embedding.frame, Modality AS modality, SeriesInstanceUID AS "
    "series_uid, StudyInstanceUID AS study_uid, PatientID AS patient_id, coalesce((SELECT finding FROM reading "
    "WHERE reading.instance = instance.id AND reading.frame = embedding.frame AND superseded_at IS NULL "
    "AND NOT {rejected} LIMIT 1), '') AS finding FROM embedding "
    "JOIN instance ON instance.id = embedding.instance AND hidden_at IS NULL "
    "JOIN series ON series.id = instance.series JOIN study ON study.id = series.study "
    "JOIN patient ON patient.id = study.patient WHERE embedding.id IN ({marks})"
)
