"""The four shapes of the protocol buffer wire format, for writing."""

from __future__ import annotations

import struct


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first; negative numbers as their 64-bit two's complement."""
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def integer(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def block(field: int, content: bytes) -> bytes:
    """A string, bytes or a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def real(field: int, number: float) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<f", number)
