"""Every file that pydicom ships goes through the archive and comes back identical, or is refused with a reason."""

import sys
from pathlib import Path

import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # tools/ is no package of ours, but its program is what we test

from tools.round_trip import readable, round_trips

DATA = Path(pydicom.__file__).parent / "data"


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
def test_every_file_of_pydicoms_comes_back_or_is_refused_with_a_reason(tmp_path: Path) -> None:
    files = sorted(file for file in DATA.rglob("*") if file.is_file())
    outcomes = {file: (outcome, detail) for file, outcome, detail in round_trips(files, tmp_path)}
    assert set(outcomes) == set(files)
    expected = {file: "identical" if readable(file) else "refused" for file in files}
    assert {file: outcome for file, (outcome, _) in outcomes.items()} == expected
    assert sum(outcome == "identical" for outcome, _ in outcomes.values()) > 140
    directories = [detail for file, (_, detail) in outcomes.items() if file.name.startswith("DICOMDIR")]
    assert directories
    assert all(len(detail) > 20 for outcome, detail in outcomes.values() if outcome == "refused")
