"""Celebrity packs: what is signed comes back as it was, and anything else is refused with the reason."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.errors import EXPECTED, DeniedError, InputError, MissingError
from edge.packs import celebrities as packs
from edge.packs.celebrities import Index, Maker, Person
from edge.packs.sealed import HEADER
from edge.packs.signing import SigningKey, fingerprint, open_key
from edge.packs.store import Store

DIGEST = "ab" * 32
MAKER = Maker(name="sface", digest=DIGEST, dimensions=8)
KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(32))
SIGNER = fingerprint(KEY.public)

Change = Callable[[bytes], bytes]


def vectors(seed: int, faces: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((faces, 8))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


PEOPLE = {
    Person(id="1", name="Ada Lovelace", urls=("example.org/ada",), gender="Female", faces=2): vectors(1, 2),
    Person(id="2", name="Grace Hopper", faces=1): vectors(2, 1),
}
PACK = packs.make("pioneers", MAKER, PEOPLE, KEY)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pioneers.celebrities"
    path.write_bytes(PACK)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def resigned(index: bytes, rest: bytes = b"", version: int = 1) -> bytes:
    """A pack of any index, with a good signature."""
    signature = KEY.sign(packs.KIND.signed(version, KEY.public, index))
    return HEADER.pack(packs.KIND.magic, version, KEY.public, signature, len(index)) + index + rest


def index_of(data: bytes) -> Index:
    length = HEADER.unpack_from(data)[4]
    return Index.model_validate_json(data[HEADER.size : HEADER.size + length])


def test_a_pack_comes_back_as_it_was_made(file: Path) -> None:
    pack = packs.read(file, {SIGNER})
    assert list(pack.index.people) == list(PEOPLE)
    assert pack.vectors == pytest.approx(np.concatenate(list(PEOPLE.values())))
    assert (pack.signer, pack.index.name, pack.index.embedding) == (SIGNER, "pioneers", MAKER)
    assert packs.make("pioneers", MAKER, PEOPLE, KEY) == PACK


def test_a_signer_must_be_trusted_first(file: Path, store: Store) -> None:
    with pytest.raises(DeniedError, match=f"signed by {SIGNER}, whom this device does not trust"):
        packs.install(store, file, {DIGEST})
    with pytest.raises(DeniedError, match=f"signed by {SIGNER}, not by {fingerprint(OTHER.public)}"):
        packs.install(store, file, {DIGEST}, trust=fingerprint(OTHER.public))
    assert packs.trusted(store) == frozenset()
    packs.install(store, file, {DIGEST}, trust=SIGNER)
    packs.install(store, file, {DIGEST})
    assert packs.trusted(store) == {SIGNER}
    assert [path.name for path in packs.installed(store)] == ["pioneers.celebrities"]
    packs.remove(store, "pioneers")
    assert packs.installed(store) == []
    with pytest.raises(MissingError, match="no celebrity pack 'pioneers': there is none"):
        packs.remove(store, "pioneers")


def test_a_pack_of_another_model_is_refused_and_its_signer_not_trusted(file: Path, store: Store) -> None:
    with pytest.raises(InputError, match="made with another embedding model"):
        packs.install(store, file, {"cd" * 32}, trust=SIGNER)
    assert packs.trusted(store) == frozenset()
    assert packs.installed(store) == []


def swapped_key(data: bytes) -> bytes:
    magic, version, _, signature, length = HEADER.unpack_from(data)
    return HEADER.pack(magic, version, OTHER.public, signature, length) + data[HEADER.size :]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: b"", "no celebrity pack, or cut short"),
        (lambda data: data[: HEADER.size], "no celebrity pack, or cut short"),
        (lambda data: b"PK" + data[2:], "no celebrity pack"),
        (lambda data: data.replace(b"Ada", b"Eve"), "the signature is wrong"),
        (swapped_key, "the signature is wrong"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "the digest of its vectors is wrong"),
        (lambda data: data[:-4], "the digest of its vectors is wrong"),
        (lambda data: data + b"more", "the digest of its vectors is wrong"),
        (lambda _: resigned(b"{}", version=2), "of format 2, made by a newer Vedette"),
        (lambda _: resigned(b"{}"), "its index makes no sense"),
        (lambda _: resigned(b"[" * 100_000), "its index makes no sense"),
    ],
)
def test_whatever_was_altered_is_refused_with_the_reason(file: Path, store: Store, change: Change, reason: str) -> None:
    packs.install(store, file, {DIGEST}, trust=SIGNER)
    packs.remove(store, "pioneers")
    file.write_bytes(change(PACK))
    with pytest.raises(InputError, match=reason) as caught:
        packs.install(store, file, {DIGEST})
    assert "\n" not in str(caught.value)
    assert packs.installed(store) == []


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", ".hidden", "", "x" * 41])
def test_a_name_that_is_a_path_cannot_be_expressed(file: Path, store: Store, name: str) -> None:
    with pytest.raises(InputError, match="celebrity pack"):
        packs.make(name, MAKER, PEOPLE, KEY)
    text = index_of(PACK).model_dump_json().replace('"pioneers"', f'"{name}"').encode()
    file.write_bytes(resigned(text, PACK[-96:]))
    with pytest.raises(InputError, match="its index makes no sense"):
        packs.install(store, file, {DIGEST}, trust=SIGNER)
    assert not list(store.root.rglob("*.celebrities"))


def test_vectors_of_another_length_than_one_are_refused(file: Path) -> None:
    rows = b"".join(vector.tobytes() for vector in ((3 * vectors(1, 3)).astype("<f4"),))
    seal = packs.BuiltFile(bytes=len(rows), sha256=hashlib.sha256(rows).hexdigest())
    index = index_of(PACK).model_copy(update={"vectors": seal})
    file.write_bytes(resigned(index.model_dump_json().encode(), rows))
    with pytest.raises(InputError, match="3 of its vectors are none"):
        packs.read(file, {SIGNER})


def test_an_index_that_claims_more_than_there_is_is_refused_before_anything_is_made(file: Path) -> None:
    index = index_of(PACK)
    seal = packs.BuiltFile(bytes=1 << 50, sha256="0" * 64)
    file.write_bytes(resigned(index.model_copy(update={"vectors": seal}).model_dump_json().encode()))
    with pytest.raises(InputError, match="the vectors are not those of the people"):
        packs.read(file, {SIGNER})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(PACK) - 1), st.integers(1, 255))
def test_no_flipped_byte_goes_unseen(file: Path, place: int, change: int) -> None:
    altered = bytearray(PACK)
    altered[place] ^= change
    file.write_bytes(altered)
    with pytest.raises(EXPECTED):
        packs.read(file, {SIGNER})


def test_a_key_that_another_process_has_just_made_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = open_key(tmp_path / "key")
    monkeypatch.setattr("edge.packs.signing._read", Mock(side_effect=[FileNotFoundError, first]))
    assert open_key(tmp_path / "key") == (first, False)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key, made = open_key(tmp_path / "key")
    again, made_again = open_key(tmp_path / "key")
    assert (made, made_again) == (True, False)
    assert key.public == again.public != open_key(tmp_path / "another")[0].public
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "key").write_text("no key\n")
    with pytest.raises(InputError, match="no signing key"):
        open_key(tmp_path / "key")
    with pytest.raises(MissingError, match="there is no folder"):
        open_key(tmp_path / "nowhere" / "key")
