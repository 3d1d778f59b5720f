import subprocess
import sys
from pathlib import Path

from medarchive.archive.staging import Staging, sweep

CHILD = """
import sys, os, pathlib
from medarchive.archive.staging import Staging
staging = Staging(pathlib.Path(sys.argv[1]))
staging.new().write_bytes(b"half an object")
print(staging.folder(), flush=True)
sys.stdin.read()
os._exit(9)
"""


def test_folders_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        folder = Path(child.stdout.readline().strip())
        assert len(list(folder.iterdir())) == 1
        assert sweep(tmp_path) == 0, "its process lives"
        assert folder.is_dir()
        child.stdin.close()
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_opening_a_staging_folder_sweeps(tmp_path: Path) -> None:
    dead = tmp_path / ("0" * 32)
    dead.mkdir()
    (dead / "part").write_bytes(b"x")
    (tmp_path / f".{'0' * 32}").touch()
    staging = Staging(tmp_path)
    staging.folder()
    assert not dead.exists()
    staging.close()
    assert list(tmp_path.iterdir()) == []


def test_every_new_path_is_another(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    assert len({staging.new() for _ in range(100)}) == 100
    staging.close()
