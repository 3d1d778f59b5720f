"""Every file that pydicom ships, under a policy that asks for loss everywhere: derived or refused, never touched."""

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from contracts.objects import SHIPPED
from contracts.policies import NEAR, apply, settings_of, work
from medarchive.archive.archive import Archive
from medarchive.archive.instances import everything
from medarchive.errors import MedarchiveError
from medarchive.policy import Rule

LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91")
NEARLY = replace(NEAR, modality=(), max_error=1, keep_original=True)
COARSELY = Rule("quality", quality=50, keep_original=True)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about its own odd files
@pytest.mark.parametrize("rule", [NEARLY, COARSELY], ids=lambda rule: rule.what)
def test_every_file_is_derived_or_refused(tmp_path: Path, rule: Rule) -> None:
    with Archive.open(settings_of(tmp_path, rule)) as archive:
        kept: dict[str, bytes] = {}
        for path in sorted(SHIPPED.rglob("*.dcm")):
            data = path.read_bytes()
            try:
                stored = archive.store(io.BytesIO(data))
            except MedarchiveError:
                continue
            kept.setdefault(stored.uid, data)
        work(archive)
        prospects = {each.series_uid: each for each in archive.policy().all()}
        assert all(each.refusals or each.outcome == "derive" for each in prospects.values())
        apply(archive)
        derived = [record for record in everything(archive.catalog) if record.uid not in kept]
        originals = {record.uid: record for record in everything(archive.catalog) if record.uid in kept}
        assert len(originals) == len(kept)
        for uid, data in kept.items():
            assert archive.load(uid).read() == data
        assert len(derived) >= 2
        for record in derived:
            (link,) = archive.derivations(record.uid)
            original = originals[link.source_uid]
            assert original.modality not in ("MG", "PT", "NM", "SEG", "SR", "RTDOSE", "RTPLAN")
            assert original.transfer_syntax not in LOSSY
            assert record.max_error == rule.max_error
            off = _off(archive, link.source_uid, record.uid)
            assert 0 < off == json.loads(link.report)["max_error"]
            assert rule.action == "quality" or off <= rule.max_error
        assert list(archive.check(read_data=True)) == []


def _off(archive: Archive, original: str, derived: str) -> int:
    """The largest difference of two instances' pixels."""
    before, after = archive.frame(original).pixels.astype(int), archive.frame(derived).pixels.astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pydicom.dcmread(archive.load(derived)).LossyImageCompression == "01"
    return int(np.abs(before - after).max())
