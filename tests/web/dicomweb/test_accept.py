"""Accept: what is chosen of what there is (PS3.18 8.7; RFC 9110 12.5.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medarchive.web.dicomweb.accept import Offer, chosen, parse
from medarchive.web.dicomweb.failures import NotAcceptable
from medarchive.web.dicomweb.media import frame_offers

LITTLE, JLS, J2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
STORED = Offer("application/dicom", True, J2K, default=False)
NATIVE = Offer("application/dicom", True, LITTLE)
ALONE = Offer("application/dicom", False, LITTLE)
OFFERS = [STORED, NATIVE, ALONE, Offer("application/dicom", False, J2K, default=False)]
DICOM = 'multipart/related; type="application/dicom"'


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", NATIVE),
        (DICOM, NATIVE),
        ("multipart/related; type=application/dicom", NATIVE),
        ("multipart/related", NATIVE),
        (f"{DICOM}; transfer-syntax=*", STORED),
        (f"{DICOM}; transfer-syntax={J2K}", STORED),
        (f'{DICOM}; transfer-syntax="{J2K}"', STORED),
        ("application/dicom", ALONE),
        ("APPLICATION/Dicom ; Q=0.3", ALONE),
        (f"{DICOM};q=0.5, application/dicom;q=0.6", ALONE),
        (f"{DICOM}; transfer-syntax={JLS}, {DICOM}; transfer-syntax={J2K}; q=0.1", STORED),
        (f"{DICOM}; transfer-syntax={LITTLE}; q=0, {DICOM}; transfer-syntax=*", STORED),
        ("text/html, */*;q=0.1", NATIVE),
        ("application/*;q=0.2, image/jpeg", ALONE),
    ],
)
def test_what_is_wanted_most_is_chosen(accept: str, expected: Offer) -> None:
    assert chosen([parse(accept)], OFFERS) == expected


@pytest.mark.parametrize("accept", ["text/html", f"{DICOM}; transfer-syntax={JLS}", "application/dicom;q=0"])
def test_what_there_is_is_said_where_none_is_wanted(accept: str) -> None:
    with pytest.raises(NotAcceptable, match=f"{LITTLE}.*{J2K}|{J2K}.*{LITTLE}"):
        chosen([parse(accept)], OFFERS)


def test_the_query_comes_before_the_header() -> None:
    assert chosen([parse("application/dicom"), parse(DICOM)], OFFERS) == ALONE
    assert chosen([parse("text/html"), parse(DICOM)], OFFERS) == NATIVE


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    for found in parse(text):
        assert 0 <= found.quality <= 1
        assert "/" in found.media


@pytest.mark.parametrize(
    ("accept", "media", "syntax"),
    [
        ("*/*", "application/octet-stream", LITTLE),
        ("multipart/related", "application/octet-stream", LITTLE),
        ('multipart/related; type="application/octet-stream"', "application/octet-stream", LITTLE),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=*', "application/octet-stream", J2K),
        ("multipart/related; transfer-syntax=*", "image/jp2", J2K),
        ('multipart/related; type="image/jp2"', "image/jp2", J2K),
        ('multipart/related; type="image/*"', "image/jp2", J2K),
        ('multipart/related; type="image/jls"', "image/jls", JLS),
    ],
)
def test_frames_are_decoded_unless_compressed_ones_are_wanted(accept: str, media: str, syntax: str) -> None:
    found = chosen([parse(accept)], frame_offers(J2K, compressed=True, alone=True))
    assert (found.media, found.syntax, found.multipart) == (media, syntax, True)
