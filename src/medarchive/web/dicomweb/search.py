"""Search: studies, series and instances that match (QIDO-RS, PS3.18 10.6)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from medarchive.dicom.query import Level, Match
from medarchive.web import here
from medarchive.web.dicomweb.accept import chosen, ranges
from medarchive.web.dicomweb.asked import Asked
from medarchive.web.dicomweb.failures import told
from medarchive.web.dicomweb.metadata import JSON
from medarchive.web.dicomweb.rows import dumped, row
from medarchive.web.dicomweb.targets import root
from medarchive.web.gate import needs
from medarchive.web.rights import within
from medarchive.web.visits import note

__all__ = ["search"]

_USUAL = {
    Level.STUDY: (
        "StudyDate StudyTime AccessionNumber ModalitiesInStudy ReferringPhysicianName PatientName PatientID "
        "PatientBirthDate PatientSex StudyInstanceUID StudyID StudyDescription NumberOfStudyRelatedSeries "
        "NumberOfStudyRelatedInstances"
    ),
    Level.SERIES: (
        "Modality SeriesDescription SeriesInstanceUID SeriesNumber NumberOfSeriesRelatedInstances "
        "PerformedProcedureStepStartDate PerformedProcedureStepStartTime StudyInstanceUID"
    ),
    Level.IMAGE: (
        "SOPClassUID SOPInstanceUID InstanceNumber Rows Columns BitsAllocated NumberOfFrames "
        "AvailableTransferSyntaxUID StudyInstanceUID SeriesInstanceUID"
    ),
}
"""What is returned without being asked for (tables 10.6.3-3 to 10.6.3-5)."""
_NAMES = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_LEVELS = (Level.STUDY, Level.SERIES, Level.IMAGE)
_ORDER = {Level.STUDY: ("-StudyDate", "-StudyTime"), Level.SERIES: ("SeriesNumber",), Level.IMAGE: ("InstanceNumber",)}


@needs("view", program=True)
@told
def search(request: HttpRequest, level: Level, study: str = "", series: str = "") -> HttpResponse:
    """What matches at a level, below a study or series where the path names one; 204 where nothing does."""
    media = chosen(ranges(request), JSON).media
    above = {place: uid for place, uid in ((Level.STUDY, study), (Level.SERIES, series)) if uid}
    asked = Asked.of(request.GET, level, above)
    query = within(request.user, asked.query)
    if level is Level.STUDY or study:
        query = replace(query, order=_ORDER[level])
    archive = here.archive()
    limit = query.limit or 0
    keywords = _keywords(asked, level, above)
    fields = None if keywords is None else frozenset((*keywords, *_NAMES))
    found = list(archive.find(replace(query, limit=limit + 1, fields=fields)))
    note(request, "query", study, detail=f"{level.lower()}: {', '.join(key.keyword for key in query.keys)}")
    warnings = [f"{', '.join(asked.absent)[:512]}: not indexed, so not returned"] if asked.absent else []
    if len(found) > limit:
        more = archive.count(query) - query.offset - limit
        warnings.insert(0, f"There are {more} additional results that can be requested")
    address = root(request)
    rows = [_result(match, keywords, address) for match in found[:limit]]
    answer = HttpResponse(dumped(rows) if rows else b"", content_type=media, status=200 if rows else 204)
    if warnings:
        answer["Warning"] = ", ".join(f'299 medarchive "{text}"' for text in warnings)
    return answer


def _keywords(asked: Asked, level: Level, above: dict[Level, str]) -> list[str] | None:
    """What is returned; None for all that is held. Of a level that the path does not name its usual attributes, too."""
    if asked.everything:
        return None
    wanted = [*_USUAL[level].split(), *asked.fields]
    for upper in _LEVELS[: _LEVELS.index(level)]:
        wanted += [] if upper in above else _USUAL[upper].split()
    return list(dict.fromkeys(wanted))


def _result(match: Match, keywords: Iterable[str] | None, address: str) -> dict[str, Any]:
    answer = row(match, keywords)
    values = match.values
    url = f"{address}/studies/{values['StudyInstanceUID']}"
    if match.level is not Level.STUDY:
        url += f"/series/{values['SeriesInstanceUID']}"
    if match.level is Level.IMAGE:
        url += f"/instances/{values['SOPInstanceUID']}"
    answer["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    answer["00080056"] = {"vr": "CS", "Value": [values["InstanceAvailability"]]}
    answer["00081190"] = {"vr": "UR", "Value": [url]}
    return dict(sorted(answer.items()))
