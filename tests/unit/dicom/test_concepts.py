"""Codes as the standard wants them, and the documentation's table of them."""

from pathlib import Path

import pytest

from medarchive.dicom.concepts import OUTCOMES, OWN, SITES, Concept, finding_concept

LABELS = ("no_tumour", "tumour", "glioma", "meningioma", "pituitary", "normal", "benign", "malignant", "likely_benign",
          "likely_malignant", "pneumonia", "bacteria", "virus")  # fmt: skip


@pytest.mark.parametrize("concept", [*map(finding_concept, LABELS), *SITES.values(), *OUTCOMES.values()])
def test_they_fit_their_elements(concept: Concept) -> None:
    assert 0 < len(concept.value) <= 16
    assert 0 < len(concept.meaning) <= 64
    assert concept.scheme in ("SCT", OWN)
    assert concept.value.isdigit() == (concept.scheme == "SCT")


def _digit(number: str) -> int:
    """The check digit of an identifier without it, by the dihedral group of order ten (Verhoeff's scheme)."""

    def product(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
        return 5 + (a - b) % 5 if b < 5 else (a - b) % 5

    step, total = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), 0
    for place, character in enumerate(reversed(number), 1):
        digit = int(character)
        for _ in range(place % 8):
            digit = step[digit]
        total = product(total, digit)
    return next(digit for digit in range(10) if product(total, digit) == 0)


def test_snomed_identifiers_have_their_check_digit() -> None:
    identifiers = [one.value for one in (*map(finding_concept, LABELS), *SITES.values()) if one.scheme == "SCT"]
    assert len(identifiers) == 10
    assert [int(value[-1]) for value in identifiers] == [_digit(value[:-1]) for value in identifiers]


def test_each_label_has_a_code_of_its_own() -> None:
    assert len({finding_concept(label).value for label in LABELS}) == len(LABELS)


def test_an_unknown_label_has_a_private_one() -> None:
    assert finding_concept("a_very_strange_finding") == Concept("A_VERY_STRANGE_F", OWN, "a very strange finding")


def test_the_documentation_has_them() -> None:
    text = (Path(__file__).parents[3] / "docs" / "dicom.md").read_text(encoding="utf-8")
    for label in LABELS:
        value, scheme, meaning = finding_concept(label)
        assert f'| `{label}` | ({value}, {scheme}, "{meaning}") |' in text
