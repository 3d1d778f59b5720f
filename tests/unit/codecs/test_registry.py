import subprocess
import sys

import pytest

from medarchive.codecs import registry
from medarchive.errors import UnknownCodec


def test_every_codec_is_there_under_its_own_name() -> None:
    for name in registry.names():
        assert registry.get(name).name == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownCodec, match="jpegxl"):
        registry.get("gif")


def test_a_missing_package_is_listed_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "medarchive.codecs.jpegxl", None)
    found = {info.name: info for info in registry.describe()}
    assert not found["jpegxl"].available
    assert "install" in found["jpegxl"].trouble
    assert found["zstd-planes"].available


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, medarchive, medarchive.codecs.registry as registry; registry.names(); "
        "sys.exit('imagecodecs' in sys.modules or 'zstandard' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
