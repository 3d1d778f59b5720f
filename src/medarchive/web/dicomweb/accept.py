"""Accept: which of the forms that a resource has a client wants (PS3.18 8.3.3.1, 8.7.4 to 8.7.8; RFC 9110 12.5.1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.http import HttpRequest

from medarchive.web.dicomweb.failures import NotAcceptable

__all__ = ["ANY", "Offer", "Range", "chosen", "parse", "ranges"]

ANY = "*"
_RELATED = "multipart/related"
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"({_WORD})/({_WORD})")
_PART = re.compile(r'(?:[^,;"]|"(?:[^"\\]|\\.)*")+|[,;]')
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_MOST = 64
"""Media ranges that are looked at."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A form in which a resource can be given.

    Attributes:
        media: type of the content, of a multipart message that of its parts.
        multipart: whether it is wrapped in a multipart/related message.
        syntax: transfer syntax UID; "" where there is none to speak of.
        default: whether it is meant where no transfer syntax is asked for, or where anything will do.
    """

    media: str
    multipart: bool = False
    syntax: str = ""
    default: bool = True

    def __str__(self) -> str:
        """As a media type."""
        syntax = f"; transfer-syntax={self.syntax}" if self.syntax else ""
        return f'{_RELATED}; type="{self.media}"{syntax}' if self.multipart else f"{self.media}{syntax}"


@dataclass(frozen=True, slots=True)
class Range:
    """One media range of an Accept header.

    Attributes:
        media: type, for multipart/related that of its parts; may end in ``/*``.
        multipart: whether a multipart message is asked for; None: either will do.
        syntax: transfer syntax UID, ``*`` for any, "" where nothing is said.
        quality: 0 to 1.
        parameters: of the range, without those.
    """

    media: str
    multipart: bool | None
    syntax: str
    quality: float
    parameters: dict[str, str] = field(default_factory=dict)

    def fits(self, offer: Offer) -> int:
        """How closely it names an offer, from 1; 0 where it does not mean it."""
        if self.multipart is not None and self.multipart != offer.multipart:
            return 0
        kind, _, sub = self.media.partition("/")
        named = 4 if self.media == offer.media else 2 if sub == ANY and offer.media.startswith(f"{kind}/") else 0
        if not named and self.media != "*/*":
            return 0
        if self.syntax not in ("", ANY):
            return named + 4 if self.syntax == offer.syntax else 0
        if self.syntax == ANY:
            return named + 1
        # The type of a compressed frame says enough of its transfer syntax; application/dicom does not.
        meant = offer.default or (named and not offer.media.startswith("application/"))
        return named + 2 if meant else 0


@lru_cache(256)
def parse(text: str) -> Sequence[Range]:
    """The media ranges of an Accept header or query parameter; those that are none are left out."""
    found: list[Range] = []
    pieces: list[str] = []
    for each in [*_PART.findall(text), ","]:
        if each != ",":
            pieces += [each.strip()] if each != ";" else []
            continue
        one = _range(pieces)
        if one is not None:
            found.append(one)
        pieces = []
        if len(found) >= _MOST:
            break
    return tuple(found)


def ranges(request: HttpRequest) -> list[Sequence[Range]]:
    """What a client accepts, each list where nothing of those before can be had (PS3.18 8.7.8)."""
    asked = [text.replace(" ", "+") if "/" in text and ";" not in text else text for text in _queried(request)]
    said = request.META.get("HTTP_ACCEPT", "").strip()
    return [found for found in (parse(",".join(asked)), parse(said or "*/*")) if found]


def chosen(asked: Sequence[Sequence[Range]], offers: Sequence[Offer]) -> Offer:
    """The form that a client wants most; where it likes several as much, the first of them.

    Raises:
        NotAcceptable: there is none; it says which there are.
    """
    for some in asked:
        best, wanted = None, 0.0
        for offer in offers:
            quality = _quality(some, offer)
            if quality > wanted:
                best, wanted = offer, quality
        if best is not None:
            return best
    there = ", ".join(dict.fromkeys(str(offer) for offer in offers))
    raise NotAcceptable(f"nothing that is accepted can be had here; there is {there or 'nothing at all'}")


def _quality(some: Sequence[Range], offer: Offer) -> float:
    """What the range that names an offer most closely thinks of it."""
    closest, quality = 0, 0.0
    for each in some:
        fit = each.fits(offer)
        if fit > closest or (fit == closest and fit and each.quality > quality):
            closest, quality = fit, each.quality
    return quality


def _queried(request: HttpRequest) -> list[str]:
    return [str(text) for text in request.GET.getlist("accept")]


def _range(pieces: Sequence[str]) -> Range | None:
    if not pieces or not (match := _TYPE.fullmatch(pieces[0].lower())):
        return None
    parameters: dict[str, str] = {}
    for piece in pieces[1:]:
        name, _, value = piece.partition("=")
        parameters[name.strip().lower()] = _unquoted(value.strip())
    said = parameters.pop("q", "1")
    quality = float(said) if _QUALITY.fullmatch(said) else 0.0
    syntax = parameters.pop("transfer-syntax", "")
    media: Any = match[0]
    multipart: bool | None = False
    if media in (_RELATED, "multipart/*"):
        media, multipart = parameters.pop("type", "*/*").lower(), True
        if not _TYPE.fullmatch(media):
            return None
    elif media == "*/*":
        multipart = None
    return Range(media, multipart, syntax, quality, parameters)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value
