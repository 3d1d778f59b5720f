"""Instances: whole objects of a study, a series or one alone (PS3.18 10.4, the DICOM resources)."""

from functools import partial
from typing import BinaryIO

from django.http import HttpRequest, HttpResponseBase

from medarchive.archive.ahead import Load
from medarchive.web import here
from medarchive.web.dicomweb.accept import Offer, chosen, ranges
from medarchive.web.dicomweb.failures import NotAcceptable, told
from medarchive.web.dicomweb.media import object_offers
from medarchive.web.dicomweb.sending import Part, multipart, single, unchanged
from medarchive.web.dicomweb.targets import Target, root, targets
from medarchive.web.gate import needs
from medarchive.web.visits import note, visit

__all__ = ["instances"]


@needs("download", program=True)
@told
def instances(request: HttpRequest, study: str, series: str = "", instance: str = "") -> HttpResponseBase:
    """The objects, each in the transfer syntax that is wanted most; where some have none, 206 without those."""
    found = targets(request, study, series, instance)
    asked = ranges(request)
    picked: list[tuple[Target, Offer]] = []
    refused: NotAcceptable | None = None
    for target in found:
        offers = object_offers(target.syntax, image=target.image, alone=len(found) == 1)
        try:
            picked.append((target, chosen(asked, offers)))
        except NotAcceptable as error:
            refused = error
    if not picked:
        assert refused is not None
        raise refused
    first, form = picked[0]
    archive = here.archive()
    load = archive.ahead(archive.records([target.uid for target, _ in picked])).load if picked[1:] else archive.load
    if not form.multipart:
        tag = _tag(first, form)
        known = unchanged(request, tag)
        if known is not None:
            return known
        _noted(request, study, series, instance)
        return single(request, opened(first, form.syntax, load), f"{form.media}; transfer-syntax={form.syntax}", tag)
    address = root(request)
    answer = multipart(form.media, [_part(address, target, offer, load) for target, offer in picked])
    _noted(request, study, series, instance)
    if refused is not None:
        left = len(found) - len(picked)
        answer.status_code = 206
        answer["Warning"] = f'299 medarchive "{left} instances are not here in any transfer syntax that is accepted"'
    return answer


def _noted(request: HttpRequest, study: str, series: str, instance: str) -> None:
    """Record a download; of instances that are fetched one by one, their series, once in a while."""
    if instance:
        visit(request, series, "instances of the series", action="download")
    else:
        note(request, "download", series or study)


def opened(target: Target, syntax: str, load: Load) -> BinaryIO:
    """An instance's file in a transfer syntax; as it is stored where it is the same."""
    return load(target.uid, transfer_syntax=None if syntax == target.syntax else syntax)


def _part(address: str, target: Target, offer: Offer, load: Load) -> Part:
    size = target.size if offer.syntax == target.syntax else None
    media = f"{offer.media}; transfer-syntax={offer.syntax}"
    return Part(media, address + target.path, size, partial(opened, target, offer.syntax, load))


def _tag(target: Target, offer: Offer) -> str:
    return f'"{target.sha256}-{offer.syntax}"'
