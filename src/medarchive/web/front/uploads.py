"""Uploads: the files of a form, on the archive's own file system while they are looked at."""

import io
import os
import tempfile
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from medarchive.archive.seekable import Seekable
from medarchive.web import here

__all__ = ["Uploads"]

_BUFFER = 1 << 17


class _Shared:
    """A file without a name that several readers have parts of; gone with the last of them."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(dir=here.archive().incoming()) as file:
            self.number = os.dup(file.fileno())

    def __del__(self) -> None:
        os.close(self.number)


class _Part(Seekable):
    """A part of a shared file, as a file."""

    def __init__(self, shared: _Shared, start: int, size: int) -> None:
        super().__init__(size)
        self._shared, self._start = shared, start

    def read_at(self, position: int, count: int) -> bytes:
        return os.pread(self._shared.number, count, self._start + position)


class Uploads(FileUploadHandler):
    """Puts all files of a form into one, one behind the other, so that a thousand files need no thousand handles.

    A stranger's files are not looked at: forms for everybody have none.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._shared: _Shared | None = None
        self._start = self._end = 0

    def new_file(self, *arguments: Any, **named: Any) -> None:
        """A file begins."""
        super().new_file(*arguments, **named)
        if not self.request.user.is_authenticated:
            raise StopUpload(connection_reset=True)  # what follows is not read
        if self._shared is None:
            self._shared = _Shared()
        self._start = self._end

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002  # Django's signature
        """Some of it has come."""
        assert self._shared is not None
        left = memoryview(raw_data)
        while left:
            left = left[os.write(self._shared.number, left) :]
        self._end += len(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        """All of it has."""
        assert self._shared is not None
        part = io.BufferedReader(_Part(self._shared, self._start, file_size), _BUFFER)
        return UploadedFile(part, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra)
