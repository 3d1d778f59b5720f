"""Files: instances as they were received, rebuilt and compared with their hash; small ones stay for a while."""

import io
from typing import BinaryIO

from medarchive.archive.catalog import InstanceRecord
from medarchive.archive.decoded import Decoded
from medarchive.archive.recent import Recent
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

    def __init__(self, decoded: Decoded, staging: Staging, max_memory: int) -> None:
        """Begin with none.

        Args:
            decoded: where frames come from.
            staging: where files go that are too large for memory.
            max_memory: bytes up to which a file is rebuilt in memory.
        """
        self._decoded = decoded
        self._staging = staging
        self._max_memory = max_memory
        self._recent: Recent[str, bytes] = Recent(_MOST_BYTES, len)

    def opened(self, record: InstanceRecord) -> BinaryIO:
        """An instance's file, seekable, from its start. The caller closes it.

        Raises:
            BlobMissing, BlobCorrupt: see ``rebuild``.
        """
        known = self._recent.get(record.sha256) if record.shared else None
        if known is not None:
            return io.BytesIO(known)
        with Spool(self._staging, self._max_memory) as spool:
            rebuild(self._decoded, record, spool)
            file = spool.finished()
        if record.shared and record.size <= _MOST_FILE and isinstance(file, io.BytesIO):
            self._recent.keep(record.sha256, file.getvalue())
        return file
