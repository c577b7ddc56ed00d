"""The pictures of requests: out of the body or a bucket, checked by their headers, and only then decoded.

What is refused here, and in which words, is as Rekognition does it; the number of pixels is our own limit
(`edge.pictures.MAX_PIXELS`), for a picture of 10,000 pixels a side takes 300 MB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edge import pictures
from edge.api import faults
from edge.errors import InputError
from edge.values import Image

FORMATS = ("JPEG", "PNG")
MOST_STORED = 15 << 20  # bytes of an object in a bucket


@dataclass(frozen=True, slots=True)
class Picture:
    """uint8 [H,W,3] BGR, upright, and the bytes that it was."""

    image: Image
    data: bytes

    @property
    def sha(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operation takes: bytes sent with the request, and pixels of either side."""

    sent: int = 5 << 20
    least: int = 80
    most: int = 10_000


ORDINARY = Limits()


class Stored(Protocol):
    """Where the objects of requests lie: `edge.api.buckets.Buckets`."""

    def read(self, bucket: str, key: str, most: int) -> bytes: ...


class Images:
    def __init__(self, buckets: Stored) -> None:
        self._buckets = buckets

    def read(self, image: Mapping[str, Any], limits: Limits = ORDINARY) -> Picture:
        """The picture of a decoded Image member; raises Fault."""
        data = self._data(image, limits)
        check(data, limits)
        try:
            return Picture(pictures.read(data), data)
        except InputError as error:
            raise faults.invalid_image_format() from error

    def _data(self, image: Mapping[str, Any], limits: Limits) -> bytes:
        sent, stored = image.get("Bytes"), image.get("S3Object")
        if (sent is None) == (stored is None):
            raise faults.invalid_parameter()
        if stored is not None:
            return self._object(stored)
        data = bytes(sent or b"")
        if len(data) > limits.sent:
            raise faults.image_too_large()
        return data

    def _object(self, stored: Mapping[str, Any]) -> bytes:
        bucket, key = stored.get("Bucket"), stored.get("Name")
        if not bucket or not key:
            raise faults.invalid_parameter()
        if stored.get("Version") is not None:  # no bucket here keeps versions
            raise faults.invalid_s3_object()
        return self._buckets.read(bucket, key, MOST_STORED)


def check(data: bytes, limits: Limits) -> None:
    """Raise Fault unless these bytes begin as a picture that may be decoded."""
    header = pictures.header(data)
    if header is None or header.format not in FORMATS or not min(header.width, header.height):
        raise faults.invalid_image_format()
    if max(header.width, header.height) > limits.most:
        raise faults.image_dimensions_too_large(header.width, header.height, limits.most)
    if header.width * header.height > pictures.MAX_PIXELS:
        raise faults.image_too_large()
    if min(header.width, header.height) < limits.least:
        raise faults.invalid_parameter()
