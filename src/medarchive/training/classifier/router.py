"""Router: the recipe of the network that says what part of the body a picture shows, and of its vectors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.anatomies import ANATOMIES, Anatomies, gather_anatomies
from medarchive.training.classifier.augment import Augment
from medarchive.training.classifier.contrastive import contrastive, to_proxies
from medarchive.training.classifier.fit import Progress, fit
from medarchive.training.classifier.others import others
from medarchive.training.classifier.router_export import calibrated, exported, measured
from medarchive.training.classifier.router_net import RouterNet
from medarchive.training.classifier.scattered import scattered

__all__ = ["Recipe", "train", "trained"]

_OTHER = ANATOMIES.index("other")
_OFTEN = {"other": 1.6}  # so many parts of the body are among them
_SETTLING = {"other": 1.8, "lung-ct": 2.0}
_LITTLE = Augment(turn=10, zoom=1.1, gamma=1.4, window=0.15, blur=0.3, noise=0.03)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the router is trained.

    Attributes:
        steps: batches.
        settling: more of them, in which no picture is scattered and those are seen more often that are confused.
        rate: highest learning rate; half of it while settling.
        pictures: different ones in a batch; each is seen twice, once changed a little and once scattered.
        others: made-up ones in a batch, which are to be called "other".
        left_out: labels that are not trained on, to see what the router makes of what it never saw.
        seed: of everything that is drawn.
    """

    steps: int = 800
    settling: int = 130
    rate: float = 2e-3
    pictures: int = 36
    others: int = 20
    left_out: tuple[str, ...] = ()
    seed: int = 0


class _Batches:
    """Draws pictures of each anatomy as often as of another; labels of one anatomy by a power of how many there are."""

    def __init__(self, samples: Anatomies, power: float, often: Mapping[str, float]) -> None:
        """Take pictures; the anatomies in ``often`` come so many times as often."""
        self.samples = samples
        self.names = [row.anatomy for row in samples.rows]
        self.targets = torch.from_numpy(samples.targets)
        numbers = {label: at for at, label in enumerate(dict.fromkeys(row.label for row in samples.rows))}
        self.labels = torch.tensor([numbers[row.label] for row in samples.rows])
        weight = torch.bincount(self.labels).float()[self.labels] ** (power - 1)
        shares = torch.zeros(len(ANATOMIES)).index_add(0, self.targets, weight)
        factors = torch.tensor([often.get(anatomy, 1.0) for anatomy in ANATOMIES])
        self.weight = weight / shares[self.targets] * factors[self.targets]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[str], Tensor, Tensor]:
        chosen = torch.multinomial(self.weight, count, replacement=True, generator=generator)
        pixels = torch.from_numpy(self.samples.pixels[chosen.numpy()]).float().unsqueeze(1) / 255
        return pixels, [self.names[int(each)] for each in chosen], self.targets[chosen], self.labels[chosen]


def trained(samples: Anatomies, net: RouterNet, checkpoint: Path, recipe: Recipe, device: str) -> Iterator[Progress]:
    """Train a network in place on the training split of samples: scattered pictures first, then as they are."""
    known = samples.where(lambda row: row.split == "train" and row.finding not in recipe.left_out)
    first = _Loss(_Batches(known, 0.5, _OFTEN), recipe, device, (_changed, scattered))
    yield from fit(
        net, first, steps=recipe.steps, rate=recipe.rate, checkpoint=checkpoint, device=device, seed=recipe.seed
    )
    if recipe.settling:
        then = _Loss(_Batches(known, 1.0, _SETTLING), recipe, device, (_changed, _changed))
        settled = fit(
            net,
            then,
            steps=recipe.settling,
            rate=recipe.rate / 2,
            checkpoint=checkpoint.with_suffix(".settling"),
            device=device,
            seed=recipe.seed + 1,
        )
        for progress in settled:
            yield Progress(recipe.steps + progress.step, progress.loss)


def _changed(pixels: Tensor, names: Sequence[str]) -> Tensor:  # noqa: ARG001  # as ``scattered``
    return _LITTLE.shaded(*_LITTLE.moved(pixels))


class _Loss:
    """Draws a batch, shows each picture in two ways beside made-up others, and says how wrong the network is."""

    def __init__(
        self,
        batches: _Batches,
        recipe: Recipe,
        device: str,
        ways: tuple[Callable[[Tensor, Sequence[str]], Tensor], ...],
    ) -> None:
        self.batches, self.recipe, self.device, self.ways = batches, recipe, device, ways

    def __call__(self, network: nn.Module, generator: torch.Generator) -> Tensor:
        pixels, names, targets, labels = self.batches.draw(self.recipe.pictures, generator)
        sources, kinds, _, _ = self.batches.draw(self.recipe.others, generator)
        made = scattered(others(sources, kinds), ["other"] * self.recipe.others)
        seen = torch.cat([*(way(pixels, names) for way in self.ways), made]).to(self.device)
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
    shipped, limits = calibrated(net.cpu(), samples)
    facts = {
        "temperature": shipped.divisor,
        "thresholds": limits,
        "recipe": asdict(recipe),
        "data": _described(samples),
    }
    exported(shipped, out, {**facts, "measures": measured(shipped, limits, samples)})


def _described(samples: Anatomies) -> dict[str, dict[str, int]]:
    """How many pictures of each collection were in each split."""
    out: dict[str, dict[str, int]] = {}
    for row in samples.rows:
        counts = out.setdefault(row.dataset, {"train": 0, "validation": 0, "test": 0})
        counts[row.split] += 1
    return out
