"""Router export: calibrates a trained router on validation pictures, writes it as ONNX, and says what it is worth."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.anatomies import ANATOMIES, Anatomies
from medarchive.training.classifier.export import export, fuse, halved
from medarchive.training.classifier.metrics import calibration_error, interval, temperature
from medarchive.training.classifier.retrieval import average_precisions, components, thumbnails
from medarchive.training.classifier.router_net import EMBEDDED, RouterNet, layout

__all__ = ["answers", "calibrated", "exported", "measured", "routed", "sent_to_other"]

_OTHER = ANATOMIES.index("other")
_PART = np.array([0, 0, 1, 1, 1, 2])  # brain, lung, other
_KNOWN = [number for number, name in enumerate(ANATOMIES) if name != "other"]
_PARTS = ("meaning", "mean", "axes")
_KEPT = 0.998
_ROOM = 1.25  # by so much the distance may be larger: other patients lie a little further off
_LAYOUT = 48
_MEANING = 0.7  # of a cosine; chosen on validation among 0.3, 0.5 and 0.7
_SURE = 0.6
Floats = NDArray[np.float32]
Limits = dict[str, float]


@dataclass(frozen=True, slots=True)
class Space:
    """What a vector is made of: meaning, by the network, and layout, by principal components.

    Meaning alone forgets how a picture is laid out, which tells one slice from another; layout alone is a thumbnail.

    Attributes:
        meaning: (128, 80): what turns the network's vectors, and keeps most of them.
        mean: (256,) of layouts.
        axes: (256, 48): their principal components.
    """

    meaning: Tensor
    mean: Tensor
    axes: Tensor

    @classmethod
    def of(cls, vectors: Floats, layouts: Floats) -> "Space":
        """Found in training pictures: vectors (n, 128) of the network and layouts (n, 256)."""
        mean = layouts.mean(axis=0)
        found = (_axes(vectors, EMBEDDED - _LAYOUT), mean, _axes(layouts - mean, _LAYOUT))
        return cls(*(torch.from_numpy(np.array(each, np.float32)) for each in found))


def _axes(rows: Floats, count: int) -> Floats:
    return np.asarray(np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :count], np.float32)


class Shipped(nn.Module):
    """The network as it ships: 256 x 256 in; probabilities, energy, distance and vector out.

    Energy is that of Liu et al. 2020 over the known anatomies; distance is 1 less the cosine to the nearest prototype,
    the mean vector of a label of the known anatomies. Both are larger where a picture is stranger. The vector that is
    given out is the one of ``Space``.
    """

    prototypes: Tensor
    meaning: Tensor
    mean: Tensor
    axes: Tensor

    def __init__(self, net: RouterNet, divisor: float, prototypes: Tensor, space: Space) -> None:
        """Take a trained network.

        Args:
            net: of ``router_net``.
            divisor: the temperature.
            prototypes: (m, 128), unit length.
            space: of the vectors.
        """
        super().__init__()
        self.net, self.divisor = net.eval(), divisor
        for name, value in (("prototypes", prototypes), *((each, getattr(space, each)) for each in _PARTS)):
            self.register_buffer(name, value)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of pictures (n, 1, 256, 256)."""
        small = functional.avg_pool2d(pictures, 2)
        logits, vectors = self.net(small)
        known = logits[:, : len(_KNOWN)]
        energy = -torch.logsumexp(known, dim=1)
        distance = 1 - (vectors @ self.prototypes.T).amax(dim=1)
        means = functional.normalize(vectors @ self.meaning, dim=1)
        lies = functional.normalize((layout(small) - self.mean) @ self.axes, dim=1)
        joined = torch.cat([_MEANING**0.5 * means, (1 - _MEANING) ** 0.5 * lies], dim=1)
        return torch.softmax(logits / self.divisor, dim=1), energy, distance, functional.normalize(joined, dim=1)


def answers(net: Callable[[Tensor], Sequence[Tensor]], pixels: NDArray[np.uint8]) -> list[Floats]:
    """Outputs of a network for pictures (n, s, s), as float32 arrays."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(pixels), 64):
            batch = torch.from_numpy(pixels[start : start + 64]).float().unsqueeze(1) / 255
            found.append(net(batch))
    return [torch.cat(part).float().numpy() for part in zip(*found, strict=True)]


def calibrated(net: RouterNet, samples: Anatomies) -> tuple[Shipped, dict[str, float]]:
    """The network with its temperature and prototypes, and the thresholds of what is too strange.

    Its weights are rounded to 16 bits first, as they ship. Thresholds come from validation pictures of known anatomies
    alone: 99.8 % of them pass that of energy, and would pass one of distance a fifth lower.
    """
    net.eval()
    fuse(net)
    halved(net)
    validation = samples.where(lambda row: row.split == "validation")
    logits, _ = answers(net, validation.pixels)
    divisor = temperature(logits, validation.targets)
    train = samples.where(lambda row: row.split == "train")
    vectors = answers(net, train.pixels)[1]
    means = [
        vectors[[row.label == label for row in train.rows]].mean(axis=0)
        for label in dict.fromkeys(row.label for row in train.rows if row.anatomy != "other")
    ]
    prototypes = functional.normalize(torch.from_numpy(np.stack(means)), dim=1)
    layouts = answers(lambda pictures: (layout(pictures),), train.pixels)[0]
    shipped = Shipped(net, divisor, prototypes, Space.of(vectors, layouts)).eval()
    known = validation.where(lambda row: row.anatomy != "other")
    _, energy, distance, _ = answers(shipped, _doubled(known.pixels))
    limits = {
        "energy": float(np.quantile(energy, _KEPT)),
        "distance": float(_ROOM * np.quantile(distance, _KEPT)),
        "sure": _SURE,
    }
    return shipped, limits


def _doubled(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures with each pixel four times: what the network pools is again what was there."""
    return pixels.repeat(2, axis=1).repeat(2, axis=2)


