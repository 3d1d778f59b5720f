"""Lung: the recipe of three networks: chest X-ray, nodule patch, CT slice. Each is the mean of small ones by folds.

There are families of them, which see pictures at different sizes. Every network leaves one fold of the patients (or
blocks) out and answers for it. Bias, temperature and thresholds come from the mean of those answers over the families,
so no picture of the test split has a say in them.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medarchive.errors import SettingsError
from medarchive.training.classifier.calibrate import Calibration, calibrated
from medarchive.training.classifier.camnet import CamNet, Pooled, Sight, reduced
from medarchive.training.classifier.card import write_card
from medarchive.training.classifier.cues import Cues
from medarchive.training.classifier.export import export, fuse, halved
from medarchive.training.classifier.fit import Progress, fit
from medarchive.training.classifier.pictures import Picture, Pictures, gather

__all__ = ["RECIPES", "Family", "Recipe", "train"]


@dataclass(frozen=True, slots=True)
class Family:
    """Networks that differ in the fold that they leave out.

    Attributes:
        side: pixels to which the square of 256 is reduced.
        crop: pixels of it, about the centre, that a network sees.
        widths: channels of each scale.
        cues: what is made useless.
        longer: times as many batches as the recipe says.
    """

    side: int = 128
    crop: int = 128
    widths: tuple[int, ...] = (16, 32, 64, 128)
    cues: Cues = field(default_factory=Cues)
    longer: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a network is made of.

    Attributes:
        name: of the files.
        dataset: in the manifest's words.
        labels: in the manifest's words, in the order of the probabilities; the first is the normal one.
        licence: of the data.
        families: whose logits are averaged.
        mirrors: whether every other network of a family answers for the picture mirrored.
        dropout: of the last features.
        smooth: share of the target that is spread over all labels.
        mix: of the beta distribution by which two pictures are mixed; 0 mixes none.
        folds: networks of a family; each leaves one fold out.
        steps: batches for each network.
        batch: pictures, drawn with equal chances for all labels.
        rate: highest learning rate.
        seed: of everything that is drawn.
        failures: what is known to go wrong, for the card.
    """

    name: str
    dataset: str
    labels: tuple[str, ...]
    licence: str
    families: tuple[Family, ...] = (Family(),)
    mirrors: bool = False
    dropout: float = 0.3
    smooth: float = 0.1
    mix: float = 0.2
    folds: int = 4
    steps: int = 800
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0
    failures: tuple[str, ...] = ()

    def sight(self, family: Family, number: int) -> Sight:
        """How the network of a family that leaves fold ``number`` out sees a picture that it answers for."""
        return Sight(family.side, family.crop, mirrored=self.mirrors and number % 2 == 1)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="chest-xray",
            dataset="kermany-cxr-small",
            labels=("normal", "bacteria", "virus"),
            licence="CC BY 4.0",
            families=(
                Family(
                    side=96,
                    crop=84,
                    widths=(24, 48, 96, 128),
                    cues=Cues(
                        zoom=1.2,
                        stretch=1.15,
                        curve=0.6,
                        equal=0.15,
                        low=0.08,
                        high=0.15,
                        erased=0.2,
                        blur=0.3,
                        detail=1.6,
                    ),
                ),
                Family(
                    side=96,
                    crop=84,
                    widths=(24, 48, 96, 128),
                    cues=Cues(zoom=1.25, stretch=1.15, detail=1.6),
                    longer=1.5,
                ),
            ),
            mirrors=True,
            failures=(
                "Children of one hospital only: adults, other devices and other diseases have not been seen.",
                "Its threshold does not carry over: on the test split it called nearly half of the normals abnormal.",
                "Bacteria and virus are told apart poorly; the sum of both, pneumonia, is what is meant to be read.",
                "One source, which has both classes: leaving a source out cannot be tested here.",
            ),
        ),
        Recipe(
            name="lung-nodule",
            dataset="lidc-nodule-patches",
            labels=("likely_benign", "likely_malignant"),
            licence="CC BY 3.0",
            families=(
                Family(
                    crop=96,
                    cues=Cues(
                        zoom=1.08,
                        stretch=1.04,
                        turn=180.0,
                        shift=0.03,
                        marks=0.0,
                        erased=0.0,
                        frame=0.15,
                        low=0.1,
                        detail=1.5,
                    ),
                ),
            ),
            steps=600,
            failures=(
                "The labels are radiologists' opinions, not pathology, and follow the nodule's size.",
                "Every patch that was learned from has a nodule in its middle: a patch without one gets an answer too.",
                "The map does not point to the nodule; what speaks for malignant lies about it.",
                "One source: leaving a source out cannot be tested here.",
            ),
        ),
        Recipe(
            name="lung-ct",
            dataset="iq-othnccd",
            labels=("normal", "benign", "malignant"),
            licence="CC BY 4.0",
            families=(
                Family(
                    side=64,
                    crop=56,
                    widths=(24, 48, 96),
                    cues=Cues(
                        zoom=1.25,
                        stretch=1.15,
                        marks=0.0,
                        curve=1.2,
                        equal=0.4,
                        low=0.3,
                        high=0.4,
                        blur=0.5,
                        noise=0.06,
                        detail=2,
                    ),
                ),
            ),
            steps=450,
            dropout=0.4,
            failures=(
                "82 benign slices of a few patients taught it, none of 21 was found: benign is not to be believed.",
                "Learned from narrow soft-tissue windows, in which the lung is black: other windows are foreign.",
                "One source, whose display differs between classes: leaving a source out cannot be tested here.",
            ),
        ),
    )
}


