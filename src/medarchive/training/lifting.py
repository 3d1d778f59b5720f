"""Training of the learned transform: DICOM files in, an integer model file out. Resumable.

The loss of a part is its squared error in squared steps of the quantiser, plus the price of its bits, over the price of
the bits that it has without networks: a hundredth less is a hundredth of the rate, for every image and rate alike.
Steps are drawn in units of each image's noise, because that decides which of its details can be told from nothing.
"""

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medarchive.codecs.autoencoder import steps
from medarchive.codecs.autoencoder.lifting_model import LEVELS, LiftingModel
from medarchive.training.coefficients import Values, frames
from medarchive.training.lifting_export import exported
from medarchive.training.lifting_net import PRICE, Transform
from medarchive.training.lifting_samples import Sample, drawn, held_out

__all__ = ["Progress", "Recipe", "train"]

LOGGER = logging.getLogger(__name__)
_AVERAGED = 0.995
_RENEWED = 2
"""Samples that are replaced before each batch."""
_SCALES_RATE = 2e-3
_LEAST_BITS = 0.05
"""Of a pixel: parts at lower rates count less."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training run is made of.

    Attributes:
        predict: train the networks that both sides have.
        refine: train those of the decoder alone.
        width: units of hidden layers.
        steps: batches.
        rate: the highest learning rate of the networks; it falls to nothing along a cosine.
        parts: of images in a batch.
        pool: parts from which batches are drawn; two are replaced with each.
        alone: batches in which only the model of the rate learns, before there are networks.
        every: batches from one report and checkpoint to the next.
        seed: of everything that is drawn.
    """

    predict: bool = True
    refine: bool = True
    width: int = 24
    steps: int = 6_000
    rate: float = 2e-3
    parts: int = 4
    pool: int = 500
    alone: int = 250
    every: int = 250
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        step: batches done.
        loss: mean of the last ones.
        saved: what the networks are worth on the validation series, as a share of the rate.
    """

    step: int
    loss: float
    saved: float


def train(data: Path, out: Path, recipe: Recipe) -> Iterator[Progress]:
    """Train, and write ``model.medl`` and ``lifting.json`` into a folder; goes on where a run in this folder stopped.

    Args:
        data: DICOM files, see ``samples.volumes``.
        out: the folder.
        recipe: what to train.

    Raises:
        NotFound: there are no images of a split.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = _Run(recipe, frames(data, "train"), [_batch(part) for part in held_out(frames(data, "validation"))])
    checkpoint = out / "lifting.pt"
    if checkpoint.exists():
        run.load(checkpoint)
    saved = 0.0
    while run.step < recipe.steps:
        stop = min(recipe.steps, run.step + recipe.every)
        if run.step < recipe.alone:
            stop = min(stop, recipe.alone)
        loss = run.until(stop)
        saved = run.saved()
        run.save(checkpoint)
        yield Progress(run.step, loss, saved)
    model = exported({name: value.numpy() for name, value in run.averaged.items()})
    (out / "model.medl").write_bytes(model)
    card = {"sha256": LiftingModel.read(model).sha256.hex(), "bytes": len(model), "steps": run.step, "saved": saved}
    (out / "lifting.json").write_text(json.dumps({**card, "seed": recipe.seed}, indent=2) + "\n")


class _Run:
    """A net on its way."""

    def __init__(self, recipe: Recipe, series: list[list[Values]], held: list[tuple[Tensor, ...]]) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.step, self._series, self._held = recipe, 0, series, held
        self.net = Transform(width=recipe.width, predict=recipe.predict, refine=recipe.refine)
        networks = [value for name, value in self.net.named_parameters() if not name.startswith("scales")]
        self._groups = [networks, list(self.net.scales.parameters())]
        self.optimiser = torch.optim.Adam([{"params": group} for group in self._groups], lr=recipe.rate)
        self.averaged = {name: value.clone() for name, value in self.net.state_dict().items()}

    def load(self, checkpoint: Path) -> None:
        """Go on from a checkpoint."""
        found = torch.load(checkpoint, weights_only=True)
        self.net.load_state_dict(found["net"])
        self.optimiser.load_state_dict(found["optimiser"])
        self.averaged, self.step = found["averaged"], int(found["step"])

    def save(self, checkpoint: Path) -> None:
        """Write one."""
        state = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "averaged": self.averaged}
        torch.save({**state, "step": self.step}, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)

    def until(self, stop: int) -> float:
        """Batches; the mean loss."""
        random = np.random.default_rng([self.recipe.seed, self.step])
        samples, total, begun = drawn(self._series, random), 0.0, self.step
        pool = [next(samples) for _ in range(min(self.recipe.pool, _RENEWED * (stop - begun) + self.recipe.parts))]
        while self.step < stop:
            for _ in range(_RENEWED):
                pool[int(random.integers(len(pool)))] = next(samples)
            total += self._batch([pool[index] for index in random.integers(0, len(pool), self.recipe.parts)])
        return total / (stop - begun)

    def _batch(self, samples: list[Sample]) -> float:
        recipe, ahead = self.recipe, self.step - self.recipe.alone
        self.net.enabled = ahead >= 0
        fall = 0.5 * (1 + math.cos(math.pi * self.step / recipe.steps))
        rates = recipe.rate * min(1.0, max(0, ahead + 1) / 60), _SCALES_RATE
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * fall
        loss = _losses(self.net, _batch(samples), noise=True).mean()
        self.optimiser.zero_grad()
        loss.backward()
        for parameters, most in zip(self._groups, (0.3, 1.0), strict=True):
            torch.nn.utils.clip_grad_norm_(parameters, most)
        self.optimiser.step()
        self.step += 1
        kept = min(_AVERAGED, self.step / (self.step + 20))
        for name, value in self.net.state_dict().items():
            if value.is_floating_point():
                self.averaged[name].mul_(kept).add_(value, alpha=1 - kept)
        return float(loss.item())

    def saved(self) -> float:
        """What the averaged networks save on the validation parts, by the same model of the rate."""
        current = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.averaged)
        found = []
        with torch.no_grad():
            for self.net.enabled in (False, True):
                found.append(torch.cat([_losses(self.net, batch, noise=False) for batch in self._held]))
        self.net.load_state_dict(current)
        return float((found[0] - found[1]).mean())


def _losses(net: Transform, batch: tuple[Tensor, ...], *, noise: bool) -> Tensor:
    pixels, step, bits, sizes, low, parent, *details = batch
    coded = net(low, parent, details, sizes)
    missed = ((coded.pixels - pixels) ** 2).sum((1, 2)) / step**2
    least = torch.clamp_min(bits, _LEAST_BITS * pixels[0].numel())
    found: Tensor = (missed + PRICE * (coded.bits if noise else coded.exact_bits)) / (PRICE * least)
    return found


def _batch(samples: list[Sample]) -> tuple[Tensor, ...]:
    """Samples one above the other."""

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(each, name) for each in samples]))

    sizes = [
        [[steps.of_band(one.step, level, band) for band in range(3)] for level in range(LEVELS)] for one in samples
    ]
    return (
        stacked("pixels"),
        torch.tensor([steps.size(one.step) / 65536 for one in samples]),
        torch.tensor([one.bits for one in samples]),
        torch.tensor(sizes, dtype=torch.float32),
        stacked("low")[:, None],
        stacked("parent"),
        *(torch.from_numpy(np.stack([one.details[level] for one in samples])) for level in range(LEVELS)),
    )
