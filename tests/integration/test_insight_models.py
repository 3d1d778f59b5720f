"""The shipped networks on onnxruntime: the same answers on every machine, and no answer to what is no picture.

``python tests/integration/test_insight_models.py`` prints the table of made pictures for the networks as they are now.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnxruntime")

from medarchive.insight.models import WEIGHTS, shipped
from medarchive.insight.reader import Reader
from medarchive.insight.reading import LABELS
from medarchive.view import Evidence, View

GOLDEN = Path(__file__).with_name("insight_golden.json")
MODELS = {model.id.name: model for model in shipped()}


def pictures() -> NDArray[np.float32]:
    """Five made pictures: a head, a chest in section, a chest from the front, stripes, a slope. (5, 256, 256)."""
    down, across = (grid.astype(np.float64) / 127.5 - 1 for grid in np.mgrid[0:256, 0:256])

    def ellipse(y: float, x: float, high: float, wide: float) -> NDArray[np.float64]:
        form = ((down - y) / high) ** 2 + ((across - x) / wide) ** 2 - 1
        return np.asarray(1 / (1 + np.exp(np.minimum(30 * form, 50))), np.float64)

    skull = 0.8 * ellipse(0, 0, 0.85, 0.7) - 0.5 * ellipse(0, 0, 0.75, 0.6)
    head = skull + 0.1 * np.cos(9 * down) * ellipse(0, 0, 0.75, 0.6) + 0.5 * ellipse(0.3, 0.2, 0.12, 0.12)
    section = 0.6 * ellipse(0, 0, 0.65, 0.9) - 0.55 * (ellipse(0, -0.4, 0.45, 0.3) + ellipse(0, 0.4, 0.45, 0.3))
    front = 0.8 - 0.5 * (ellipse(0, -0.4, 0.7, 0.25) + ellipse(0, 0.4, 0.7, 0.25)) + 0.05 * np.cos(40 * down)
    made = (head, section, front, 0.5 + 0.5 * np.sin(25 * across), (down + 1) / 2)
    return np.stack([np.clip(each, 0, 1) for each in made]).astype(np.float32)


def answered(name: str) -> dict[str, list[list[float]]]:
    """Of each output some numbers of each picture: all where there are few, their mean and largest where many."""
    found = {}
    for output, values in MODELS[name].run(pictures()).items():
        flat = values.reshape(len(values), -1)
        few = flat if flat.shape[1] <= 8 else np.stack([flat.mean(axis=1), flat.max(axis=1)], axis=1)
        found[output] = np.round(few.astype(float), 6).tolist()
    return found


@pytest.mark.parametrize("name", sorted(MODELS))
def test_networks_answer_as_when_they_were_shipped(name: str) -> None:
    golden = json.loads(GOLDEN.read_text())[name]
    assert golden["sha256"] == MODELS[name].id.sha256, "new weights: print the table anew, see the top of this file"
    found = answered(name)
    assert set(found) == set(golden["outputs"])
    for output, wanted in golden["outputs"].items():
        assert np.abs(np.array(found[output]) - np.array(wanted)).max() < 1e-3, output


def test_every_network_is_of_the_router_or_a_task() -> None:
    assert "router" in MODELS
    assert set(MODELS) <= {"router", *LABELS}
    for name, model in MODELS.items():
        assert model.facts["name"] == name
        if name != "router":
            assert set(model.facts["labels"]) <= set(LABELS[name])


def test_all_networks_together_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.onnx")) < 30e6


def _bad() -> list[View]:
    noise = np.random.default_rng(0).normal(0, 1, (128, 128)).astype(np.float32)
    return [
        View(np.zeros((256, 256), np.float32), None),
        View(np.ones((1, 1), np.float32), None),
        View(np.full((128, 128), np.nan, np.float32), None),
        View(noise, None, valid=np.zeros((128, 128), np.bool_)),
        View(np.where(noise > 0, 1, 0).astype(np.float32), None),
    ]


def test_what_is_no_picture_is_not_read() -> None:
    found = Reader.open().read(_bad())
    for reading in (*found.readings, found.pooled):
        assert (reading.anatomy, reading.finding, reading.embedding) == ("", "", None)
        assert reading.reason


def test_noise_stripes_and_slopes_have_no_finding() -> None:
    noise = np.random.default_rng(1).uniform(0, 255, (2, 200, 300)).astype(np.uint8)
    views = [View.of_picture(each) for each in (*noise, *np.rint(pictures()[3:] * 255).astype(np.uint8))]
    reader = Reader.open()
    for view in views:
        reading = reader.read([view]).pooled
        assert (reading.anatomy, reading.finding) == ("other", "")


def test_colour_and_grey_of_one_picture_read_alike() -> None:
    grey = np.rint(pictures()[1] * 255).astype(np.uint8)
    reader = Reader.open()
    one = reader.read([View.of_picture(grey)]).pooled
    other = reader.read([View.of_picture(np.stack([grey] * 3, axis=2))]).pooled
    assert (one.anatomy, one.finding) == (other.anatomy, other.finding)
    assert one.embedding is not None
    assert other.embedding is not None
    assert float(one.embedding @ other.embedding) > 0.999


def test_a_picture_reads_the_same_alone_and_among_others() -> None:
    views = [View.of_picture(np.rint(each * 255).astype(np.uint8)) for each in pictures()]
    reader = Reader.open()
    together = reader.read(views, Evidence())
    for view, reading in zip(views, together.readings, strict=True):
        alone = reader.read([view]).readings[0]
        assert alone.anatomy == reading.anatomy
        assert alone.anatomy_probability == pytest.approx(reading.anatomy_probability, abs=1e-4)


if __name__ == "__main__":
    table = {name: {"sha256": MODELS[name].id.sha256, "outputs": answered(name)} for name in sorted(MODELS)}
    print(json.dumps(table, indent=1))
