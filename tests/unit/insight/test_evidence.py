"""Evidence: what a header says moves probabilities, within bounds."""

import numpy as np
import pytest

from contracts.networks import KINDS
from medarchive.insight.evidence import FLOOR, likelihood
from medarchive.view import Evidence


def _by_kind(modality: str, body_part: str) -> dict[str, float]:
    return dict(zip(KINDS, likelihood(Evidence(modality, body_part), KINDS).tolist(), strict=True))


def test_no_header_says_nothing() -> None:
    for evidence in (Evidence(), Evidence("OT", ""), Evidence("", "QWERTY")):
        assert np.array_equal(likelihood(evidence, KINDS), np.ones(len(KINDS)))


def test_the_likeliest_is_1_and_none_is_below_the_floor() -> None:
    for modality in ("MR", "CT", "CR", "US", ""):
        for part in ("BRAIN", "CHEST", "ABDOMEN", "KNEE", "CHESTABDPELVIS", ""):
            found = likelihood(Evidence(modality, part), KINDS)
            assert found.max() == 1
            assert found.min() >= FLOOR


def test_modality_tells_ct_of_the_head_from_mr() -> None:
    found = _by_kind("CT", "HEAD")
    assert found["brain-ct"] == 1
    assert found["brain-mr"] == FLOOR


def test_a_chest_may_be_called_an_abdomen() -> None:
    assert _by_kind("CT", "ABDOMEN")["lung-ct"] > 0.3
    assert _by_kind("CT", "CHESTABDPELVIS")["lung-ct"] == 1
    assert _by_kind("CT", "STOMACH")["lung-ct"] > 0.3


@pytest.mark.parametrize(("modality", "part"), [("MR", "KNEE"), ("MR", "CHEST"), ("US", ""), ("CR", "CHEST")])
def test_headers_that_exclude_mr_of_the_head(modality: str, part: str) -> None:
    assert _by_kind(modality, part)["brain-mr"] <= 0.1
