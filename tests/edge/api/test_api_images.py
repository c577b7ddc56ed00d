"""Pictures of requests: what Rekognition takes is read, all else is refused as it refuses, before it is decoded."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import pictures
from edge.api.faults import Fault
from edge.api.images import MOST_STORED, Images, Limits

RED, BLUE = (0, 0, 255), (255, 0, 0)


def encode(suffix: str, width: int = 160, height: int = 90) -> bytes:
    """Blue on the left, red on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = BLUE, RED
    return cv2.imencode(suffix, image)[1].tobytes()


def on_its_side(jpeg: bytes) -> bytes:
    """With the EXIF orientation of a camera that was turned: its rows are columns."""
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0) + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def claiming(width: int, height: int) -> bytes:
    """A small PNG that says it is so large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


class Shelf:
    """A bucket of one object, that remembers what it was asked for."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.asked: list[tuple[str, str, int]] = []

    def read(self, bucket: str, key: str, most: int) -> bytes:
        self.asked.append((bucket, key, most))
        return self.data


def refusal(image: dict[str, Any], limits: Limits | None = None) -> tuple[str, str]:
    with pytest.raises(Fault) as told:
        Images(Shelf()).read(image, *([limits] if limits else []))
    assert told.value.status == 400
    return told.value.code, told.value.message


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_in_the_request(suffix: str) -> None:
    data = encode(suffix)
    picture = Images(Shelf()).read({"Bytes": data})
    assert picture.image.shape == (90, 160, 3)
    assert picture.image[45, 20, 0] > 200, "blue comes first"
    assert picture.data == data
    assert len(picture.sha) == 64


def test_a_picture_in_a_bucket() -> None:
    shelf = Shelf(encode(".jpg"))
    picture = Images(shelf).read({"S3Object": {"Bucket": "photos", "Name": "a/b.jpg"}})
    assert picture.image.shape == (90, 160, 3)
    assert shelf.asked == [("photos", "a/b.jpg", MOST_STORED)]


def test_a_picture_is_set_upright() -> None:
    picture = Images(Shelf()).read({"Bytes": on_its_side(encode(".jpg"))})
    assert picture.image.shape == (160, 90, 3)


@pytest.mark.parametrize(
    "image",
    [
        {},
        {"Bytes": encode(".jpg"), "S3Object": {"Bucket": "photos", "Name": "a.jpg"}},
        {"S3Object": {}},
        {"S3Object": {"Bucket": "photos"}},
        {"Bytes": encode(".jpg", 79, 200)},
        {"Bytes": encode(".png", 200, 79)},
    ],
)
def test_neither_or_both_or_half_or_small_are_invalid_parameters(image: dict[str, Any]) -> None:
    assert refusal(image) == ("InvalidParameterException", "Request has invalid parameters")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        encode(".webp"),
        encode(".bmp"),
        encode(".jpg")[:-600],
        encode(".png")[:60],
        claiming(0, 100),
        b"GIF89a\xa0\x00\xa0\x00",
        b"II*\0",
    ],
)
def test_what_is_no_sound_jpeg_or_png_has_an_invalid_format(data: bytes) -> None:
    assert refusal({"Bytes": data}) == ("InvalidImageFormatException", "Request has invalid image format")


def test_a_side_of_too_many_pixels_is_told_letter_for_letter() -> None:
    assert refusal({"Bytes": claiming(10800, 5400)}) == (
        "ImageTooLargeException",
        "Input image dimensions 10800 x 5400 exceed maximum dimension size of 10000 pixels",
    )


def test_too_many_pixels_or_bytes_are_too_large_and_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "read", lambda _: pytest.fail("it was decoded"))
    too_large = ("ImageTooLargeException", "Image size is too large")
    assert refusal({"Bytes": claiming(9000, 9000)}) == too_large
    assert refusal({"Bytes": encode(".png")}, Limits(sent=100)) == too_large


def test_an_operation_may_have_limits_of_its_own() -> None:
    limits = Limits(sent=1 << 20, least=64, most=170)
    assert Images(Shelf()).read({"Bytes": encode(".png", 160, 64)}, limits).image.shape == (64, 160, 3)
    assert refusal({"Bytes": encode(".png", 171, 80)}, limits)[1].endswith("dimension size of 170 pixels")


def test_no_bucket_keeps_versions() -> None:
    code, message = refusal({"S3Object": {"Bucket": "photos", "Name": "a.jpg", "Version": "1"}})
    assert code == "InvalidS3ObjectException"
    assert message == ("Unable to get object metadata from S3. Check object key, region and/or access permissions.")


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", encode(".jpg")[:400]]))
def test_any_bytes_are_a_picture_or_refused(tail: bytes, head: bytes) -> None:
    with suppress(Fault):
        Images(Shelf()).read({"Bytes": head + tail})
