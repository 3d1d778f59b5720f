"""Holdings: what is kept of a study, series by series, and which image stands for each."""

from dataclasses import dataclass

from medarchive.archive.catalog import Catalog

__all__ = ["Holding", "holdings"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What is kept for the visible instances of a series.

    Attributes:
        instances: how many.
        images: how many of them have pixels.
        frames: of these together.
        size: bytes of their files as they were received.
        stored_bytes: bytes that are kept for them.
        codecs: what they are encoded with, each once.
        middle: SOP Instance UID of the image in the middle by Instance Number; "" without images.
        middle_frame: the frame of it that stands for it, from 0.
        middle_version: the first digits of its hash.
    """

    instances: int
    images: int
    frames: int
    size: int
    stored_bytes: int
    codecs: tuple[str, ...]
    middle: str
    middle_frame: int
    middle_version: str


_FRAMES = "max(CAST(instance.NumberOfFrames AS INTEGER), 1)"
_IMAGE = "(instance.Rows NOT IN ('', '0') AND instance.Columns NOT IN ('', '0'))"
_SUMS = f"""
SELECT series.id, series.SeriesInstanceUID AS uid, count(*) AS instances, sum({_IMAGE}) AS images,
    sum(CASE WHEN {_IMAGE} THEN {_FRAMES} ELSE 0 END) AS frames, sum(instance.size) AS size,
    sum(instance.stored_bytes) AS stored_bytes, group_concat(DISTINCT instance.codec) AS codecs
FROM study JOIN series ON series.study = study.id JOIN instance ON instance.series = series.id
WHERE study.StudyInstanceUID = ? AND instance.hidden_at IS NULL GROUP BY series.id
"""
_MIDDLE = f"""
SELECT SOPInstanceUID AS uid, {_FRAMES} AS frames, substr(sha256, 1, 12) AS version FROM instance
WHERE series = ? AND hidden_at IS NULL AND {_IMAGE}
ORDER BY CAST(InstanceNumber AS INTEGER), id LIMIT 1 OFFSET ?
"""


def holdings(catalog: Catalog, study_uid: str) -> dict[str, Holding]:
    """What is kept of each series of a study, by Series Instance UID."""
    found = {}
    for row in catalog.read(_SUMS, (study_uid,)):
        middle = catalog.read(_MIDDLE, (row["id"], row["images"] // 2))
        found[row["uid"]] = Holding(
            instances=row["instances"],
            images=row["images"],
            frames=row["frames"],
            size=row["size"],
            stored_bytes=row["stored_bytes"],
            codecs=tuple(sorted(name for name in (row["codecs"] or "").split(",") if name)),
            middle=middle[0]["uid"] if middle else "",
            middle_frame=middle[0]["frames"] // 2 if middle else 0,
            middle_version=middle[0]["version"] if middle else "",
        )
    return found
