"""Files: instances as they were received, rebuilt and compared with their hash; small ones stay for a while."""

import io
import threading
from collections import OrderedDict
from typing import BinaryIO

from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.decoded import Decoded
from medarchive.archive.retrieve import rebuild
from medarchive.archive.spool import Spool
from medarchive.archive.staging import Staging

__all__ = ["Files"]

_MOST_BYTES = 128 << 20
_MOST_FILE = 4 << 20


class Files:
    """Opens instances' files. Any thread may ask.

    Files of slices that share a group stay in memory: a series is often fetched by several, one after the other.
    """

    def __init__(self, decoded: Decoded, staging: Staging, max_memory: int, most_bytes: int = _MOST_BYTES) -> None:
        """Begin with none.

        Args:
            decoded: where frames come from.
            staging: where files go that are too large for memory.
            max_memory: bytes up to which a file is rebuilt in memory.
            most_bytes: of files that stay.
        """
        self._decoded = decoded
        self._staging = staging
        self._max_memory = max_memory
        self._most = most_bytes
        self._guard = threading.Lock()
        self._stay: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def opened(self, record: InstanceRecord) -> BinaryIO:
        """An instance's file, seekable, from its start. The caller closes it.

        Raises:
            BlobMissing, BlobCorrupt: see ``rebuild``.
        """
        known = self._find(record.sha256) if record.shared else None
        if known is not None:
            return known
        with Spool(self._staging, self._max_memory) as spool:
            rebuild(self._decoded, record, spool)
            file = spool.finished()
        if record.shared and record.size <= _MOST_FILE and isinstance(file, io.BytesIO):
            self._keep(record.sha256, file.getvalue())
        return file

    def _find(self, sha256: str) -> BinaryIO | None:
        with self._guard:
            data = self._stay.get(sha256)
            if data is None:
                return None
            self._stay.move_to_end(sha256)
        return io.BytesIO(data)

    def _keep(self, sha256: str, data: bytes) -> None:
        with self._guard:
            if sha256 not in self._stay:
                self._stay[sha256] = data
                self._bytes += len(data)
            while self._bytes > self._most:
                self._bytes -= len(self._stay.popitem(last=False)[1])
