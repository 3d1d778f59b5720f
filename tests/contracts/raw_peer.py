"""A DICOM sender that speaks the upper layer protocol by itself (PS3.8 9.3): what it sends is known to the byte."""

import contextlib
import io
import socket
import struct
from types import TracebackType
from typing import Self

import pydicom
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


class RawPeer:
    """One association, for one pair of SOP Class and transfer syntax, over a plain socket."""

    def __init__(
        self,
        port: int,
        sop_class: str,
        syntax: str,
        *,
        calling: str = "RAW",
        called: str = "MEDARCHIVE",
        limit: int = 0,
    ) -> None:
        """Associate; ``accepted`` says what came of it. ``limit`` is for the PDVs we send, 0: as the node wants."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = struct.pack(">B3x", 1) + _item(0x30, sop_class.encode()) + _item(0x40, syntax.encode())
        user = _item(0x51, struct.pack(">I", 1 << 16)) + _item(0x52, b"2.25.1")
        items = _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, context) + _item(0x50, user)
        head = struct.pack(">Hxx16s16s32x", 1, called.ljust(16).encode(), calling.ljust(16).encode())
        self._send(0x01, head + items)
        kind, body = self._receive()
        self.rejection = tuple(body[1:4]) if kind == 0x03 else None
        self.accepted = kind == 0x02 and body[body.index(b"\x21\x00") + 6] == 0
        self._limit = limit or 16000

    def store(self, sop_class: str, sop_instance: str, dataset: bytes, message: int = 1) -> Dataset:
        """C-STORE of exactly these bytes; the response's command set."""
        for body in self.request(sop_class, sop_instance, dataset, message):
            self._send(0x04, body)
        return self._response()

    def request(self, sop_class: str, sop_instance: str, dataset: bytes, message: int = 1) -> list[bytes]:
        """The P-DATA PDUs of a C-STORE request, without their heads: the command, then the data set in pieces."""
        command = Dataset()
        command.AffectedSOPClassUID, command.AffectedSOPInstanceUID = sop_class, sop_instance
        command.CommandField, command.MessageID, command.Priority, command.CommandDataSetType = 0x0001, message, 0, 1
        body = encode(command, True, True)
        assert body is not None
        length = Dataset()
        length.CommandGroupLength = len(body)
        encoded = (encode(length, True, True) or b"") + body
        pieces = [(3, encoded)]
        pieces += [(0, dataset[at : at + self._limit]) for at in range(0, len(dataset), self._limit)] or [(0, b"")]
        last = pieces[-1]
        pieces[-1] = (2, last[1])
        return [struct.pack(">IBB", len(piece) + 2, 1, flags) + piece for flags, piece in pieces]

    def _response(self) -> Dataset:
        command = b""
        while True:
            kind, body = self._receive()
            if kind != 0x04:
                raise ConnectionError(f"PDU of type {kind:02X} instead of a response")
            position = 0
            while position < len(body):
                length, _, flags = struct.unpack_from(">IBB", body, position)
                command += body[position + 6 : position + 4 + length]
                position += 4 + length
                if flags & 2:
                    response: Dataset = decode(io.BytesIO(command), True, True)
                    return response

    def _send(self, kind: int, body: bytes) -> None:
        self._socket.sendall(struct.pack(">BxI", kind, len(body)) + body)

    def _receive(self) -> tuple[int, bytes]:
        head = self._exactly(6)
        return head[0], self._exactly(struct.unpack(">I", head[2:])[0])

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self._socket.recv(length - len(data))
            if not piece:
                raise ConnectionError("the node closed the connection")
            data += piece
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, ConnectionError):
            if self.accepted and kind is None:
                self._send(0x05, bytes(4))
                self._receive()
        self._socket.close()


def dataset_of(part10: bytes) -> tuple[str, str, str, bytes]:
    """SOP Class, SOP Instance, transfer syntax, and the data set's bytes, of a Part 10 file."""
    header = pydicom.dcmread(io.BytesIO(part10), stop_before_pixels=True)
    offset = 144 + header.file_meta.FileMetaInformationGroupLength
    syntax = str(header.file_meta.TransferSyntaxUID)
    return str(header.SOPClassUID), str(header.SOPInstanceUID), syntax, part10[offset:]