def routed(outputs: Sequence[Floats], limits: dict[str, float]) -> NDArray[np.int64]:
    """The class that each picture is sent to: ``other`` also where it is too strange or too uncertain."""
    probabilities, energy, distance, _ = outputs
    said = probabilities.argmax(axis=1)
    merged = probabilities[:, 0] + probabilities[:, 1]  # brain, whatever the modality
    sure = np.maximum(probabilities.max(axis=1), merged)
    strange = (energy > limits["energy"]) | (distance > limits["distance"]) | (sure < limits["sure"])
    return np.where(strange, ANATOMIES.index("other"), said)


def measured(shipped: Shipped, limits: dict[str, float], samples: Anatomies) -> dict[str, Any]:
    """What the router and its vectors are worth on the test split, beside what has learned nothing."""
    test = samples.where(lambda row: row.split == "test")
    outputs = answers(shipped, _doubled(test.pixels))
    groups = [row.leak for row in test.rows]
    classes = routed(outputs, limits)
    truth, said = _PART[test.targets], _PART[classes]
    train = samples.where(lambda row: row.split == "train")
    small = _unit(thumbnails(train.pixels))
    nearest = (_unit(thumbnails(test.pixels)) @ small.T).argmax(axis=1)
    by_thumbnail = _PART[train.targets[nearest]]
    return {
        "accuracy": _with_interval(lambda chosen: float(np.mean(said[chosen] == truth[chosen])), groups),
        "accuracy_thumbnail": _with_interval(
            lambda chosen: float(np.mean(by_thumbnail[chosen] == truth[chosen])), groups
        ),
        "accuracy_classes": float(np.mean(_merged(test.targets) == _merged(classes))),
        "recalls": {
            name: round(float(np.mean((said == truth)[test.targets == number])), 4)
            for number, name in enumerate(ANATOMIES)
            if (test.targets == number).any()
        },
        "head_modality": float(np.mean((outputs[0][:, :2].argmax(axis=1) == test.targets)[test.targets < 2])),
        "abstained": float(np.mean((classes == _OTHER) & (outputs[0].argmax(axis=1) != _OTHER))),
        "calibration_error": calibration_error(test.targets, outputs[0]),
        "pictures": len(test),
        "retrieval": _retrieval(outputs[3], train, test),
    }


def sent_to_other(shipped: Shipped, limits: Limits, unseen: Anatomies) -> list[float]:
    """The share of pictures of what was left out of training that are sent to ``other``, with its 95 % interval."""
    said = routed(answers(shipped, _doubled(unseen.pixels)), limits)
    groups = [row.leak for row in unseen.rows]
    return _with_interval(lambda chosen: float(np.mean(said[chosen] == _OTHER)), groups)


def _merged(classes: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """MR and CT of the head as one: as the second."""
    return np.asarray(np.maximum(classes, 1), np.int64)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _with_interval(measure: Callable[[NDArray[np.integer[Any]]], float], groups: Sequence[str]) -> list[float]:
    return [measure(np.arange(len(groups))), *interval(measure, groups)]


def _retrieval(vectors: Floats, train: Anatomies, test: Anatomies) -> dict[str, Any]:
    """Mean average precision at 10 among test pictures, in all and by anatomy, with 95 % intervals over groups."""
    contenders = {
        "embedding": vectors,
        "thumbnail": thumbnails(test.pixels),
        "pca": components(train.pixels, test.pixels),
    }
    groups = [row.leak for row in test.rows]
    out: dict[str, Any] = {}
    for name, each in contenders.items():
        found = average_precisions(each, [row.label for row in test.rows], groups)
        out[name] = {"all": _with_interval(lambda chosen: float(np.nanmean(found[chosen])), groups)}  # noqa: B023
        for anatomy in ANATOMIES:
            of = np.array([row.anatomy == anatomy for row in test.rows])
            out[name][anatomy] = float(np.nanmean(found[of])) if of.any() else None
    return out


def exported(shipped: Shipped, out: Path, facts: dict[str, Any]) -> None:
    """Write ``router.onnx`` and ``router.json``.

    Args:
        shipped: calibrated.
        out: folder.
        facts: go into the JSON file, beside name, labels and hash.
    """
    path = out / "router.onnx"
    digest = export(shipped, path, ("classes", "energy", "distance", "embedding"))
    described = {
        "name": "router",
        "version": "1",
        "sha256": digest,
        "labels": ANATOMIES,
        "input": "pictures: float32 (n, 1, 256, 256), 0 to 1; insight.picture.square of what a display shows",
        "outputs": ["classes", "energy", "distance", "embedding"],
        **facts,
        "warning": "Not a medical device: for research, not for diagnosis.",
    }
    path.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n")
