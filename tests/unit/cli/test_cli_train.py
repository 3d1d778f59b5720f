"""``train classifier``: the network named is the one trained, with the steps and the seed that were asked for."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import Cli


@dataclass(frozen=True)
class Recipe:
    name: str = "router"
    steps: int = 100
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    step: int
    steps: int
    loss: float


def _module(calls: list[tuple[Any, ...]], **more: Any) -> ModuleType:
    def train(data: Path, out: Path, recipe: Recipe, device: str) -> Iterator[Progress]:
        calls.append((data, out, recipe, device))
        yield Progress(2, recipe.steps, 0.25)

    module = ModuleType("made")
    vars(module).update(Recipe=Recipe, train=train, **more)
    return module


def test_the_router_is_trained(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setitem(sys.modules, "medarchive.training.classifier.router", _module(calls))
    ran = cli("train", "classifier", "--network", "router", "--data", "in", "--out", "there", "--steps", 7, "--seed", 3)
    assert ran.code == 0, ran.err
    assert calls == [(Path("in"), Path("there"), Recipe(steps=7, seed=3), "cpu")]
    assert ran.out.strip() == str(Path("there", "router.onnx"))
    assert "step 2 of 7: loss 0.2500" in ran.err


def test_networks_of_the_lung_have_a_recipe_each(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    recipes = {"lung-ct": Recipe("lung-ct", steps=50), "chest-xray": Recipe("chest-xray")}
    monkeypatch.setitem(sys.modules, "medarchive.training.classifier.lung", _module(calls, RECIPES=recipes))
    ran = cli("train", "classifier", "--network", "lung-ct", "--data", "in", "--device", "cuda")
    assert ran.code == 0, ran.err
    assert calls == [(Path("in"), Path("model"), Recipe("lung-ct", steps=50), "cuda")]


def test_which_network_has_to_be_said(cli: Cli) -> None:
    ran = cli("train", "classifier", "--data", "in")
    assert ran.code != 0
    assert "--network" in ran.err
    assert "lung-nodule" in ran.err


def test_without_torch_the_extra_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "medarchive.training.classifier.router", None)
    ran = cli("train", "classifier", "--network", "router", "--data", "in")
    assert ran.code != 0
    assert "pip install 'medarchive[neural]'" in ran.err
