"""The one decoder of still pictures: any bytes in, upright 8-bit BGR out, or an InputError that says why.

Pictures come from strangers, so the size is read from the header before anything is decoded: a file of
a few kilobytes may claim gigapixels. Only formats whose header is read here reach OpenCV; TIFF does not,
because one tile of it can claim a gigabyte whatever the picture's own size is.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.errors import InputError, MissingError, StorageError
from edge.hush import hushed
from edge.values import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif"})
MAX_PIXELS = 64_000_000
MAX_BYTES = 256 << 20
# A progressive JPEG is decoded once a scan: a small file with thousands of scans burns minutes.
MAX_SCANNED = 16 * MAX_PIXELS

# What OpenCV would log, the exception says too. Version 4 (picamera2 holds numpy to 1, and so OpenCV to 4) and
# version 5 keep this in two places; 0 is silent in both.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF markers
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_PNG = b"\x89PNG\r\n\x1a\n"


class Header(NamedTuple):
    """What a picture says about itself."""

    format: str
    width: int
    height: int


def read(source: Path | bytes) -> Image:
    """Decode a file or its bytes: EXIF orientation applied; grey, 16 bit, CMYK and palettes become 8-bit BGR.

    Transparency is dropped; of an animation the first frame is taken. Raises MissingError or InputError.
    """
    if isinstance(source, Path):
        return _decode(_bytes(source), str(source))
    return _decode(source, "picture")


def is_named_so(path: Path) -> bool:
    """Whether a file of a folder is called as pictures are.

    What begins with a dot is a system's own: macOS leaves a `._photo.jpg` beside each photo.
    """
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def inside(folder: Path) -> list[Path]:
    """The files of a folder that are called as pictures are, by name; raises InputError if there is none."""
    try:
        found = sorted(file for file in folder.iterdir() if is_named_so(file) and file.is_file())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{folder}: {reason}; name a folder that this user may look into") from error
    if not found:
        raise InputError(f"{folder}: no picture in this folder; pictures end in {', '.join(sorted(SUFFIXES))}")
    return found


def write(path: Path, image: Image) -> None:
    """Encode as the file's ending says and save; its folder is made. Raises StorageError."""
    _, data = cv2.imencode(path.suffix, image)
    save(path, data.tobytes())


def save(path: Path, data: bytes) -> None:
    """Raises StorageError naming the file and why it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def header(data: bytes) -> Header | None:
    """Format, width and height as stored (before EXIF rotation), or None if this is no picture we know."""
    for magic, offset, parse in _FORMATS:
        if data[offset : offset + len(magic)] == magic:
            try:
                return parse(data)
            except (struct.error, IndexError):
                return None
    return None


def _bytes(path: Path) -> bytes:
    try:
        if not path.exists():
            raise MissingError(f"{path}: no such file; check the path")
        if not path.is_file():
            raise InputError(f"{path}: not a file; name a JPEG, PNG, WebP, BMP or GIF picture")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB; make the picture smaller")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InputError(f"{path}: {reason}; check the file's path and permissions") from error


def _decode(data: bytes, place: str) -> Image:
    found = header(data)
    if found is None:
        raise InputError(f"{place}: not a picture that can be read; save it as JPEG, PNG, WebP, BMP or GIF")
    pixels = found.width * found.height
    if pixels > MAX_PIXELS:
        raise InputError(
            f"{place}: {found.width} x {found.height} pixels are too many; "
            f"make it smaller than {MAX_PIXELS // 1_000_000} megapixels"
        )
    damaged = f"{place}: the {found.format} data is damaged or cut off; copy or export the picture again"
    if found.format == "JPEG" and (data.rfind(_END) < 0 or data.count(_SCAN) * pixels > MAX_SCANNED):
        raise InputError(damaged)
    if found.format == "PNG" and not _whole(data):
        raise InputError(damaged)
    try:
        with hushed():
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(damaged) from error
    if image is None or not image.size:
        raise InputError(damaged)
    return image  # type: ignore[return-value]  # cv2 types it wider than uint8


def _whole(data: bytes) -> bool:
    """Whether each chunk of a PNG ends within it: OpenCV takes as much memory as a chunk says it is long."""
    at, kind = len(_PNG), b""
    while kind != b"IEND" and at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += length + 12
    return at <= len(data)


def _jpeg(data: bytes) -> Header | None:
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        while data[at] == 0xFF:
            at += 1
        marker, at = data[at], at + 1
        if marker == _SCAN[1]:
            return None
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return Header("JPEG", width, height)
        if marker and marker not in _ALONE:
            at += struct.unpack_from(">H", data, at)[0]
    return None


def _png(data: bytes) -> Header | None:
    return Header("PNG", *struct.unpack_from(">II", data, 16)) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Header | None:
    return Header("GIF", *struct.unpack_from("<HH", data, 6))


def _bmp(data: bytes) -> Header | None:
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height))  # a negative height means top row first


def _webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return Header("WebP", *(1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27)))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WebP", width & 0x3FFF, height & 0x3FFF)
    return None


_FORMATS = (
    (b"\xff\xd8\xff", 0, _jpeg),
    (_PNG, 0, _png),
    (b"GIF87a", 0, _gif),
    (b"GIF89a", 0, _gif),
    (b"BM", 0, _bmp),
    (b"WEBP", 8, _webp),
)
