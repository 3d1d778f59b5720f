"""Exit codes of the command line that are no error class's own; those stand in ``medarchive.errors``."""

from typing import Final

__all__ = ["DIFFERENT", "FAULTS", "FILE_ERROR", "MEANINGS"]

FILE_ERROR: Final = 12
FAULTS: Final = 50
DIFFERENT: Final = 51

MEANINGS: Final = {
    0: "all went well",
    1: "cancelled at a question",
    2: "the command line itself is wrong",
    FILE_ERROR: "a file or folder could not be read or written",
    FAULTS: "`check` found faults",
    DIFFERENT: "`demo` got something back that differs from what it sent",
    130: "interrupted",
}
