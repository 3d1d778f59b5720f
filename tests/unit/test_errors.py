"""The error tree: as it is drawn, with an exit code for each class."""

import inspect
import re

import pytest

from medarchive import errors
from medarchive.cli.exits import MEANINGS
from medarchive.errors import MedarchiveError

CLASSES: dict[str, type[MedarchiveError]] = {name: getattr(errors, name) for name in errors.__all__}


def drawn() -> list[tuple[int, str]]:
    """Depth and name of each class of the tree in the docstring."""
    lines = re.findall(r"^    ([│├└─ ]*)(\w+)", str(errors.__doc__), re.MULTILINE)
    return [(len(branches) // 4, name) for branches, name in lines]


def built(kind: type[MedarchiveError] = MedarchiveError, depth: int = 0) -> list[tuple[int, str]]:
    """The same of the classes; faces have some of their own beside these."""
    children = (child for child in kind.__subclasses__() if child.__module__ == errors.__name__)
    below = [line for child in children for line in built(child, depth + 1)]
    return [(depth, kind.__name__), *below]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert drawn() == built()


def test_all_are_public() -> None:
    assert set(errors.__all__) == {name for name, kind in vars(errors).items() if inspect.isclass(kind)}


def test_every_class_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in CLASSES.values()]
    assert len(set(codes)) == len(codes)
    assert not set(codes) & set(MEANINGS)
    assert all(3 <= code < 126 for code in codes)  # below: usage; above: the shell's


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_class_says_what_it_means(name: str) -> None:
    assert CLASSES[name].__doc__
