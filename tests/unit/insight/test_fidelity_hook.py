"""Fidelity: a finding that a lossy codec changed fails the image."""

import numpy as np

from contracts.networks import brain, router
from medarchive.codecs.fidelity import judge, profile
from medarchive.image import Image
from medarchive.insight.fidelity import decision
from medarchive.insight.reader import Reader
from medarchive.view import View


def _views(image: Image) -> list[View]:
    return [View.of_picture(frame[..., 0].astype(np.uint8)) for frame in image.pixels]


def _image(grey: float) -> Image:
    texture = np.linspace(-9, 9, 64 * 64).reshape(1, 64, 64, 1)
    return Image(np.clip(grey + texture, 0, 255).astype(np.uint8), 8)


def test_the_same_finding_passes_and_another_does_not() -> None:
    decide = decision(Reader([router(*["brain-mr"] * 11), brain()]), _views)
    kept = judge(_image(204), _image(204), profile("mr"), decision=decide)
    assert next(check for check in kept.checks if check.name == "decision").passed
    lost = judge(_image(204), _image(51), profile("mr"), decision=decide)
    check = next(check for check in lost.checks if check.name == "decision")
    assert not check.passed
    assert "meningioma" in check.remark
    assert "no_tumour" in check.remark


def test_what_cannot_be_read_decides_nothing() -> None:
    decide = decision(Reader([router(*["brain-mr"] * 11), brain()]), _views)
    assert decide(Image(np.zeros((1, 64, 64, 1), np.uint8), 8)) == decide(Image(np.ones((1, 64, 64, 1), np.uint8), 8))
