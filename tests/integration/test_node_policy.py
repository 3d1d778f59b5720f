"""A rule for one sender, by DCMTK's tools: what was derived is found, and comes over the network as it is kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom

from contracts.policies import HU, NEAR, apply, scanned, slices, work
from integration.test_node_dcmtk import digest_of_dataset, run
from medarchive.archive.archive import Archive
from medarchive.dicom_node.node import Node
from medarchive.policy import Rule


def test_what_one_sender_sends_is_derived_and_retrieved(node: Node, archive: Archive, tmp_path: Path) -> None:
    archive.settings = replace(archive.settings, policy=(replace(NEAR, ae_title=("CT1",)),), codecs=("zstd-planes",))
    others = slices(1, "1.2.3.1.77")
    for title, objects in {"CT1": slices(), "CT2": others}.items():
        for uid, data in objects.items():
            file = tmp_path / f"{uid}.dcm"
            file.write_bytes(data)
            run(node, "storescu", "-aet", title, files=(file,))
    work(archive)
    assert apply(archive) == 3
    listed = run(node, "findscu", "-S", "-k", "QueryRetrieveLevel=IMAGE", "-k", "SOPInstanceUID", "-k", "ImageType")
    assert listed.count("(Pending)") == 4
    assert not [uid for uid in slices() if f"[{uid}]" in listed]
    for source in slices():
        record = archive.instance(archive.derivations(source)[0].derived_uid)
        assert record.uid in listed
        out = tmp_path / record.uid
        out.mkdir()
        keys: tuple[str, ...] = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"SOPInstanceUID={record.uid}")
        keys += ("-k", f"StudyInstanceUID={record.study_uid}", "-k", f"SeriesInstanceUID={record.series_uid}")
        run(node, "getscu", "+B", "-S", "+xe", "-od", str(out), *keys)
        (file,) = out.iterdir()
        assert digest_of_dataset(file.read_bytes()) == record.dataset_sha256
        assert pydicom.dcmread(file).SourceImageSequence[0].ReferencedSOPInstanceUID == source
    assert archive.instance(next(iter(others))).source == "CT2"


def test_a_quality_for_one_sender_decodes_to_the_same_pixels_over_the_network(
    node: Node, archive: Archive, tmp_path: Path
) -> None:
    rule = Rule("quality", ae_title=("US1",), quality=72.5, keep_original=True)
    archive.settings = replace(archive.settings, policy=(rule,), codecs=("zstd-planes",))
    file = tmp_path / "sent.dcm"
    file.write_bytes(scanned(**HU, BodyPartExamined="CHEST"))
    run(node, "storescu", "-aet", "US1", files=(file,))
    work(archive)
    assert apply(archive) == 1
    (link,) = archive.derivations("1.5.1")
    record = archive.instance(link.derived_uid)
    out = tmp_path / "back"
    out.mkdir()
    keys: tuple[str, ...] = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"SOPInstanceUID={record.uid}")
    keys += ("-k", f"StudyInstanceUID={record.study_uid}", "-k", f"SeriesInstanceUID={record.series_uid}")
    run(node, "getscu", "+B", "-S", "+xe", "-od", str(out), *keys)
    (got,) = out.iterdir()
    ds = pydicom.dcmread(got)
    assert ds.LossyImageCompressionMethod == "MEDARCHIVE_LOSSY"
    assert np.array_equal(ds.pixel_array, archive.frame(record.uid).pixels[0, :, :, 0])
    error = np.abs(ds.pixel_array.astype(int) - pydicom.dcmread(file).pixel_array.astype(int)).max()
    assert json.loads(link.report)["max_error"] == error > 0
    assert archive.instance("1.5.1").uid == "1.5.1"
