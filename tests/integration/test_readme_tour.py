"""The README's tour, followed to the letter: every block, in order, in one shell."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def script() -> str:
    """The bash and Python blocks of the README as one shell script."""
    lines = ["set -euo pipefail"]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert {language for language, _ in blocks} == {"", "bash", "python"}  # nothing that would not be run
    for language, block in blocks:
        if language == "bash":
            lines.append(block)
        elif language == "python":
            lines += ["python - <<'END OF PYTHON'", block, "END OF PYTHON"]
        else:
            assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make run", "make test"]
    return "\n".join(lines)


def test_the_tour_works(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    activate = tmp_path / ".venv" / "bin" / "activate"  # stands for the one of `make run`
    activate.parent.mkdir(parents=True)
    activate.write_text(f'export PATH="{Path(sys.executable).parent}:$PATH"\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDARCHIVE_")}
    ended = subprocess.run(
        ["/bin/bash", "-c", script().replace("11112", port)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "identical" in ended.stdout
    assert "no fault found (every blob hashed" in ended.stdout
    fetched = [file.name for file in (tmp_path / "fetched").iterdir()]
    assert "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322" in " ".join(
        fetched
    )  # and what was read in it, if anything
    assert len(list((tmp_path / "implicit").iterdir())) == 1
