"""The master secret: made once, whole, and for its owner's eyes only."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from edge.database import connect
from edge.errors import MasterKeyError, StorageError
from edge.keys import Keys
from edge.keys.master import Master, open_master


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = open_master(tmp_path / "data")
    file = tmp_path / "data" / "master.key"
    assert file.stat().st_mode & 0o7777 == 0o600
    assert len(bytes.fromhex(file.read_text())) == 32
    assert open_master(tmp_path / "data").derive(b"a") == first.derive(b"a")
    assert [path.name for path in file.parent.iterdir()] == ["master.key"]


def test_those_who_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: open_master(tmp_path).derive(b"a"), range(32)))
    assert len(set(made)) == 1


@given(secret=st.binary(min_size=32, max_size=32), label=st.binary(max_size=40))
def test_keys_are_derived_by_hkdf(secret: bytes, label: bytes) -> None:
    assert Master(secret).derive(label) == HKDF(SHA256(), 32, salt=None, info=label).derive(secret)


def test_each_purpose_has_its_own_key(tmp_path: Path) -> None:
    master = open_master(tmp_path)
    assert master.derive(b"a") != master.derive(b"b") != master.derive(b"")


@pytest.mark.parametrize("content", ["", "zz" * 32, "00" * 31, "00" * 33, "\x00"])
def test_a_damaged_one_says_what_is_lost(tmp_path: Path, content: str) -> None:
    file = tmp_path / "master.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(
        StorageError, match=r"damaged: .* restore a copy; with another one in its place, the secrets of"
    ):
        open_master(tmp_path)
    assert file.read_text() == content


def _for_others(file: Path) -> None:
    file.chmod(0o640)


def _a_link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _of_somebody(file: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    os.chown(file, 12345, 12345)


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (_for_others, "others may read or write it; take that away with 'chmod 600"),
        (_a_link, "it must be a file that the user who runs Vedette owns"),
        (_a_folder, "it must be a file that the user who runs Vedette owns"),
        (_a_pipe, "is no file"),
        (_of_somebody, "belongs to user 12345; give it to the one who runs Vedette, with chown"),
    ],
)
def test_one_that_others_may_have_had_is_not_used(tmp_path: Path, spoil: Callable[[Path], None], remedy: str) -> None:
    open_master(tmp_path)
    spoil(tmp_path / "master.key")
    with pytest.raises(StorageError, match=remedy):
        open_master(tmp_path)


def test_none_is_made_while_there_are_keys_that_only_the_lost_one_opens(tmp_path: Path) -> None:
    with closing(Keys(connect(tmp_path), open_master(tmp_path))) as keys:
        keys.create("door")
        keys.disable("door")
    secret = (tmp_path / "master.key").read_text()
    (tmp_path / "master.key").unlink()
    for _ in range(2):
        with pytest.raises(MasterKeyError, match=r"master\.key: missing, .* put it back, or delete each with 'vedette"):
            open_master(tmp_path)
    assert not (tmp_path / "master.key").exists()
    with closing(Keys(connect(tmp_path), None)) as keys:
        keys.delete("door")
    open_master(tmp_path)
    assert (tmp_path / "master.key").read_text() != secret


def test_root_makes_it_for_the_owner_of_the_folder(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root makes files for others")
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    open_master(folder)
    open_master(folder)
    assert (folder / "master.key").stat().st_uid == 12345


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError, match=r"data: name a folder this user may write|Not a directory|File exists"):
        open_master(tmp_path / "data")
