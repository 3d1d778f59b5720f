"""Brain export: calibrates trained brain networks on validation pictures, and makes what ships of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.brain_net import BrainNet, strongest
from medarchive.training.classifier.brain_scores import best_cut, logistic, operating
from medarchive.training.classifier.calibrate import calibrated as calibrated_kinds
from medarchive.training.classifier.export import fuse, halved
from medarchive.training.classifier.pictures import Pictures

__all__ = ["KINDS", "Answers", "Calibration", "Shipped", "answers", "calibrated"]

KINDS = ("glioma", "meningioma", "pituitary")

_ALARMS = 0.06
_ABSTAINING = 0.08
_DIM = 2.0  # a map is dimmed below half of the probability of a tumour that is a finding
_EVERY = 37  # of the pixels of a lesion map, one in so many calibrates it
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns logits into probabilities, and those into decisions.

    Attributes:
        cut: how far below its strongest part a lesion map becomes 0.5, and the lowest and highest logit where it may.
        softness: by which lesion logits, less that, are divided.
        slope: of the logit of the strongest part of the lesion map, to that of a tumour.
        offset: added to it.
        bias: of the kinds' logits.
        temperature: of the kinds' logits.
        abnormal: from this probability of a tumour on there is a finding.
        abstain: a likeliest label that is less likely is not said.
    """

    cut: tuple[float, float, float] = (3.0, -4.0, 0.0)
    softness: float = 1.0
    slope: float = 1.0
    offset: float = 0.0
    bias: tuple[float, ...] = (0.0, 0.0, 0.0)
    temperature: float = 1.0
    abnormal: float = 0.5
    abstain: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network says: lesion maps (n, s, s), tumours (n,) and kinds (n, 3); logits or probabilities."""

    lesion: Floats
    tumour: Floats
    kinds: Floats


class Shipped(nn.Module):
    """The networks as they ship, as one: a picture and its mirror image in; calibrated probabilities out.

    The lesion map says where the lesion is if there is one; where a tumour is improbable the map is dimmed.

    Attributes:
        calibration: what is in it.
    """

    bias: Tensor

    def __init__(self, nets: Iterable[nn.Module], calibration: Calibration) -> None:
        """Take trained networks in evaluation mode."""
        super().__init__()
        self.nets, self.calibration = nn.ModuleList(nets), calibration
        self.register_buffer("bias", torch.tensor(calibration.bias))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Lesion (n, 256, 256), tumour (n,) and kinds (n, 3) of pictures (n, 1, 256, 256)."""
        lesion, tumour, kinds = joined(self.nets, pictures)
        found = self.calibration
        depth, low, high = found.cut
        cut = (tumour - depth).clamp(low, high).view(-1, 1, 1, 1)
        there = functional.avg_pool2d(torch.sigmoid((lesion - cut) / found.softness), 3, 1, 1)
        there = functional.interpolate(there, scale_factor=2.0, mode="bilinear")[:, 0]
        sick = torch.sigmoid(found.slope * tumour + found.offset)
        kinds = torch.softmax((kinds + self.bias) / found.temperature, dim=1)
        return there * (_DIM * sick / found.abnormal).clamp(max=1.0).view(-1, 1, 1), sick, kinds


def joined(nets: Iterable[nn.Module], pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, as the mean of what all networks say of a picture and of its mirror image."""
    lesions, kinds = [], []
    for net in nets:
        left, left_kind = net(pictures)
        right, right_kind = net(pictures.flip(3))
        lesions.append((left + right.flip(3)) / 2)
        kinds.append((left_kind + right_kind) / 2)
    lesion = torch.stack(lesions).mean(dim=0)
    return lesion, strongest(lesion), torch.stack(kinds).mean(dim=0)


class _Raw(nn.Module):
    def __init__(self, nets: Iterable[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        lesion, tumour, kinds = joined(self.nets, pictures)
        return lesion[:, 0], tumour, kinds


def answers(net: nn.Module, pixels: NDArray[np.uint8], device: str = "cpu") -> Answers:
    """What a network says of pictures (n, s, s)."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(pixels), 32):
            batch = torch.from_numpy(pixels[start : start + 32]).float().unsqueeze(1) / 255
            found.append([each.float().cpu().numpy() for each in net(batch.to(device))])
    return Answers(*(np.concatenate(part) for part in zip(*found, strict=True)))


def calibrated(nets: Sequence[BrainNet], pictures: Pictures) -> Shipped:
    """Trained networks as one, rounded to 16 bits and calibrated.

    Args:
        nets: changed in place.
        pictures: that it was not trained on, with outlines, with other tumours, and without any.
    """
    for net in nets:
        net.eval()
        fuse(net)
        halved(net)
    raw = answers(_Raw(nets), pictures.pixels)
    sick = np.array([row.label in KINDS for row in pictures.rows])
    outlined = np.array([row.mask is not None for row in pictures.rows])
    sources = [row.dataset for row in pictures.rows]
    sound = outlined | ~sick
    outlines = reduced(pictures.masks, raw.lesion.shape[1])
    cut = best_cut(raw.lesion[outlined], raw.tumour[outlined], outlines[outlined])
    cuts = np.clip(raw.tumour - cut[0], cut[1], cut[2])
    softness = _softness(raw.lesion[sound] - cuts[sound, None, None], outlines[sound])
    slope, offset = logistic(raw.tumour, sick, _weights(sick, sources))
    tumour = 1 / (1 + np.exp(-(slope * raw.tumour + offset)))
    known = np.array([KINDS.index(row.label) for row, is_sick in zip(pictures.rows, sick, strict=True) if is_sick])
    kinds = calibrated_kinds(raw.kinds[sick], known)
    whole = Calibration(cut, softness, slope, offset, kinds.bias, kinds.temperature)
    shares = np.exp((raw.kinds + np.array(kinds.bias)) / kinds.temperature)
    likeliest = np.maximum(1 - tumour, tumour * (shares / shares.sum(axis=1, keepdims=True)).max(axis=1))
    thresholds = {
        "abnormal": operating(tumour, sick, sources, _ALARMS),
        "abstain": float(np.quantile(likeliest, _ABSTAINING)),
    }
    shipped = Shipped(nets, Calibration(**{**asdict(whole), **thresholds}))
    shipped.eval()
    return shipped


def reduced(masks: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Outlines (n, s, s) with fewer pixels a side."""
    factor = masks.shape[1] // side
    return np.asarray(masks.reshape(len(masks), side, factor, side, factor).mean(axis=(2, 4)) > 0.5)


def _softness(logits: Floats, outlines: NDArray[np.bool_]) -> float:
    """The temperature with the least cross entropy over some of the pixels."""
    values = logits.reshape(-1)[::_EVERY].astype(np.float64)
    signs = np.where(outlines.reshape(-1)[::_EVERY], 1.0, -1.0)
    candidates = np.exp(np.linspace(np.log(0.5), np.log(4.0), 25))
    return float(min(candidates, key=lambda each: np.logaddexp(0, -signs * values / each).mean()))


def _weights(sick: NDArray[np.bool_], sources: list[str]) -> NDArray[np.float64]:
    """Half the weight on either side; on each side, every source the same."""
    names = [(bool(one), other) for one, other in zip(sick, sources, strict=True)]
    counts = {name: names.count(name) for name in set(names)}
    sides = {side: sum(name[0] == side for name in counts) for side in (True, False)}
    return np.array([len(names) / (2 * sides[name[0]] * counts[name]) for name in names])
