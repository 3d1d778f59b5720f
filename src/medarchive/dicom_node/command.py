"""Request: the command sets of C-STORE, read and answered without a detour (PS3.7 9.3.1, PS3.8 9.3.5)."""

import struct
from dataclasses import dataclass

from medarchive.dicom_node.inbox import P_DATA

__all__ = ["COMMAND", "LAST", "Request"]

COMMAND, LAST = 0x01, 0x02
"""Bits of a presentation data value's control header (PS3.8 E.2)."""
_C_STORE_RQ = 0x0001
_NO_DATA_SET = 0x0101


@dataclass(frozen=True, slots=True)
class Request:
    """A C-STORE request's command set (PS3.7 9.3.1.1)."""

    context_id: int
    message_id: int
    sop_class: str
    sop_instance: str
    has_data_set: bool

    @classmethod
    def read(cls, context_id: int, command: bytes) -> "Request | None":
        """The request in an encoded command set, None where it is another message. Implicit VR LE (PS3.7 6.3.1)."""
        values: dict[int, bytes] = {}
        position = 0
        while position + 8 <= len(command):
            group, element, length = struct.unpack_from("<HHI", command, position)
            values[group << 16 | element] = command[position + 8 : position + 8 + length]
            position += 8 + length

        def number(tag: int) -> int:
            return int.from_bytes(values.get(tag, b"")[:2], "little")

        def uid(tag: int) -> str:
            return values.get(tag, b"").decode("latin-1").strip(" \0")

        if number(0x00000100) != _C_STORE_RQ:
            return None
        has_data_set = number(0x00000800) != _NO_DATA_SET
        return cls(context_id, number(0x00000110), uid(0x00000002), uid(0x00001000), has_data_set)

    def response(self, status: int, comment: str) -> bytes:
        """The PDU of the C-STORE response (PS3.7 9.3.1.2)."""
        body = b"".join(
            (
                _element(0x0002, _even(self.sop_class, "\0")),
                _element(0x0100, b"\x01\x80"),
                _element(0x0120, struct.pack("<H", self.message_id)),
                _element(0x0800, struct.pack("<H", _NO_DATA_SET)),
                _element(0x0900, struct.pack("<H", status)),
                _element(0x0902, _even(comment, " ")) if comment else b"",
                _element(0x1000, _even(self.sop_instance, "\0")),
            )
        )
        command = _element(0x0000, struct.pack("<I", len(body))) + body
        value = struct.pack(">IBB", len(command) + 2, self.context_id, COMMAND | LAST) + command
        return struct.pack(">BxI", P_DATA, len(value)) + value


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


def _even(text: str, padding: str) -> bytes:
    data = text.encode("latin-1", "replace")
    return data + padding.encode() * (len(data) % 2)
