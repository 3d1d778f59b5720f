"""Training of the autoencoder's entropy network: DICOM files in, an integer model file out. Resumable, seeds fixed."""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from medarchive.codecs.autoencoder import learned, plane
from medarchive.codecs.autoencoder.backend import Quantiser, coder
from medarchive.codecs.autoencoder.learned import Learned
from medarchive.codecs.autoencoder.model import Model
from medarchive.training.coefficients import Sites, entropy, frames, parts, sites, some
from medarchive.training.dead_zone import DeadZone
from medarchive.training.entropy_network import EntropyNet, bits, exported

__all__ = ["Progress", "Recipe", "train"]

LOGGER = logging.getLogger(__name__)
_AVERAGED = 0.995
_VALIDATED = (25.0, 40.0, 55.0)
_FILES = ("checkpoint.pt", "model.medt", "card.json")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a training run is made of.

    Attributes:
        widths: units of the two hidden layers.
        steps: batches.
        rate: the highest learning rate; it falls to nothing along a cosine.
        images: parts of images in a batch.
        side: of each, in pixels.
        sites: of each band and pass in a batch, at most.
        renewed: after so many steps the quantiser looks at costs by the net as it is then; before the first time it
            rounds towards 0 alone.
        seed: of everything that is drawn.
        lifted: whether coefficients are those of the learned transform that the package has, or of CDF 9/7.
    """

    widths: tuple[int, int] = (96, 32)
    steps: int = 8_000
    rate: float = 3e-3
    images: int = 8
    side: int = 256
    sites: int = 3072
    renewed: int = 1_000
    seed: int = 0
    lifted: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        step: batches done.
        loss: mean of the last ones: bits over those of independent coefficients.
        validation: the same over the validation series, geometric mean.
    """

    step: int
    loss: float
    validation: float


def train(data: Path, out: Path, recipe: Recipe, device: str = "cpu", workers: int = 1) -> Iterator[Progress]:
    """Train, and write ``model.medt`` and ``card.json`` into a folder; goes on where a run in this folder stopped.

    Args:
        data: DICOM files, see ``samples.volumes``.
        out: the folder.
        recipe: what to train.
        device: torch's name of it.
        workers: processes that prepare batches.

    Raises:
        NotFound: there are no images of a split.
    """
    out.mkdir(parents=True, exist_ok=True)
    training, held_out = frames(data, "train"), frames(data, "validation")
    torch.manual_seed(recipe.seed)
    net = EntropyNet(recipe.widths).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=1e-4, betas=(0.9, 0.99))
    averaged, step, model = {name: value.clone() for name, value in net.state_dict().items()}, 0, b""
    checkpoint = out / _FILES[0]
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(saved["net"])
        averaged, step, model = saved["averaged"], int(saved["step"]), bytes(saved["model"])
        if saved["optimiser"]:
            optimiser.load_state_dict(saved["optimiser"])
    while step < recipe.steps:
        stop = min(recipe.steps, (step // recipe.renewed + 1) * recipe.renewed)
        loader = DataLoader(_Batches(training, recipe, model, step), batch_size=None, num_workers=workers)
        total, begun = 0.0, step
        for batch in loader:
            lift = min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * lift
            loss = _loss(net, batch, device) / recipe.images
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimiser.step()
            step += 1
            kept = min(_AVERAGED, step / (step + 20))
            for name, value in net.state_dict().items():
                averaged[name].mul_(kept).add_(value, alpha=1 - kept)
            total += loss.item()
            if step == stop:
                break
        model = exported({name: value.cpu().numpy() for name, value in averaged.items()})
        saved = {
            "net": net.state_dict(),
            "optimiser": optimiser.state_dict(),
            "averaged": averaged,
            "step": step,
            "model": list(model),
        }
        torch.save(saved, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)
        yield Progress(step, total / (step - begun), _validation(held_out, model, recipe))
    (out / _FILES[1]).write_bytes(model)
    card = {"sha256": Model.read(model).sha256.hex(), "bytes": len(model), "steps": step, "seed": recipe.seed}
    (out / _FILES[2]).write_text(json.dumps(card, indent=2) + "\n")


def _loss(net: EntropyNet, batch: Sequence[Sites], device: str) -> torch.Tensor:
    total = torch.zeros((), device=device)
    for which, part in enumerate(batch):
        if len(part.values):
            seen, values, weight = (torch.from_numpy(getattr(part, name)).to(device) for name in Sites.__slots__)
            total = total + (bits(net(which, seen), values) * weight).sum()
    return total


def _transform(recipe: Recipe) -> Learned | None:
    return learned.load() if recipe.lifted else None


def _quantiser(model: bytes) -> Quantiser:
    return coder(Model.read(model)) if model else DeadZone()


class _Batches(IterableDataset[list[Sites]]):
    """Batches without an end: for each band and pass some sites of several images."""

    def __init__(self, series: Sequence[Sequence[NDArray[np.int64]]], recipe: Recipe, model: bytes, step: int) -> None:
        self._series, self._recipe, self._model, self._step = series, recipe, model, step

    def __iter__(self) -> Iterator[list[Sites]]:
        worker = get_worker_info()
        random = np.random.default_rng([self._recipe.seed, self._step, worker.id if worker else 0])
        torch.set_num_threads(1)
        found, quantiser = parts(self._series, random, self._recipe.side), _quantiser(self._model)
        transform = _transform(self._recipe)
        while True:
            qualities = random.uniform(8, 80, self._recipe.images).tolist()
            images = [sites(next(found), quantiser, quality, transform) for quality in qualities]
            yield [some(Sites.joined(each), self._recipe.sites, random) for each in zip(*images, strict=True)]


def _validation(series: Sequence[Sequence[NDArray[np.int64]]], model: bytes, recipe: Recipe) -> float:
    """Geometric mean over series and rates of the coder's bits over those of independent coefficients."""
    quantiser, ratios = coder(Model.read(model)), []
    for members in series:
        frame = members[len(members) // 2][:512, :512]
        for quality in _VALIDATED:
            pyramid = plane.latents(frame, plane.step_of(frame, quality), quantiser, lifted=_transform(recipe))
            if (alone := entropy(pyramid)) > 0:
                ratios.append(8 * len(quantiser.encode(pyramid)) / alone)
    return float(np.exp(np.mean(np.log(ratios))))
