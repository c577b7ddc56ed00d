"""Pictures from strangers: the good ones come out upright in BGR, the others as a sentence."""

from __future__ import annotations

import csv
import os
import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge import pictures
from edge.errors import InputError, MissingError
from edge.values import Image

BAD_INPUT = Path(__file__).parents[2] / "../shared/data/badinput"
FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WebP", ".bmp": "BMP", ".gif": "GIF"}


def encode(suffix: str, image: np.ndarray) -> bytes:
    good, data = cv2.imencode(suffix, image)
    assert good
    return data.tobytes()


def flag() -> Image:
    """Blue on the left, red on the right: its orientation can be told."""
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, :20], image[:, 20:] = (255, 0, 0), (0, 0, 255)
    return image


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_format_is_told_and_read(suffix: str, tmp_path: Path) -> None:
    data = encode(suffix, flag())
    path = tmp_path / f"flag{suffix}"
    path.write_bytes(data)
    assert pictures.header(data) == (FORMATS[suffix], 40, 20)
    for image in (pictures.read(path), pictures.read(data)):
        assert image.shape == (20, 40, 3)
        assert image.dtype == np.uint8
        assert np.abs(image[:, :10].astype(int) - (255, 0, 0)).max() < 20
        assert np.abs(image[:, 30:].astype(int) - (0, 0, 255)).max() < 20


@pytest.mark.parametrize("quality", [cv2.IMWRITE_WEBP_QUALITY])
def test_both_kinds_of_webp_tell_their_size(quality: int) -> None:
    for level in (50, 101):  # above 100, WebP is lossless
        _, data = cv2.imencode(".webp", flag(), [quality, level])
        assert pictures.header(data.tobytes()) == ("WebP", 40, 20)


@pytest.mark.parametrize(
    ("orientation", "shape", "blue_at"),
    [(1, (20, 40), (10, 5)), (3, (20, 40), (10, 35)), (6, (40, 20), (5, 10)), (8, (40, 20), (35, 10))],
)
def test_exif_orientation_is_applied(orientation: int, shape: tuple[int, int], blue_at: tuple[int, int]) -> None:
    image = pictures.read(with_orientation(encode(".jpg", flag()), orientation))
    assert image.shape[:2] == shape
    assert image[blue_at][0] > 200
    assert image[blue_at][2] < 50


def test_grey_sixteen_bit_and_transparent_pictures_become_bgr() -> None:
    grey = np.full((8, 8), 100, np.uint8)
    assert (pictures.read(encode(".png", grey)) == 100).all()
    deep = np.full((8, 8, 3), (100 << 8, 50 << 8, 25 << 8), np.uint16)
    assert (pictures.read(encode(".png", deep)) == (100, 50, 25)).all()
    clear = np.full((8, 8, 4), (10, 20, 30, 40), np.uint8)
    assert (pictures.read(encode(".png", clear)) == (10, 20, 30)).all()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a picture"),
        (b"<svg/>", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "not a picture"),
        (encode(".png", flag())[:-30], "PNG data is damaged or cut off"),
        (encode(".jpg", flag())[:-30], "JPEG data is damaged or cut off"),
        (png_claiming(50_000, 50_000), "50000 x 50000 pixels are too many"),
        (png_claiming(0, 5), "PNG data is damaged"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "door.jpg"
    path.write_bytes(data)
    with pytest.raises(InputError, match=told) as caught:
        pictures.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_jpeg_of_countless_scans_is_not_begun() -> None:
    large = encode(".jpg", np.zeros((4000, 4000, 3), np.uint8))
    with pytest.raises(InputError, match="damaged"):
        pictures.read(large[:-2] + b"\xff\xda" * 100 + large[-2:])


def test_a_png_takes_no_memory_for_what_only_its_chunks_claim_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(".png", flag())
    place = data.index(b"IDAT") - 4
    monkeypatch.delattr(cv2, "imdecode")
    with pytest.raises(InputError, match="damaged"):
        pictures.read(data[:place] + struct.pack(">I", 3 << 30) + data[place + 4 :])


def test_what_follows_the_end_of_a_png_does_no_harm() -> None:
    assert (pictures.read(encode(".png", flag()) + b"more") == flag()).all()


def test_a_missing_file_a_folder_and_a_pipe_are_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        pictures.read(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="not a file"):
        pictures.read(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(InputError, match="not a file"):
        pictures.read(tmp_path / "pipe.jpg")


def test_a_damaged_picture_leaves_the_terminal_clean(capfd: pytest.CaptureFixture[str]) -> None:
    for damaged in (encode(".png", flag())[:-30], png_claiming(50, 50), png_claiming(2**31 - 1, 9)):
        with pytest.raises(InputError):
            pictures.read(damaged)
    jpeg = encode(".jpg", flag())
    pictures.read(jpeg[:-2] + bytes(50) + jpeg[-2:])  # libjpeg calls these extraneous bytes
    assert capfd.readouterr().err == ""


@given(st.binary(max_size=400))
def test_any_bytes_have_a_header_or_none(data: bytes) -> None:
    for magic in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBPVP8L"):
        found = pictures.header(magic + data)
        assert found is None or (found.width >= 0 and found.height >= 0)


@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_a_picture_with_changed_bytes_is_read_or_refused(suffix: str, data: st.DataObject) -> None:
    good = bytearray(encode(suffix, flag()))
    for at in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=5)):
        good[at] = data.draw(st.integers(0, 255))
    try:
        image = pictures.read(bytes(good))
    except InputError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_the_header_tells_the_size_that_is_decoded(image: Image) -> None:
    for suffix in (".jpg", ".png", ".webp", ".bmp"):
        found = pictures.header(encode(suffix, image))
        assert found is not None
        assert (found.height, found.width) == image.shape[:2]


