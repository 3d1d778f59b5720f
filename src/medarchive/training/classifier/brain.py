"""Brain: trains the networks that find lesions in MR of the brain and say of which kind they are.

The chance of a tumour comes from the lesion map alone, never from the picture as a whole, which would tell the source.
"""

from collections.abc import Generator, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.errors import SettingsError
from medarchive.training.classifier import healthy
from medarchive.training.classifier.augment import Augment
from medarchive.training.classifier.brain_card import SEEN_NEVER, write_card
from medarchive.training.classifier.brain_export import KINDS, calibrated
from medarchive.training.classifier.brain_net import BrainNet, strongest
from medarchive.training.classifier.contrasts import contrasted
from medarchive.training.classifier.export import export
from medarchive.training.classifier.fit import Progress, fit
from medarchive.training.classifier.lesions import paste, remove, stripped
from medarchive.training.classifier.pictures import Picture, Pictures, gather

__all__ = ["DATASETS", "LEFT_OUT", "Recipe", "finished", "fitted", "split", "train"]

DATASETS = (
    "figshare-cheng", "nickparvar-brain-mri", "bhuvaji-brain-mri", "open-ms-data", "singles-dcm-t1", "ixi-nichart-2mm",
)  # fmt: skip
LEFT_OUT = {
    "msL-patient04": "validation", "msL-patient20": "validation", "msL-patient12": "test", "msC-patient26": "test",
}  # fmt: skip
"""Patients of open-ms-data that are not trained on: one of each contrast for the false alarms."""

_HARD = ("open-ms-data", "singles-dcm-t1", "ixi-nichart-2mm")
_TOLD = 0.5  # of the pictures with an outline, how many have their kind learned inside it, not inside what was found
_NEVER = -20.0
_APART = 10  # seeds of two members
_WEIGHT = Tensor([1.0, 2.0, 1.5])  # of the kinds, for figshare has fewer meningiomas


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        steps: batches on pictures of 128 x 128.
        fine_steps: batches on pictures of 256 x 256 after that.
        last_steps: the same once more, most of them as they are.
        batch: pictures of each batch.
        rate: highest learning rate of the first part; a third of it in the second, a fifth in the last.
        widths: channels at 1/2, 1/4, ... of the input.
        members: networks that are trained alike from other seeds; their mean is what ships.
        without: collections that are not trained on, to see what that costs.
        seed: of everything that is drawn.
    """

    steps: int = 3200
    fine_steps: int = 900
    last_steps: int = 600
    batch: int = 32
    rate: float = 2e-3
    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    members: int = 3
    without: tuple[str, ...] = ()
    seed: int = 0


def split(row: Picture) -> str:
    """Train, validation or test, with the patients that are left out by name."""
    return LEFT_OUT.get(row.patient, row.split)


def fitted(
    pictures: Pictures, out: Path, recipe: Recipe, member: int, device: str
) -> Generator[Progress, None, BrainNet]:
    """Train a member on the pictures of the training split; yields how far it is, and returns the network."""
    own = pictures.where(lambda row: split(row) == "train" and row.dataset not in (SEEN_NEVER, *recipe.without))
    sampler = _Sampler(own, recipe.batch)
    seed = recipe.seed + _APART * member
    torch.manual_seed(seed)
    net = BrainNet(recipe.widths)
    plan = (
        (recipe.steps, _COARSE, recipe.rate),
        (recipe.fine_steps, _FINE, recipe.rate / 3),
        (recipe.last_steps, _LAST, recipe.rate / 5),
    )
    each = sum(steps for steps, _, _ in plan)
    done = each * member
    for part, (steps, mix, rate) in enumerate(plan):

        def loss(net: nn.Module, draw: torch.Generator, mix: _Mix = mix) -> Tensor:
            return _loss(net, sampler.batch(draw, mix), device)

        checkpoint = out / f"brain-{member}-{part}.pt"
        for progress in fit(net, loss, steps=steps, rate=rate, checkpoint=checkpoint, device=device, seed=seed + part):
            yield progress.after(done, each * recipe.members)
        done += steps
    net.cpu()
    return net


@dataclass(frozen=True, slots=True)
class _Mix:
    """What batches are made of.

    Attributes:
        side: pixels of a picture.
        parts: of 32: lesion as it is, removed, without outline; tumour-free, the same but hard; lesion put in; healthy
            heads in every plane, which are hard ones where there are none.
        kinds: of the lesions, in turn.
        natural: share of pictures that keep their contrast.
    """

    side: int
    parts: tuple[int, ...]
    kinds: tuple[int, ...]
    natural: float


_COARSE = _Mix(128, (12, 4, 2, 4, 4, 6, 0), (0, 1, 2), 0.0)
_FEWER = (0, 1, 2, 0, 1)  # kinds, fewer at the sella, where a healthy gland is bright too
_FINE = _Mix(256, (11, 3, 2, 6, 3, 5, 2), _FEWER, 0.4)
_LAST = _Mix(256, (14, 2, 2, 6, 2, 4, 2), _FEWER, 0.6)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Pictures, outlines of half their side; whether these are known, whether there is a tumour, its kind or -1."""

    pictures: Tensor
    outlines: Tensor
    outlined: Tensor
    sick: Tensor
    kind: Tensor


