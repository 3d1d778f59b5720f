"""Capabilities: what the service can do, as WADL or as JSON made of it (PS3.18 8.9, annex H)."""

from typing import Any
from xml.sax.saxutils import quoteattr

from django.http import HttpRequest, HttpResponse

from medarchive.web.dicomweb.accept import Offer, chosen, ranges
from medarchive.web.dicomweb.failures import told
from medarchive.web.dicomweb.media import DICOM, FRAMES, OCTETS
from medarchive.web.dicomweb.rows import dumped
from medarchive.web.dicomweb.targets import root
from medarchive.web.gate import needs

__all__ = ["RESOURCES", "capabilities"]

_WADL = "application/vnd.sun.wadl+xml"
_RELATED = "multipart/related"
_JSON = ("application/dicom+json",)
_OBJECTS = (f"{_RELATED}; type={DICOM}", DICOM)
_PIXELS = (f"{_RELATED}; type={OCTETS}", OCTETS, *sorted(set(FRAMES.values())))
_SEARCH = ("limit", "offset", "includefield", "fuzzymatching", "{attribute}")
_LOOK = ("window", "viewport", "quality")
_STUDY, _SERIES, _INSTANCE = "studies/{study}", "studies/{study}/series/{series}", "instances/{instance}"
_PICTURES = ("image/jpeg", "image/png")

RESOURCES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("studies", "SearchForStudies", _JSON, _SEARCH),
    ("series", "SearchForSeries", _JSON, _SEARCH),
    ("instances", "SearchForInstances", _JSON, _SEARCH),
    (f"{_STUDY}/series", "SearchForStudySeries", _JSON, _SEARCH),
    (f"{_STUDY}/instances", "SearchForStudyInstances", _JSON, _SEARCH),
    (f"{_SERIES}/instances", "SearchForStudySeriesInstances", _JSON, _SEARCH),
    *(
        (f"{place}{tail}", f"Retrieve{level}{name}", media, query)
        for place, level in ((_STUDY, "Study"), (_SERIES, "Series"), (f"{_SERIES}/{_INSTANCE}", "Instance"))
        for tail, name, media, query in (
            ("", "", _OBJECTS, ()),
            ("/metadata", "Metadata", _JSON, ()),
            ("/rendered", "Rendered", _PICTURES, _LOOK),
            ("/thumbnail", "Thumbnail", _PICTURES, _LOOK),
        )
    ),
    (f"{_SERIES}/{_INSTANCE}/frames/{{frames}}", "RetrieveFrames", _PIXELS, ()),
    (f"{_SERIES}/{_INSTANCE}/frames/{{frames}}/rendered", "RetrieveRenderedFrames", _PICTURES, _LOOK),
    (f"{_SERIES}/{_INSTANCE}/frames/{{frames}}/thumbnail", "RetrieveFrameThumbnail", _PICTURES, _LOOK),
    (f"{_SERIES}/{_INSTANCE}/bulkdata/{{path}}", "RetrieveBulkdata", (OCTETS,), ()),
)
"""Path, name, media types and query parameters of all that can be asked for with GET."""


@needs("view", program=True)
@told
def capabilities(request: HttpRequest) -> HttpResponse:
    """What there is, and how it is asked for."""
    offer = chosen(ranges(request), [Offer("application/json"), Offer(_WADL)])
    body = _xml(root(request)).encode() if offer.media == _WADL else dumped(_described(root(request)))
    return HttpResponse(body, content_type=offer.media)


def _described(address: str) -> dict[str, Any]:
    resources = [
        {
            "@path": path,
            "method": [
                {
                    "@name": "GET",
                    "@id": name,
                    "request": {"param": [{"@name": each, "@style": "query"} for each in query]},
                    "response": [{"@status": "200", "representation": [{"@mediaType": each} for each in media]}],
                }
            ],
        }
        for path, name, media, query in RESOURCES
    ]
    return {"application": {"resources": {"@base": address, "resource": resources}}}


def _xml(address: str) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<application xmlns="http://wadl.dev.java.net/2009/02">']
    lines.append(f"<resources base={quoteattr(address)}>")
    for path, name, media, query in RESOURCES:
        params = "".join(f'<param name={quoteattr(each)} style="query"/>' for each in query)
        kinds = "".join(f"<representation mediaType={quoteattr(each)}/>" for each in media)
        lines.append(
            f'<resource path={quoteattr(path)}><method name="GET" id={quoteattr(name)}><request>{params}</request>'
            f'<response status="200">{kinds}</response></method></resource>'
        )
    return "\n".join([*lines, "</resources>", "</application>"])
