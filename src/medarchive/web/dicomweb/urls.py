"""The addresses of DICOMweb (PS3.18 8.3, tables 10.4.1-1 and 10.6.1-1)."""

from django.urls import URLPattern, path

from medarchive.dicom.query import Level
from medarchive.web.dicomweb.bulk import bulk
from medarchive.web.dicomweb.capabilities import capabilities
from medarchive.web.dicomweb.frames import frames
from medarchive.web.dicomweb.instances import instances
from medarchive.web.dicomweb.metadata import metadata
from medarchive.web.dicomweb.methods import by_method
from medarchive.web.dicomweb.rendered import rendered, thumbnail
from medarchive.web.dicomweb.search import search
from medarchive.web.dicomweb.stow import stow

_STUDY = "studies/<study>"
_SERIES = f"{_STUDY}/series/<series>"
_INSTANCE = f"{_SERIES}/instances/<instance>"
_FRAMES = f"{_INSTANCE}/frames/<listed>"

urlpatterns: list[URLPattern] = [
    path(_FRAMES, frames),  # first what is asked for most
    path(_INSTANCE, instances),
    path("", capabilities, name="dicomweb"),
    path("studies", by_method(search, stow), {"level": Level.STUDY}),
    path("series", search, {"level": Level.SERIES}),
    path("instances", search, {"level": Level.IMAGE}),
    path(f"{_STUDY}/series", search, {"level": Level.SERIES}),
    path(f"{_STUDY}/instances", search, {"level": Level.IMAGE}),
    path(f"{_SERIES}/instances", search, {"level": Level.IMAGE}),
    path(_STUDY, by_method(instances, stow)),
    path(_SERIES, instances),
    *(path(f"{place}/metadata", metadata) for place in (_STUDY, _SERIES, _INSTANCE)),
    *(path(f"{place}/rendered", rendered) for place in (_STUDY, _SERIES, _INSTANCE, _FRAMES)),
    *(path(f"{place}/thumbnail", thumbnail) for place in (_STUDY, _SERIES, _INSTANCE, _FRAMES)),
    path(f"{_INSTANCE}/bulkdata/<path:where>", bulk),
]
