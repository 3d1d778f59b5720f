"""Router: the recipe of the network that says what part of the body a picture shows, and of its vectors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.anatomies import ANATOMIES, Anatomies, Sample, gather_anatomies
from medarchive.training.classifier.augment import Augment
from medarchive.training.classifier.contrastive import contrastive, to_proxies
from medarchive.training.classifier.fit import Progress, fit
from medarchive.training.classifier.others import others
from medarchive.training.classifier.router_export import calibrated, exported, measured, sent_to_other
from medarchive.training.classifier.router_net import RouterNet
from medarchive.training.classifier.scattered import scattered

__all__ = ["Recipe", "train", "trained"]

Way = Callable[[Tensor, Sequence[Sample]], Tensor]

_OTHER = ANATOMIES.index("other")
_OFTEN = {"other": 2.0, "lung-ct": 1.5}  # so many parts of the body are among them
_SETTLING = {"other": 2.0, "lung-ct": 2.0}
_ALIKE = ("ChestCT", "AbdomenCT")  # of one collection, 64 x 64: it takes every detail to tell one from the other
_ALIKE_OFTEN = 2.0
_DETAILED = (*_ALIKE, "CT, narrow", "CT, filled")
_LITTLE = Augment(turn=10, zoom=1.1, gamma=1.4, window=0.15, blur=0.3, noise=0.03)
_HARDLY = Augment(turn=4, zoom=1.05, shift=0.02, gamma=1.1, window=0.04, blur=0, noise=0.01, bias=0.05)
_SCATTERED = 0.5  # of the second views while settling


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the router is trained.

    Attributes:
        steps: batches in all.
        small: share of them, the first, on pictures of half as many pixels a side: a quarter of the work.
        settling: share of them, the last, in which few pictures are scattered and those are seen more often that are
            confused.
        rate: highest learning rate; half of it while settling.
        pictures: different ones in a batch; each is seen in two ways.
        others: made-up ones in a batch, which are to be called "other".
        left_out: labels that are not trained on, to see what the router makes of what it never saw: a finding
            (``Hand``), or an anatomy with one (``other/CT``).
        seed: of everything that is drawn.
    """

    steps: int = 1800
    small: float = 0.5
    settling: float = 1 / 6
    rate: float = 2e-3
    pictures: int = 36
    others: int = 20
    left_out: tuple[str, ...] = ()
    seed: int = 0

    def leaves_out(self, sample: Sample) -> bool:
        """Whether a picture is of a label that is left out."""
        return sample.finding in self.left_out or sample.label in self.left_out


class _Batches:
    """Draws pictures of each anatomy as often as of another; labels of one anatomy by a power of how many there are."""

    def __init__(
        self, samples: Anatomies, power: float, often: Mapping[str, float], findings: Mapping[str, float]
    ) -> None:
        """Take pictures; anatomies in ``often``, and within them ``findings``, come so many times as often."""
        self.samples = samples
        self.targets = torch.from_numpy(samples.targets)
        numbers = {label: at for at, label in enumerate(dict.fromkeys(row.label for row in samples.rows))}
        self.labels = torch.tensor([numbers[row.label] for row in samples.rows])
        weight = torch.bincount(self.labels).float()[self.labels] ** (power - 1)
        weight = weight * torch.tensor([findings.get(row.finding, 1.0) for row in samples.rows])
        shares = torch.zeros(len(ANATOMIES)).index_add(0, self.targets, weight)
        factors = torch.tensor([often.get(anatomy, 1.0) for anatomy in ANATOMIES])
        self.weight = weight / shares[self.targets] * factors[self.targets]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[Sample], Tensor, Tensor]:
        chosen = torch.multinomial(self.weight, count, replacement=True, generator=generator)
        pixels = torch.from_numpy(self.samples.pixels[chosen.numpy()]).float().unsqueeze(1) / 255
        return pixels, [self.samples.rows[int(each)] for each in chosen], self.targets[chosen], self.labels[chosen]


def trained(samples: Anatomies, net: RouterNet, checkpoint: Path, recipe: Recipe, device: str) -> Iterator[Progress]:
    """Train a network in place on the training split of samples: small pictures first, then whole, then as they are."""
    known = samples.where(lambda row: row.split == "train" and not recipe.leaves_out(row))
    evenly = _Batches(known, 0.5, _OFTEN, {})
    closely = _Batches(known, 0.5, _SETTLING, dict.fromkeys(_ALIKE, _ALIKE_OFTEN))
    small, settling = round(recipe.small * recipe.steps), round(recipe.settling * recipe.steps)
    stages = (
        (".small", small, 1.0, _Loss(evenly, evenly, recipe, device, (_changed, _scattered), 2)),
        ("", recipe.steps - small - settling, 1.0, _Loss(evenly, evenly, recipe, device, (_changed, _scattered), 1)),
        (".settling", settling, 0.5, _Loss(closely, evenly, recipe, device, (_changed, _settled), 1)),
    )
    done = 0
    for number, (suffix, steps, share, loss) in enumerate(stages):
        found = fit(
            net,
            loss,
            steps=steps,
            rate=recipe.rate * share,
            checkpoint=checkpoint.with_suffix(suffix or checkpoint.suffix),
            device=device,
            seed=recipe.seed + number,
        )
        for progress in found:
            yield progress.after(done, recipe.steps)
        done += steps


