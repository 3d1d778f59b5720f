"""Applying: what a policy says is asked for and done, as far as it can be done now."""

from collections.abc import Iterator, Sequence

from medarchive.archive.archive import Archive
from medarchive.archive.compress import Compressed
from medarchive.archive.prospects import Prospect

__all__ = ["apply_policy"]


def apply_policy(archive: Archive, prospects: Sequence[Prospect]) -> Iterator[Compressed]:
    """Derive what some prospects promise, let go of the originals whose time has come, code what is new together.

    All of it is queued first: what is left undone by an interruption is there for the next call, or other workers.

    Args:
        archive: whose settings have the policy.
        prospects: what ``Archive.policy`` found a moment ago.
    """
    policy = archive.policy()
    asked = [prospect for prospect in prospects if policy.ask(prospect)]
    yield from archive.compress(kinds=("derive",), wait_for_all=True)
    yield from archive.compress(kinds=("retire",))
    series = {uid for prospect in asked for uid in policy.derived_series(prospect)}
    yield from archive.compress_together(sorted(series))
