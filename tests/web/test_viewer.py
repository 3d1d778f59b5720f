"""The viewer's arithmetic: modules that need no page, run by Node.js where there is one."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
VIEWER = files("medarchive.web") / "static" / "web" / "viewer"
LOOK = {"slope": 1, "intercept": 0, "unit": "", "window": [2, 4, "LINEAR_EXACT"], "padding": None, "tables": True}
RANGE = {"low": 0, "high": 4, "least": 0, "greatest": 4}


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run some lines with the exports of a module; what ``out`` is at their end comes back."""

    def run(module: str, lines: str, **given: Any) -> Any:
        assert NODE is not None
        (tmp_path / "module.mjs").write_text((VIEWER / module).read_text("utf-8"), "utf-8")
        head = "import * as m from './module.mjs'; let out; "
        head += "".join(f"const {name} = {json.dumps(value)}; " for name, value in given.items())
        (tmp_path / "run.mjs").write_text(f"{head}{lines}; console.log(JSON.stringify(out));", "utf-8")
        ran = subprocess.run([NODE, str(tmp_path / "run.mjs")], capture_output=True, text=True, check=True)
        return json.loads(ran.stdout)

    return run


@pytest.mark.parametrize(
    ("tables", "offered"),
    [
        (None, ["Window of the image", "Automatic", "Full range"]),
        (
            {"modality": {"first": 0, "entries": [1, 2]}, "voi": None},
            ["Window of the image", "Automatic", "Full range"],
        ),
        (
            {"modality": None, "voi": {"first": 0, "entries": [0, 1]}},
            ["Look-up table of the image", "Window of the image", "Automatic", "Full range"],
        ),
    ],
)
def test_a_table_is_on_offer_where_a_voi_lut_is_there(run: Any, tables: Any, offered: list[str]) -> None:
    lines = "out = m.presets(look, tables, false).map(({ name }) => name)"
    assert run("presets.js", lines, look=LOOK, tables=tables) == offered


@pytest.mark.parametrize("inverted", [False, True])
def test_white_is_the_end_of_the_voi_lut_or_of_monochrome1_black(run: Any, inverted: bool) -> None:
    tables = {"modality": {"first": 0, "entries": [10, 11, 12]}, "voi": {"first": 10, "entries": [0, 0.2, 1]}}
    lines = (
        "const image = { data: { buffer: new ArrayBuffer(16) } };"
        "const pixels = { samples: 1, bytes: 1, signed: false, values: new Uint8Array([0, 1, 2, 9]) };"
        "m.paint(image, pixels, look, { kind: 'TABLE' }, inverted, tables);"
        "out = [...new Uint8Array(image.data.buffer)].filter((_, at) => at % 4 === 0)"
    )
    grey = [0, 51, 255, 255]
    found = run("lut.js", lines, look=LOOK, tables=tables, inverted=inverted)
    assert found == ([255 - each for each in grey] if inverted else grey)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("sideways", [True, False])
def test_a_flip_is_that_of_the_screen_however_the_image_is_turned(run: Any, turns: int, sideways: bool) -> None:
    lines = "const c = new m.Camera(); c.turns = turns; c.flip(sideways); out = [c.flipped, c.flipX]"
    flipped, across = run("camera.js", lines, turns=turns, sideways=sideways)
    assert flipped == [sideways, not sideways]
    assert across is (sideways == (turns % 2 == 0))
