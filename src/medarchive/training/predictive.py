"""Training of the predictive codec's model: DICOM files in, an integer model file out. Resumable, seeds fixed."""

import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from medarchive.codecs.predictive.distribution import tables
from medarchive.codecs.predictive.features import COUNT
from medarchive.codecs.predictive.model import Model
from medarchive.codecs.predictive.network import MOST_BIAS, MOST_WEIGHT, Layer, Network
from medarchive.errors import NotFound
from medarchive.training.network import Net, bits
from medarchive.training.samples import Samples, gathered, volumes

__all__ = ["Progress", "Recipe", "train"]

LOGGER = logging.getLogger(__name__)
_BATCH = 8192
_EVERY = 2000
_AVERAGED = 0.999
_LOCATION_RATE, _SPREAD_RATE = 3e-5, 1e-4
"""How quickly the last layer adapts; chosen on the validation series."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training run is made of.

    Attributes:
        widths: units of the two hidden layers.
        steps: batches of 8,192 pixels.
        rate: the highest learning rate; it falls to nothing along a cosine.
        pixels: taken from each frame run; a volume of many frames gives three times as many.
        seed: of everything that is drawn.
    """

    widths: tuple[int, int] = (64, 48)
    steps: int = 60_000
    rate: float = 2e-3
    pixels: int = 100_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        step: batches done.
        loss: mean of the last ones, in weighted bits.
        validation: geometric mean over the validation series of the bits of a pixel, before adaptation.
    """

    step: int
    loss: float
    validation: float


def train(data: Path, out: Path, recipe: Recipe, device: str = "cpu") -> Iterator[Progress]:
    """Train, and write ``model.medp`` and ``card.json`` into a folder; goes on where a run in this folder stopped.

    Args:
        data: DICOM files, see ``samples.volumes``.
        out: the folder.
        recipe: what to train.
        device: torch's name of it.

    Raises:
        NotFound: there are no images of a split.
    """
    out.mkdir(parents=True, exist_ok=True)
    training, _ = _gathered(data, "train", recipe, vary=True)
    held_out, ends = _gathered(data, "validation", recipe, vary=False)
    torch.manual_seed(recipe.seed)
    net = Net(COUNT, recipe.widths).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=1e-4)
    averaged = {name: value.clone() for name, value in net.state_dict().items()}
    step = 0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        averaged, step = saved["averaged"], int(saved["step"])
    drawn = torch.Generator().manual_seed(recipe.seed + step)
    take, held = _batches(training, device), _batches(held_out, device)
    weights = torch.from_numpy(training.weight).to(device)
    total = 0.0
    while step < recipe.steps:
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / 500) * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
        chosen = torch.randint(0, len(training.missed), (_BATCH,), generator=drawn).to(device)
        weight = weights[chosen]
        loss = (bits(net, *take(chosen)) * weight).sum() / weight.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        kept = min(_AVERAGED, step / (step + 50))
        for name, value in net.state_dict().items():
            averaged[name].mul_(kept).add_(value, alpha=1 - kept)
        total += loss.item()
        if step % _EVERY == 0 or step == recipe.steps:
            saved = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "averaged": averaged, "step": step}
            torch.save(saved, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            validation = _validation(net, averaged, held, ends, device)
            yield Progress(step, total / _EVERY, validation)
            total = 0.0
    model = exported({name: value.cpu().numpy() for name, value in averaged.items()}, training)
    (out / "model.medp").write_bytes(model)
    card = {"sha256": Model.read(model).sha256.hex(), "bytes": len(model), "steps": step, "seed": recipe.seed}
    (out / "card.json").write_text(json.dumps({**card, "validation_bits": validation}, indent=2) + "\n")


def _gathered(data: Path, split: str, recipe: Recipe, *, vary: bool) -> tuple[Samples, NDArray[np.int64]]:
    """Samples of a split, and where those of each series end."""
    random = np.random.default_rng(recipe.seed)
    parts = []
    for volume in volumes(data, split):
        pixels = recipe.pixels * (3 if len(volume.frames) >= 8 else 1)
        parts.append(gathered(volume, pixels, random, vary=vary))
        LOGGER.info("%s: %s %s, %d pixels", split, volume.modality, volume.name, len(parts[-1].missed))
    if not parts:
        raise NotFound(f"no images for {split} below {data}")
    return Samples.joined(parts), np.cumsum([len(part.missed) for part in parts])


def _batches(samples: Samples, device: str) -> Callable[[torch.Tensor], list[torch.Tensor]]:
    """A function that gives the arguments of ``bits`` for some pixels."""
    seen = torch.from_numpy(samples.features).to(device)
    rest = [torch.from_numpy(getattr(samples, name)).to(device) for name in ("missed", "scale", "low", "high")]
    return lambda chosen: [seen[chosen], *(one[chosen].float() for one in rest)]


def _validation(
    net: Net,
    averaged: dict[str, torch.Tensor],
    held: Callable[[torch.Tensor], list[torch.Tensor]],
    ends: NDArray[np.int64],
    device: str,
) -> float:
    current = {name: value.clone() for name, value in net.state_dict().items()}
    net.load_state_dict(averaged)
    costs = []
    with torch.no_grad():
        for start, stop in zip([0, *ends[:-1]], ends, strict=True):
            chosen = torch.arange(int(start), int(stop), max(1, int(stop - start) // 15_000), device=device)
            costs.append(bits(net, *held(chosen)).mean().item())
    net.load_state_dict(current)
    return float(np.exp(np.log(costs).mean()))


def exported(state: dict[str, NDArray[np.float32]], training: Samples) -> bytes:
    """The model file of trained weights."""

    def layer(name: str, unit: int, one: int) -> Layer:
        weights = np.rint(np.clip(state[f"{name}.weight"] * unit, -MOST_WEIGHT, MOST_WEIGHT)).astype(np.int16)
        biases = np.rint(np.clip(state[f"{name}.bias"] * one, -MOST_BIAS, MOST_BIAS)).astype(np.int32)
        return Layer(weights, biases)

    network = Network((layer("first", 256, 1 << 12), layer("second", 512, 1 << 17), layer("last", 512, 1 << 17)))
    some = training.features[:: max(1, len(training.features) // 200_000)].T.astype(np.int32)
    inputs = np.vstack([network.active(some) / 256, some / 16, np.ones((1, some.shape[1]))])
    power = 1 / ((inputs**2).mean(axis=1) + 0.05)
    rates = [np.rint(-np.log2(512 * rate * power)) for rate in (_LOCATION_RATE, _SPREAD_RATE)]
    return Model.write(network, np.clip(np.stack(rates), 1, 30).astype(np.int32), tables())
