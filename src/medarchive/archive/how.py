"""How: which codecs encode, how hard they try, and how many slices share a group."""

import json
from dataclasses import dataclass
from typing import Self

from medarchive.codecs import registry
from medarchive.errors import UnknownCodec
from medarchive.settings import Settings

__all__ = ["How"]


@dataclass(frozen=True, slots=True)
class How:
    """What of the settings makes one encoding differ from another.

    Attributes:
        codecs: candidates, by name.
        effort: 1 (quick) to 9 (small).
        group_slices: slices of a closed group at most.
        again: whether it was asked for by a person who may want to undo it.
    """

    codecs: tuple[str, ...]
    effort: int
    group_slices: int
    again: bool = False

    @classmethod
    def of(cls, settings: Settings, options: str = "") -> Self:
        """That of the settings, or of a job's options where it has some."""
        found = cls(settings.codecs, settings.effort, settings.group_slices)
        if not options:
            return found
        asked = json.loads(options)
        return cls(tuple(asked["codecs"]), asked["effort"], asked["group_slices"], again=True)

    def packed(self) -> str:
        """The options of a job."""
        return json.dumps({"codecs": self.codecs, "effort": self.effort, "group_slices": self.group_slices})

    @property
    def name(self) -> str:
        """The same for the same encoding; instances bear it that were tried with it."""
        return f"{','.join(self.codecs)} {self.effort} {self.group_slices}"

    @property
    def together(self) -> tuple[str, ...]:
        """Those of the codecs that gain by seeing slices together, and can be used here, at a pace."""
        return tuple(name for name in self.codecs if self._group(name) > 1)

    @property
    def alone(self) -> tuple[str, ...]:
        """The codecs for a slice whose series may still grow: the others, if there are any."""
        return tuple(name for name in self.codecs if name not in self.together) or self.codecs

    def _group(self, name: str) -> int:
        try:
            codec = registry.get(name)
        except UnknownCodec:
            return 0
        return codec.group if codec.quick or len(self.codecs) == 1 else 0