def train(data: Path, out: Path, recipe: Recipe, device: str = "cpu") -> Iterator[Progress]:
    """Train, and write ``<name>.onnx`` and ``<name>.json`` into a folder; goes on where a run in it stopped.

    Args:
        data: see ``pictures.gather``.
        out: the folder.
        recipe: what to train.
        device: torch's name of it.

    Raises:
        SettingsError: a label has no pictures in some fold.
    """
    out.mkdir(parents=True, exist_ok=True)
    every = gather(data, [recipe.dataset]).where(lambda row: row.label in recipe.labels)
    known, test = every.where(lambda row: row.split != "test"), every.where(lambda row: row.split == "test")
    truth = _truth(known, recipe)
    fold = np.array([fold_of(row, recipe.folds) for row in known.rows])
    nets: list[CamNet] = []
    logits = np.zeros((len(known), len(recipe.labels)), np.float32)
    done, steps = 0, [round(recipe.steps * family.longer) for family in recipe.families]
    for kin, family in enumerate(recipe.families):
        pixels = _small(known, family.side).to(device)
        for number in range(recipe.folds):
            seed = recipe.seed * 100 + kin * 10 + number
            torch.manual_seed(seed)
            net = CamNet(family.widths, len(recipe.labels), recipe.dropout)
            loss = _Loss(pixels, truth, fold != number, recipe, family)
            beside = out / f"{recipe.name}-{kin}-{number}.pt"
            for step in fit(net, loss, steps=steps[kin], rate=recipe.rate, checkpoint=beside, device=device, seed=seed):
                yield step.after(done, recipe.folds * sum(steps))
            done += steps[kin]
            fuse(net)
            halved(net)
            left = torch.from_numpy(fold == number)
            logits[fold == number] += _answers(net, pixels[left], recipe.sight(family, number)) / len(recipe.families)
            nets.append(net.cpu())
    calibration = calibrated(logits, truth)
    whole = pooled(nets, recipe, calibration)
    digest = export(whole, out / f"{recipe.name}.onnx", ("probabilities", "cam"))
    write_card(out / f"{recipe.name}.json", recipe, digest, calibration, logits, known, answers(whole, test), test)


