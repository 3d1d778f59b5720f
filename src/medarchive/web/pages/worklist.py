"""The worklist: the studies that an account may see."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.dicom.query import Level, Query
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.rights import within

__all__ = ["worklist"]


@needs("view")
def worklist(request: HttpRequest) -> HttpResponse:
    """Studies, the newest first."""
    query = within(request.user, Query(Level.STUDY, (), limit=50, order=("-StudyDate",)))
    return render(request, "web/worklist.html", {"studies": [match.values for match in here.archive().find(query)]})
