"""Celebrity packs: faces of public people as vectors, in one signed file that carries neither photos nor code.

::

    front       see edge.packs.sealed; its index names the digest of what follows
    vectors     float32 [faces, dimensions], little-endian

Nothing is compressed, and no name in a pack becomes a path but the pack's own, which is a plain word.

An installed pack is one file in the model store's folder `celebrities`, beside the list of trusted keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from edge import __version__
from edge.errors import InputError, MissingError
from edge.packs.records import BuiltFile, FileName, Sha256
from edge.packs.sealed import TRUSTED, Front, Kind, first_fault, trust_list
from edge.packs.sealed import trusted as trusted_in
from edge.packs.signing import SigningKey
from edge.packs.store import Store, flush, reported

Vectors = NDArray[np.float32]
Gender = Literal["", "Male", "Female", "Nonbinary", "Unlisted"]

KIND = Kind(
    b"vedette-stars\r\n", 1, 64 << 20, "celebrity pack", "'vedette celebrities build'", "vedette celebrities install"
)
MOST_BYTES = 512 << 20
MOST_FACES = 100  # of a person
ID = "[0-9A-Za-z]{1,64}"
UNIT = 1e-3  # by so much a vector's length may differ from 1
SUFFIX = ".celebrities"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(Part):
    """Someone of a pack. `faces` is how many of its vectors are theirs, in the order of the people."""

    id: Annotated[str, StringConstraints(pattern=f"^{ID}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]
    urls: Annotated[tuple[Annotated[str, StringConstraints(max_length=2048)], ...], Field(max_length=255)] = ()
    gender: Gender = ""
    faces: Annotated[int, Field(ge=1, le=MOST_FACES)]


class Maker(Part):
    """The embedding model whose vectors a pack holds."""

    name: FileName
    digest: Sha256
    dimensions: Annotated[int, Field(ge=1, le=4096)]


class Index(Part):
    name: FileName
    made_by: str = __version__
    embedding: Maker
    people: Annotated[tuple[Person, ...], Field(min_length=1)]
    vectors: BuiltFile

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({person.id for person in self.people}) < len(self.people):
            raise ValueError("two people have one id")
        if self.vectors.bytes != 4 * self.embedding.dimensions * sum(person.faces for person in self.people):
            raise ValueError("the vectors are not those of the people")
        return self


@dataclass(frozen=True, slots=True)
class Pack:
    """An opened pack. `vectors` [faces, dimensions] are of unit length, `signer` is a fingerprint."""

    index: Index
    vectors: Vectors
    signer: str


def make(name: str, embedding: Maker, people: Mapping[Person, Vectors], key: SigningKey) -> bytes:
    """The bytes of a signed pack; the same people and key give the same. Raises InputError for what cannot be told."""
    vectors = b"".join(np.ascontiguousarray(rows, "<f4").tobytes() for rows in people.values())
    sealed = BuiltFile(bytes=len(vectors), sha256=hashlib.sha256(vectors).hexdigest())
    try:
        index = Index(name=name, embedding=embedding, people=tuple(people), vectors=sealed)
    except ValidationError as error:
        raise InputError(f"celebrity pack {name!r}: {first_fault(error)}") from error
    return KIND.seal(key, index.model_dump_json().encode()) + vectors


def read(file: Path, trusted: Collection[str]) -> Pack:
    """Open a pack whose signer's fingerprint is among `trusted`, every byte of it checked.

    Raises MissingError if there is none, DeniedError for a signer who is not trusted, InputError for anything else
    that is wrong: a newer format, a wrong signature, a wrong digest.
    """
    front, rest = _opened(file)
    KIND.check_signer(front, trusted, file)
    return _pack(front, rest, file)


def _opened(file: Path) -> tuple[Front, bytes]:
    """The front, and what follows it."""
    with KIND.open_file(file, MOST_BYTES) as stream:
        return KIND.open(stream, file), stream.read()


def _pack(front: Front, rest: bytes, file: Path) -> Pack:
    index = _index(file, front.index)
    return Pack(index, _vectors(file, rest, index), front.signer)


def _index(file: Path, text: bytes) -> Index:
    try:
        return Index.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            f"{file}: its index makes no sense ({first_fault(error)}); ask its maker for another"
        ) from error


def _vectors(file: Path, data: bytes, index: Index) -> Vectors:
    if len(data) != index.vectors.bytes or hashlib.sha256(data).hexdigest() != index.vectors.sha256:
        raise InputError(f"{file}: the digest of its vectors is wrong; copy it again")
    vectors = np.frombuffer(data, "<f4").reshape(-1, index.embedding.dimensions)
    with np.errstate(over="ignore", invalid="ignore"):
        sound = np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1.0) <= 2 * UNIT
    if not sound.all():
        raise InputError(f"{file}: {int((~sound).sum())} of its vectors are none; ask its maker for another")
    return vectors.astype(np.float32, copy=False)


def check_model(pack: Pack, digests: Collection[str], place: object) -> None:
    """Raise InputError unless the pack's vectors come from one of the embedding models of these digests."""
    maker = pack.index.embedding
    if maker.digest not in digests:
        told = ", ".join(sorted(digest[:12] for digest in digests)) or "none"
        raise InputError(
            f"{place}: made with another embedding model ({maker.name} {maker.digest[:12]}, here it is {told}); "
            "ask for a pack made with this one, or build it again from its photos"
        )


def folder(store: Store) -> Path:
    return store.root / "celebrities"


def trusted(store: Store) -> frozenset[str]:
    """The fingerprints of the keys whose packs may be installed."""
    return trusted_in(folder(store))


def install(store: Store, file: Path, digests: Collection[str], trust: str = "") -> Pack:
    """Check a pack, and put it into the store in the place of an older one of its name.

    `trust` is a fingerprint to trust from now on; it is kept only if the pack is one of that key's and is sound.
    Raises what `read` and `check_model` raise.
    """
    trust, known, (front, rest) = trust.lower(), trusted(store), _opened(file)
    KIND.check_claim(front, known, trust, file)
    pack = _pack(front, rest, file)
    check_model(pack, digests, file)
    place = folder(store)
    with reported(store.root), store.changing():
        place.mkdir(exist_ok=True)
        if trust:
            _write(place / TRUSTED, trust_list({*trusted(store), trust}))
        _write(place / f"{pack.index.name}{SUFFIX}", front.data + rest)
    return pack


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    flush(part)
    part.replace(path)
    flush(path.parent)


def installed(store: Store) -> list[Path]:
    """The files of the installed packs, by name."""
    place = folder(store)
    if not place.is_dir():
        return []
    with reported(place, "let this user look into it"):
        return sorted(path for path in place.iterdir() if path.name.endswith(SUFFIX) and path.is_file())


def remove(store: Store, name: str) -> None:
    """Raises MissingError naming what there is."""
    there = {path.name.removesuffix(SUFFIX): path for path in installed(store)}
    if name not in there:
        raise MissingError(f"no celebrity pack {name!r}: there is {', '.join(there) or 'none'}")
    with reported(store.root), store.changing():
        there[name].unlink(missing_ok=True)