def _changed(pixels: Tensor, rows: Sequence[Sample]) -> Tensor:
    """A little; hardly at all, where it takes every detail."""
    alike = torch.tensor([row.finding in _DETAILED for row in rows])
    out = pixels.clone()
    for augment, chosen in ((_LITTLE, ~alike), (_HARDLY, alike)):
        if chosen.any():
            out[chosen] = augment.shaded(*augment.moved(pixels[chosen]))
    return out


def _scattered(pixels: Tensor, rows: Sequence[Sample]) -> Tensor:
    return scattered(pixels, [row.anatomy for row in rows])


def _settled(pixels: Tensor, rows: Sequence[Sample]) -> Tensor:
    """Some scattered, so that it is not forgotten what all of them have in common; the others as ``_changed``."""
    chosen = torch.rand(len(pixels), 1, 1, 1) < _SCATTERED
    return torch.where(chosen, _scattered(pixels, rows), _changed(pixels, rows))


class _Loss:
    """Draws a batch, shows each picture in two ways beside made-up others, and says how wrong the network is."""

    def __init__(
        self,
        batches: _Batches,
        sources: _Batches,
        recipe: Recipe,
        device: str,
        ways: tuple[Way, ...],
        fewer: int,
    ) -> None:
        self.batches, self.sources, self.recipe, self.device = batches, sources, recipe, device
        self.ways, self.fewer = ways, fewer

    def __call__(self, network: nn.Module, generator: torch.Generator) -> Tensor:
        pixels, rows, targets, labels = self.batches.draw(self.recipe.pictures, generator)
        sources, strange, _, _ = self.sources.draw(self.recipe.others, generator)
        made = scattered(others(sources, [row.anatomy for row in strange]), ["other"] * self.recipe.others)
        seen = torch.cat([*(way(pixels, rows) for way in self.ways), made]).to(self.device)
        if self.fewer > 1:
            seen = functional.avg_pool2d(seen, self.fewer)
        logits, vectors = network(seen.contiguous(memory_format=torch.channels_last))
        wanted = torch.cat([targets, targets, torch.full((self.recipe.others,), _OTHER)]).to(self.device)
        known = vectors[: 2 * self.recipe.pictures].float()
        twice = labels.repeat(2).to(self.device)
        return (
            functional.cross_entropy(logits.float(), wanted, label_smoothing=0.02)
            + 0.5 * to_proxies(known, twice, network.proxies)
            + 0.2 * contrastive(known, twice)
            + 0.1 * contrastive(vectors.float(), torch.where(wanted == _OTHER, -1, wanted))
        )


def train(data: Path, out: Path, recipe: Recipe, device: str = "cpu") -> Iterator[Progress]:
    """Train, calibrate and export to ``router.onnx`` and ``router.json`` in a folder.

    Args:
        data: see ``gather_anatomies``.
        out: made where it is not there; training goes on from a checkpoint in it.
        recipe: see Recipe.
        device: cpu or cuda.
    """
    out.mkdir(parents=True, exist_ok=True)
    samples = gather_anatomies(data)
    torch.manual_seed(recipe.seed)
    net = RouterNet(len(ANATOMIES), len({row.label for row in samples.rows}))
    yield from trained(samples, net, out / "router.checkpoint", recipe, device)
    asked = samples.where(lambda row: not recipe.leaves_out(row))
    shipped, limits = calibrated(net.cpu(), asked)
    measures = measured(shipped, limits, asked)
    if recipe.left_out:
        unseen = samples.where(lambda row: row.split == "test" and recipe.leaves_out(row))
        measures["sent_to_other"] = sent_to_other(shipped, limits, unseen)
    facts = {
        "temperature": shipped.divisor,
        "thresholds": limits,
        "recipe": asdict(recipe),
        "data": _described(asked),
    }
    exported(shipped, out, {**facts, "measures": measures})


def _described(samples: Anatomies) -> dict[str, dict[str, int]]:
    """How many pictures of each collection were in each split."""
    out: dict[str, dict[str, int]] = {}
    for row in samples.rows:
        counts = out.setdefault(row.dataset, {"train": 0, "validation": 0, "test": 0})
        counts[row.split] += 1
    return out