def patched(suffix: str, at: int, size: bytes) -> bytes:
    data = bytearray(encode(suffix, flag()))
    data[at : at + len(size)] = size
    return bytes(data)


def claiming(suffix: str, width: int, height: int) -> bytes:
    """A picture of a few bytes whose header says that it is as large as this."""
    if suffix == ".jpg":
        data = encode(".jpg", flag())
        return patched(".jpg", data.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))
    if suffix == ".webp":  # the 24 bits of the extended format
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        return b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + size + encode(".webp", flag())[12:]
    if suffix == ".gif":
        return patched(".gif", 6, struct.pack("<HH", width, height))
    return png_claiming(width, height) if suffix == ".png" else patched(".bmp", 18, struct.pack("<ii", width, -height))


@given(st.sampled_from(sorted(FORMATS)), st.integers(8_001, 65_535), st.integers(8_001, 65_535))
def test_a_bomb_of_any_format_is_refused_before_it_is_decoded(suffix: str, width: int, height: int) -> None:
    data = claiming(suffix, width, height)
    assert pictures.header(data) == (FORMATS[suffix], width, height)
    with pytest.raises(InputError, match=f"{width} x {height} pixels are too many; make it smaller than 64 megapixels"):
        pictures.read(data)


@given(st.binary(max_size=100), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"\0\0\1\0", b"\0\0\0\x0cjP  "]))
def test_formats_whose_size_is_not_read_here_never_reach_the_decoder(data: bytes, magic: bytes) -> None:
    with pytest.raises(InputError, match="not a picture that can be read; save it as JPEG, PNG"):
        pictures.read(magic + data)  # TIFF, BigTIFF, icons, JPEG 2000


@given(st.sampled_from(sorted(FORMATS)), st.floats(0, 1))
def test_a_picture_that_was_cut_off_is_read_or_refused(suffix: str, share: float) -> None:
    good = encode(suffix, flag())
    try:
        image = pictures.read(good[: int(share * len(good))])
    except InputError as error:
        image = None
        assert str(error).startswith("picture: ")  # noqa: PT017 - either is right
    assert image is None or image.shape == (20, 40, 3)


def expected() -> list[tuple[str, str]]:
    if not (BAD_INPUT / "gt.csv").exists():
        return []
    with (BAD_INPUT / "gt.csv").open() as rows:
        return [(row["file"], row["expect"]) for row in csv.DictReader(rows) if not row["file"].startswith("video/")]


def test_a_corpus_of_odd_and_hostile_files(capfd: pytest.CaptureFixture[str]) -> None:
    if not expected():
        pytest.skip("no corpus of bad pictures on this machine")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong = []
    for name, expect in expected():
        try:
            pictures.read(BAD_INPUT / name)
        except InputError:
            got = "reject"
        else:
            got = "ok"
        if expect not in ("either", got):
            wrong.append((name, expect, got))
    assert not wrong
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB: no bomb went off
    assert capfd.readouterr().err == ""


def test_all_orientations_of_one_photo_look_the_same() -> None:
    folder = BAD_INPUT / "exif"
    if not folder.exists():
        pytest.skip("no EXIF samples on this machine")
    upright = pictures.read(folder / "Landscape_1.jpg").astype(int)
    for path in sorted(folder.glob("Landscape_*.jpg")):
        assert np.abs(pictures.read(path).astype(int) - upright).mean() < 6, path.name