class _Sampler:
    """Draws batches in which every source has pictures with and without a lesion."""

    def __init__(self, pictures: Pictures, size: int) -> None:
        rows = pictures.rows
        self._pictures, self._size = pictures, size
        outlined = [row.mask is not None for row in rows]
        self._outlined = [[n for n, row in enumerate(rows) if outlined[n] and row.label == kind] for kind in KINDS]
        self._plain = [n for n, row in enumerate(rows) if not outlined[n] and row.label in KINDS]
        free = [n for n, row in enumerate(rows) if row.label == "no_tumour"]
        self._hard = [n for n in free if rows[n].dataset in _HARD]
        turned = [n for n in free if rows[n].dataset == healthy.DATASET]
        self._free = [n for n in free if rows[n].dataset not in (*_HARD, healthy.DATASET)] or self._hard
        heads = sorted({(rows[n].patient, rows[n].contrast) for n in turned})
        self._turned = [[n for n in turned if (rows[n].patient, rows[n].contrast) == head] for head in heads]
        if not all((*self._outlined, self._hard)):
            raise SettingsError("the brain network needs figshare-cheng with outlines, and open-ms-data")
        self._move = Augment(turn=25, zoom=1.3, shift=0.08)
        self._move_lesion = Augment(turn=180, zoom=1.8, shift=0.08)

    def batch(self, draw: torch.Generator, mix: _Mix) -> _Batch:
        """Some of each part of a mix."""
        whole, removed, plain, free, hard, pasted, turned = (round(self._size * part / 32) for part in mix.parts)
        if not self._plain:
            whole, plain = whole + plain, 0
        sick = self._lesions(draw, mix, whole + removed)
        tumour_free = self._some(draw, self._free, free) + self._some(draw, self._hard, hard)
        tumour_free += self._heads(draw, turned)
        hosts = self._some(draw, self._free, pasted // 2) + self._some(draw, self._hard, pasted - pasted // 2)
        donors = self._lesions(draw, mix, pasted)
        unsaid = self._some(draw, self._plain, plain)
        pictures, outlines = self._move.moved(*self._taken(sick + unsaid + tumour_free + hosts, mix.side))
        outlines = (outlines > 0.5).float()
        x, y = remove(pictures[whole : whole + removed], outlines[whole : whole + removed])
        pictures[whole : whole + removed], outlines[whole : whole + removed] = x, y
        lesions = self._move_lesion.moved(*self._taken(donors, mix.side))
        x, y = paste(lesions[0], (lesions[1] > 0.5).float(), pictures[-pasted:])
        pictures[-pasted:], outlines[-pasted:] = x, y
        pictures = stripped(pictures, outlines, 0.25)
        natural = torch.rand(len(pictures), 1, 1, 1) < mix.natural
        pictures = torch.where(natural, pictures, contrasted(pictures))
        kind = torch.tensor([self._kind(n) for n in sick + unsaid] + [-1] * (len(tumour_free) + pasted))
        outlined = torch.ones(len(pictures))
        outlined[len(sick) : len(sick) + plain] = 0
        there = outlines.flatten(1).amax(dim=1)
        there[len(sick) : len(sick) + plain] = 1
        kind[there < 0.5] = -1
        return _Batch(pictures, functional.avg_pool2d(outlines, 2), outlined, there, kind)

    def _lesions(self, draw: torch.Generator, mix: _Mix, count: int) -> list[int]:
        return [self._some(draw, self._outlined[mix.kinds[n % len(mix.kinds)]], 1)[0] for n in range(count)]

    def _heads(self, draw: torch.Generator, count: int) -> list[int]:
        """Every plane of every person as often as another."""
        pools = self._turned or [self._hard]
        which = torch.randint(0, len(pools), (count,), generator=draw)
        return [self._some(draw, pools[int(n)], 1)[0] for n in which]

    def _kind(self, number: int) -> int:
        return KINDS.index(self._pictures.rows[number].label)

    def _some(self, draw: torch.Generator, of: list[int], count: int) -> list[int]:
        return [of[int(n)] for n in torch.randint(0, max(1, len(of)), (count,), generator=draw)]

    def _taken(self, numbers: list[int], side: int) -> tuple[Tensor, Tensor]:
        pixels = torch.from_numpy(self._pictures.pixels[numbers]).float().unsqueeze(1) / 255
        masks = torch.from_numpy(self._pictures.masks[numbers]).float().unsqueeze(1)
        factor = pixels.shape[3] // side
        return functional.avg_pool2d(pixels, factor), functional.avg_pool2d(masks, factor)


def _loss(net: nn.Module, batch: _Batch, device: str) -> Tensor:
    pictures = batch.pictures.to(device, memory_format=torch.channels_last)
    outlines = batch.outlines.to(device)
    given = (torch.rand(len(pictures)) < _TOLD) & (batch.outlined > 0) & (batch.sick > 0)
    where = functional.max_pool2d(outlines, 5, 1, 2) if torch.rand(()) < 0.5 else outlines
    lesion, kind = net(pictures, where, given.to(device))
    lesion, kind = lesion.float(), kind.float()
    outlined, kinds = batch.outlined.to(device), batch.kind.to(device)
    cross = functional.binary_cross_entropy_with_logits(lesion, outlines, reduction="none").mean(dim=(1, 2, 3))
    found = torch.sigmoid(lesion)
    common = 2 * (found * outlines).sum(dim=(1, 2, 3)) + 20
    overlap = 1 - common / (found.sum(dim=(1, 2, 3)) + outlines.sum(dim=(1, 2, 3)) + 20)
    of_mask = ((4 * cross + overlap) * outlined).sum() / outlined.sum()
    known = kinds >= 0
    of_kind = functional.cross_entropy(kind[known], kinds[known], _WEIGHT.to(device), label_smoothing=0.05)
    there = batch.sick.to(device) * outlined
    well = (((1 - overlap) * there).sum() / there.sum().clamp(min=1)).detach()
    return of_mask + 0.5 * well**2 * _of_extremes(lesion, outlines, outlined) + 0.4 * of_kind


def _of_extremes(lesion: Tensor, outlines: Tensor, outlined: Tensor) -> Tensor:
    """The strongest part outside the outline is to be none, the strongest part inside is to be sure.

    Never the strongest part wherever it is: the network would light up a corner of each picture that it takes for one
    of a collection with tumours. It counts the more, the better outlines are met already: before, it holds all back.
    """
    near = functional.max_pool2d(outlines, 5, 1, 2) > 0
    outside = strongest(lesion.masked_fill(near, _NEVER))
    count = outlines.sum(dim=(1, 2, 3))
    inside = strongest(lesion.masked_fill(outlines < 0.5, _NEVER), count.clamp(min=1))
    alarm = functional.softplus(outside) * outlined
    miss = functional.softplus(-inside) * outlined * (count >= 1)
    return (alarm + miss).sum() / outlined.sum()


def train(data: Path, out: Path, recipe: Recipe, device: str = "cpu") -> Iterator[Progress]:
    """Train, and write ``brain.onnx`` and ``brain.json`` into a folder; goes on where a run in it stopped.

    They are written when a member is trained, of all that are there: the first is usable alone.

    Args:
        data: see ``pictures.gather``.
        out: made where it is not there.
        recipe: see Recipe.
        device: torch's name of it.

    Raises:
        SettingsError: pictures that it takes are not there.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures = gather(data, [*DATASETS, SEEN_NEVER]).joined(healthy.gather_healthy(data))
    trained: list[BrainNet] = []
    for member in range(recipe.members):
        trained.append((yield from fitted(pictures, out, recipe, member, device)))
        finished(deepcopy(trained), pictures, out, replace(recipe, members=len(trained)))


def finished(nets: list[BrainNet], pictures: Pictures, out: Path, recipe: Recipe) -> None:
    """Calibrate networks, changing them, on labelled validation pictures; export, and measure on the test split."""
    held_out = pictures.where(lambda row: split(row) == "validation" and row.dataset in DATASETS)
    shipped = calibrated(nets, held_out)
    digest = export(shipped, out / "brain.onnx", ("lesion", "tumour", "kinds"))
    write_card(out / "brain.json", shipped, digest, asdict(recipe), pictures, split)
