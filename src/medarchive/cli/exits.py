"""Exit codes of the command line that are no error class's own; those stand in ``medarchive.errors``."""

from typing import Final

__all__ = ["DIFFERENT", "FAULTS", "FILE_ERROR", "MEANINGS", "UNFAITHFUL"]

UNFAITHFUL: Final = 1
FILE_ERROR: Final = 12
FAULTS: Final = 50
DIFFERENT: Final = 51

MEANINGS: Final = {
    0: "all went well",
    UNFAITHFUL: "cancelled at a question; `fidelity`: the image did not pass",
    2: "the command line itself is wrong",
    FILE_ERROR: "a file or folder could not be read or written",
    FAULTS: "`check` found faults",
    DIFFERENT: "`demo` got something back that differs from what it sent",
    130: "interrupted",
}