def pooled(nets: list[CamNet], recipe: Recipe, calibration: Calibration) -> Pooled:
    """The networks, family after family, as one that is shipped, ready to answer."""
    sights = [recipe.sight(family, number) for family in recipe.families for number in range(recipe.folds)]
    whole = Pooled(nets, sights, temperature=calibration.temperature, bias=calibration.bias)
    whole.eval()
    return whole


def answers(net: Pooled, pictures: Pictures) -> NDArray[np.float64]:
    """Probabilities (n, labels) of pictures."""
    parts = torch.from_numpy(pictures.pixels).unsqueeze(1).split(64)
    with torch.no_grad():
        return np.asarray(torch.cat([net(part.float() / 255)[0] for part in parts]).numpy(), np.float64)


def _truth(pictures: Pictures, recipe: Recipe) -> NDArray[np.int64]:
    """The number of each picture's label."""
    return np.array([recipe.labels.index(row.label) for row in pictures.rows], np.int64)


def fold_of(row: Picture, folds: int) -> int:
    """The block where there is one, otherwise drawn by patient."""
    last = row.group.rpartition(":")[2]
    if last.isdigit() and not row.patient:
        return int(last) % folds
    return int.from_bytes(hashlib.sha256(row.group.encode()).digest()[:4], "big") % folds


class _Loss:
    """Draws a batch with equal chances for all labels, changes its looks, mixes it, and gives the cross entropy."""

    def __init__(
        self, pixels: Tensor, truth: NDArray[np.int64], used: NDArray[np.bool_], recipe: Recipe, family: Family
    ) -> None:
        self.pixels, self.recipe, self.family = pixels, recipe, family
        self.members = [
            torch.from_numpy(np.flatnonzero(used & (truth == label))) for label in range(len(recipe.labels))
        ]
        for label, members in zip(recipe.labels, self.members, strict=True):
            if not len(members):
                raise SettingsError(
                    f"{recipe.dataset}: all pictures of {label!r} are in one fold; it takes more patients or blocks"
                )

    def __call__(self, net: nn.Module, generator: torch.Generator) -> Tensor:
        recipe, classes = self.recipe, len(self.recipe.labels)
        label = torch.randint(classes, (recipe.batch,), generator=generator)
        place = torch.rand(recipe.batch, generator=generator)
        chosen = torch.stack(
            [self.members[which][int(at * len(self.members[which]))] for which, at in zip(label, place, strict=True)]
        )
        x = cropped(self.family.cues.changed(self.pixels[chosen]), self.family.crop)
        target = functional.one_hot(label, classes).float().to(x.device)
        target = target * (1 - recipe.smooth) + recipe.smooth / classes
        if recipe.mix:
            share = float(torch.distributions.Beta(recipe.mix, recipe.mix).sample())
            other = torch.randperm(recipe.batch, generator=generator)
            x, target = share * x + (1 - share) * x[other], share * target + (1 - share) * target[other]
        logits = net(x.to(memory_format=torch.channels_last)).float()
        return -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def cropped(pictures: Tensor, crop: int) -> Tensor:
    """The middle of pictures."""
    edge = (pictures.shape[-1] - crop) // 2
    return pictures[:, :, edge : edge + crop, edge : edge + crop]


def _small(pictures: Pictures, side: int) -> Tensor:
    whole = torch.from_numpy(pictures.pixels).unsqueeze(1)
    return torch.cat([reduced(part.float() / 255, side, side) for part in whole.split(64)])


def _answers(net: CamNet, pixels: Tensor, sight: Sight) -> NDArray[np.float32]:
    """Logits (n, labels) of pictures that are already reduced to the side of ``sight``."""
    with torch.no_grad():
        seen = [cropped(part, sight.crop) for part in pixels.split(64)]
        found = [net(each.flip(3) if sight.mirrored else each).float().cpu() for each in seen]
    return np.asarray(torch.cat(found).numpy(), np.float32)
