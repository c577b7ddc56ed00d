"""Pictures for requests: small photos in all the ways that JPEG and PNG have, and such as are broken or lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from hypothesis import strategies as st

from edge.values import Image

SIDE = 320  # pixels of the longer side of a photo: a face in it is found, and soon
NAMES = ("astronaut.png", "grace_hopper.jpg", "chelsea.png", "sample1.jpg")
JPEG, PNG = ".jpg", ".png"
WORDS = "Ring twice"


def strategy(photos: Sequence[Path]) -> st.SearchStrategy[bytes]:
    """Mostly such as can be read."""
    good, odd = list(_good(photos)), list(_odd())
    return st.integers(0, 9).flatmap(
        lambda kind: st.sampled_from(good) if kind < 6 else st.sampled_from(odd) if kind < 7 else _damaged(good)
    )


@cache
def largest() -> bytes:
    """A few kilobytes that are as many pixels as any picture may have."""
    return _png(8000, 8000, _rows(8000, 8000))


def _good(photos: Sequence[Path]) -> Iterator[bytes]:
    for photo in photos:
        image = _smaller(cv2.imread(str(photo)))  # type: ignore[arg-type]
        yield _encoded(JPEG, image)
        yield _encoded(JPEG, image, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
        yield _turned(_encoded(JPEG, cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)))  # type: ignore[arg-type]
        yield _encoded(PNG, image)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    yield _encoded(JPEG, grey)  # type: ignore[arg-type]
    yield _encoded(PNG, grey.astype(np.uint16) * 257)  # type: ignore[arg-type]
    yield _encoded(PNG, np.dstack([image, grey]))
    sign = np.full((90, 300, 3), 230, np.uint8)
    cv2.putText(sign, WORDS, (15, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20, 20, 20), 3)
    yield _encoded(PNG, sign)
    yield _encoded(PNG, np.zeros((80, 80, 3), np.uint8))


def _odd() -> Iterator[bytes]:
    """What no photo is like: empty, tiny, thin, vast, or of another kind than may be sent."""
    yield from (b"\0", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a\1\0\1\0", b"%PDF-1.7", b"<svg/>")
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    yield from (_encoded(suffix, noise) for suffix in (".webp", ".bmp", ".tiff", ".gif"))
    for height, width in ((1, 1), (79, 79), (80, 4000), (4000, 80), (80, 10_001)):
        yield _encoded(PNG, np.zeros((height, width), np.uint8))
    yield _png(60_000, 60_000, b"")
    yield _png(0, 80, b"")
    yield _png(300, 300, _rows(300, 20))


@st.composite
def _damaged(draw: st.DrawFn, good: Sequence[bytes]) -> bytes:
    """Cut off, or with some bytes another."""
    data = bytearray(draw(st.sampled_from(good)))
    if draw(st.booleans()):
        return bytes(data[: draw(st.integers(1, len(data)))])
    head = draw(st.booleans())  # where damage does most
    for place, byte in draw(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 255)), min_size=1, max_size=8)):
        data[place % (min(len(data), 700) if head else len(data))] = byte
    return bytes(data)


def _smaller(image: Image) -> Image:
    scale = SIDE / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _encoded(suffix: str, image: Image, *how: int) -> bytes:
    return cv2.imencode(suffix, image, how)[1].tobytes()


def _turned(jpeg: bytes) -> bytes:
    """The same with a word of EXIF that it is to be turned."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 8, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def _png(width: int, height: int, pixels: bytes) -> bytes:
    """Of 8 bits of grey."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _rows(width: int, height: int) -> bytes:
    return zlib.compress(bytes((width + 1) * height), 9)
