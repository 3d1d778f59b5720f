"""ZIP archives: what is in them comes out, and bombs do not go off."""

import io
import struct
import tracemalloc
import zipfile
from typing import Any

import pytest

from medarchive.errors import CorruptStream, LimitExceeded, MedarchiveError
from medarchive.web.intake.zips import Limits, entries


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    out.seek(0)
    return out


def unpacked(archive: io.BytesIO, **limits: Any) -> dict[str, bytes]:
    found = {}
    for entry in entries(archive, Limits(**limits)):
        out = io.BytesIO()
        entry.write_to(out)
        found[entry.name] = out.getvalue()
    return found


def test_files_come_out_by_their_last_names() -> None:
    archive = zipped(
        {"a/one.dcm": b"1" * 10, "../../etc/passwd": b"2", "C:\\x\\two": b"3", "__MACOSX/._one": b"4", "a/": b""}
    )
    assert unpacked(archive) == {"one.dcm": b"1" * 10, "passwd": b"2", "two": b"3"}


def test_a_file_that_unpacks_to_too_much_is_refused_and_the_memory_stays_small() -> None:
    archive = zipped({"bomb": bytes(200 << 20)})
    (entry,) = entries(archive, Limits())
    tracemalloc.start()

    class Nowhere(io.RawIOBase):
        size = 0

        def write(self, data: Any) -> int:
            self.size += len(data)
            return len(data)

    sink = Nowhere()
    with pytest.raises(LimitExceeded, match="200 times"):
        entry.write_to(sink)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sink.size <= (64 << 20)
    assert peak < 8 << 20


def test_a_file_may_not_be_larger_than_an_object_may() -> None:
    with pytest.raises(LimitExceeded, match="more than 1000 bytes"):
        unpacked(zipped({"large": bytes(2000)}), each=1000)


def test_all_together_may_not_be_more_than_the_total() -> None:
    archive = zipped({f"{number}": bytes(1000) for number in range(10)})
    with pytest.raises(LimitExceeded, match="far more"):
        unpacked(archive, total=3500)


def test_entries_that_share_their_bytes_count_each_time() -> None:
    """As in overlapping bombs: a list of files that all point to the same data."""
    archive = bytearray(zipped({"kernel": bytes(1 << 20)}).getvalue())
    end = archive.rindex(b"PK\x05\x06")
    start = archive.index(b"PK\x01\x02")
    record = bytes(archive[start:end])
    count = 500
    tail = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(record) * count, start, 0)
    bomb = io.BytesIO(bytes(archive[:start]) + record * count + tail)
    with pytest.raises((LimitExceeded, CorruptStream)):
        unpacked(bomb, free=1 << 20)


def test_too_long_a_list_is_refused_before_it_is_read() -> None:
    archive = zipped({f"{number}": b"" for number in range(30)}, zipfile.ZIP_STORED)
    with pytest.raises(LimitExceeded, match="more than 20 files"):
        unpacked(archive, entries=20)
    with pytest.raises(LimitExceeded):
        unpacked(archive, directory=100)


def test_a_list_is_counted_whatever_number_it_claims() -> None:
    archive = bytearray(zipped({f"{number}": b"" for number in range(30)}, zipfile.ZIP_STORED).getvalue())
    struct.pack_into("<HH", archive, archive.rindex(b"PK\x05\x06") + 8, 1, 1)
    with pytest.raises(LimitExceeded, match="more than 20 files"):
        unpacked(io.BytesIO(bytes(archive)), entries=20)


def end64(offset: int, count: int, length: int, start: int) -> bytes:
    """The end of a ZIP64 archive (APPNOTE 4.3.14), and a locator that says where it is (4.3.15)."""
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, length, start)
    return record + b"PK\x06\x07" + struct.pack("<IQI", 0, offset, 1)


def test_a_small_archive_of_zip64_is_read() -> None:
    archive = zipped({"a": b"1"}).getvalue()
    start, end = archive.index(b"PK\x01\x02"), archive.rindex(b"PK\x05\x06")
    assert unpacked(io.BytesIO(archive[:end] + end64(end, 1, end - start, start) + archive[end:])) == {"a": b"1"}


def test_the_list_of_zip64_that_is_measured_is_the_one_that_is_read() -> None:
    archive = zipped({f"{number}": b"" for number in range(30)}).getvalue()
    start, end = archive.index(b"PK\x01\x02"), archive.rindex(b"PK\x05\x06")
    decoy = end64(0, 1, 47, 0)[:56]
    read = end64(start, 30, end - start, start + len(decoy))
    two = archive[:start] + decoy + archive[start:end] + read + archive[end:]
    with pytest.raises(CorruptStream, match="cannot be found"):
        unpacked(io.BytesIO(two), entries=20)


def test_a_list_of_zip64_is_measured_too() -> None:
    archive = zipped({"a": b"1"}).getvalue()
    end = archive.rindex(b"PK\x05\x06")
    with pytest.raises(LimitExceeded):
        unpacked(io.BytesIO(archive[:end] + end64(end, 1 << 40, 1 << 50, 0) + archive[end:]))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_methods_are_refused(method: int) -> None:
    with pytest.raises(CorruptStream, match="deflate"):
        unpacked(zipped({"a": b"1" * 100}, method))


def test_an_encrypted_file_is_refused() -> None:
    archive = bytearray(zipped({"a": b"1" * 100}).getvalue())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(mark) + offset] |= 1
    with pytest.raises(CorruptStream, match="encrypted"):
        unpacked(io.BytesIO(bytes(archive)))


def test_damage_anywhere_is_told_or_makes_no_difference() -> None:
    whole = zipped({"a.dcm": bytes(range(256)) * 20, "b": b"x" * 50}).getvalue()
    for at in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        try:
            found = unpacked(io.BytesIO(bytes(broken)))
        except MedarchiveError:
            continue
        assert bytes(range(256)) * 20 in found.values() or b"x" * 50 in found.values() or not found


@pytest.mark.parametrize("end", [0, 10, 100, -1, -30])
def test_an_archive_that_is_cut_off_is_refused(end: int) -> None:
    whole = zipped({"a": bytes(range(256)) * 20}).getvalue()
    with pytest.raises(CorruptStream):
        unpacked(io.BytesIO(whole[:end]))
