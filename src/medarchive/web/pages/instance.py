"""An instance: what stands in it, for objects that are no images and for the curious."""

import pydicom
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from medarchive.archive.catalog import InstanceRecord
from medarchive.dicom.display import or_else
from medarchive.dicom.query import Level
from medarchive.dicom.subject import text_of
from medarchive.web import here
from medarchive.web.gate import needs
from medarchive.web.pages.attributes import rows
from medarchive.web.pages.entities import image, one
from medarchive.web.pages.report import tree
from medarchive.web.visits import note, visit

__all__ = ["document", "instance"]

_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/xml": "xml",
    "model/stl": "stl",
    "model/obj": "obj",
}
_LARGEST_DOCUMENT = 256 << 20
_ATTRIBUTES = ("EncapsulatedDocument", "EncapsulatedDocumentLength", "MIMETypeOfEncapsulatedDocument")


@needs("view")
def instance(request: HttpRequest, uid: str) -> HttpResponse:
    """The page of an object: its report where it is one, and its attributes."""
    values = one(request, Level.IMAGE, uid)
    record = image(request, uid)
    visit(request, record.series_uid, "series")
    header = here.archive().header(uid)
    shown = {
        "instance": values,
        "record": record,
        "report": tree(header) if header.get("ContentSequence") else None,
        "document": bool(header.get("EncapsulatedDocument")),
        "picture": values["Rows"] not in ("", "0"),
        "rows": rows(header),
    }
    return render(request, "web/instance.html", shown)


@needs("download")
def document(request: HttpRequest, uid: str) -> HttpResponse:
    """The document that an object carries, as a download (PS3.3 C.24.2)."""
    record = image(request, uid)
    data, kind = _document(record)
    note(request, "download", uid, "document")
    answer = HttpResponse(data, content_type=kind if kind in _DOCUMENTS else "application/octet-stream")
    name = f"document.{_DOCUMENTS.get(kind, 'bin')}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def _document(record: InstanceRecord) -> tuple[bytes, str]:
    """A document and its media type.

    Raises:
        Http404: the object carries none, or one too large to be taken out here.
    """
    if record.size > _LARGEST_DOCUMENT:
        raise Http404("the document is too large to be taken out here: download the object")
    with here.archive().load(record.uid) as file:
        header = pydicom.dcmread(file, specific_tags=list(_ATTRIBUTES))
    data = bytes(header.get("EncapsulatedDocument") or b"")
    if not data:
        raise Http404("the object carries no document")
    length = or_else(0, lambda: int(header.EncapsulatedDocumentLength))
    return data[:length] if 0 < length <= len(data) else data, text_of(header, "MIMETypeOfEncapsulatedDocument").lower()
