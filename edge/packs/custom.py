"""Custom model packs: one version of a project, trained on a workstation, in one signed file that carries no code.

::

    front       see edge.packs.sealed; its index names each file's size and digest
    files       their bytes, in the order of the index

Nothing is compressed, and every name in a pack is a plain word, so none becomes a path. A pack goes by the SHA-256 of
all its bytes. An installed one is a folder of the model store, `custom/<digest>`, with its files and its front, which
appears whole, by one rename, or not at all; `edge.packs.owners` says who needs it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from edge.errors import InputError
from edge.packs.drafts import FRONT, MOST_BYTES, Draft, Feature, Index, Label, Name, Variant
from edge.packs.owners import folder, mark, marker
from edge.packs.records import BuiltFile, file_digest
from edge.packs.sealed import TRUSTED, Front, Kind, first_fault, trust_list
from edge.packs.sealed import trusted as trusted_in
from edge.packs.signing import SigningKey
from edge.packs.store import Built, Store, flush, reported
from models import manifest as manifests
from models.manifest import Backend, Manifest, ModelError

__all__ = [
    "MOST_BYTES",
    "Draft",
    "Feature",
    "Index",
    "Installed",
    "Label",
    "Name",
    "Pack",
    "Variant",
    "built",
    "faults",
    "file_name",
    "find",
    "folder",
    "install",
    "make",
    "peek",
    "read",
    "trusted",
]

KIND = Kind(b"vedette-model\r\n", 1, 4 << 20, "model pack", "'tools/train'", "vedette custom install")
SUFFIX = ".vedette"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack every byte of which was checked. `signer` is a fingerprint, `digest` that of the whole file."""

    index: Index
    signer: str
    digest: str


@dataclass(frozen=True, slots=True)
class Installed(Pack):
    """A pack in a model store, its files in `folder`."""

    folder: Path


def file_name(project: str, version: str) -> str:
    """What a pack is called until somebody calls it otherwise."""
    return f"{project}-{version}{SUFFIX}"


def make(draft: Draft, folder: Path, key: SigningKey, out: Path) -> Index:
    """Write a signed pack of all files in `folder`; the same files, draft and key give the same bytes.

    Raises InputError for what a pack cannot hold.
    """
    paths = sorted(folder.iterdir())
    if odd := [path for path in paths if path.is_symlink() or not path.is_file()]:
        raise InputError(f"{odd[0]}: not a plain file; move it out of {folder}")
    files = {path.name: BuiltFile(bytes=path.stat().st_size, sha256=file_digest(path)) for path in paths}
    try:
        index = Index(**{**dict(draft), "files": files})
    except ValidationError as error:
        raise InputError(f"{out}: {first_fault(error)}; change it, and pack again") from error
    part = out.with_name(f".{out.name}.part")
    with reported(out, "name a file elsewhere"), ExitStack() as cleanup:
        cleanup.callback(part.unlink, missing_ok=True)
        with part.open("wb") as stream:
            stream.write(KIND.seal(key, index.model_dump_json().encode()))
            for path in paths:
                stream.write(path.read_bytes())
        flush(part)
        part.replace(out)
    return index


def peek(file: Path) -> Index:
    """What a pack says of itself, whoever signed it; its files are not looked at. Raises what `read` does."""
    with KIND.open_file(file, MOST_BYTES + KIND.most_index) as stream:
        return _index(KIND.open(stream, file), file)


def read(file: Path, trusted: Collection[str]) -> Pack:
    """Check every byte of a pack whose signer's fingerprint is among `trusted`.

    Raises MissingError if there is none, DeniedError for a signer who is not trusted, InputError for anything else
    that is wrong: a newer format, a wrong signature, a wrong digest, too few bytes or too many.
    """
    with KIND.open_file(file, MOST_BYTES + KIND.most_index) as stream:
        front = KIND.open(stream, file)
        KIND.check_signer(front, trusted, file)
        return _contents(stream, front, file)


def _contents(stream: BinaryIO, front: Front, file: Path, target: Path | None = None) -> Pack:
    """What follows the front, checked, and written to `target` if there is one."""
    index = _index(front, file)
    whole = hashlib.sha256(front.data)
    for name, known in index.files.items():
        with ExitStack() as opened:
            out = opened.enter_context((target / name).open("xb")) if target else None
            own, left = hashlib.sha256(), known.bytes
            while left and (chunk := stream.read(min(CHUNK, left))):
                own.update(chunk)
                whole.update(chunk)
                left -= len(chunk)
                if out:
                    out.write(chunk)
        if left:
            raise InputError(f"{file}: cut short within {name}; copy it again")
        if own.hexdigest() != known.sha256:
            raise InputError(f"{file}: the digest of {name} is wrong: it was altered; copy it again")
    if stream.read(1):
        raise InputError(f"{file}: holds more than its index names; copy it again")
    return Pack(index, front.signer, whole.hexdigest())


def _index(front: Front, file: Path) -> Index:
    from models.decode import DECODERS

    try:
        index = Index.model_validate_json(front.index)
    except ValidationError as error:
        raise InputError(
            f"{file}: its index makes no sense ({first_fault(error)}); ask its maker for another"
        ) from error
    for variant in index.variants.values():
        if variant.decode.name not in DECODERS:
            raise InputError(f"{file}: made for a newer Vedette, that reads {variant.decode.name!r}; upgrade this one")
    return index


def trusted(store: Store) -> frozenset[str]:
    """The fingerprints of the keys whose packs may be installed."""
    return trusted_in(folder(store))


def trust(store: Store, signer: str) -> None:
    """Trust a signer's packs from now on. Raises InputError for what is no fingerprint, and StorageError."""
    signer = signer.lower()
    if not re.fullmatch("[0-9a-f]{64}", signer):
        raise InputError(f"{signer!r}: no fingerprint of 64 hexadecimal digits; 'vedette keys signing' shows a key's")
    place = folder(store)
    with reported(store.root), store.changing(), store.scratch() as scratch:
        (scratch / TRUSTED).write_bytes(trust_list({*trusted(store), signer}))
        flush(scratch / TRUSTED)
        place.mkdir(exist_ok=True)
        (scratch / TRUSTED).replace(place / TRUSTED)
        flush(place)


def install(
    store: Store, file: Path, trust: str = "", then: Callable[[Installed], None] = lambda _: None, owner: str = ""
) -> Installed:
    """Check a pack and unpack it into the store; one that lies there already is checked, and mended if need be.

    `trust` is a fingerprint to trust from now on; it is kept only if the pack is of that key, and sound. `then` is
    called while the store is still held: if it raises, the store is left as it was. `owner` is whose pack it then is
    (`edge.packs.owners`). Raises what `read` does, and StorageError.
    """
    trust = trust.lower()
    known, place = trusted(store), folder(store)
    with KIND.open_file(file, MOST_BYTES + KIND.most_index) as stream:
        front = KIND.open(stream, file)
        KIND.check_claim(front, known, trust, file)
        _index(front, file)
        with reported(store.root), store.changing(), store.scratch() as scratch, ExitStack() as undo:
            unpacked = scratch / "pack"
            unpacked.mkdir()
            pack = _contents(stream, front, file, unpacked)
            (unpacked / FRONT).write_bytes(front.data)
            for path in (*unpacked.iterdir(), unpacked):
                flush(path)
            if trust:
                (scratch / TRUSTED).write_bytes(trust_list({*trusted(store), trust}))
                flush(scratch / TRUSTED)
            place.mkdir(exist_ok=True)
            installed = Installed(pack.index, pack.signer, pack.digest, place / pack.digest)
            if owner and mark(store, owner, pack.digest):
                undo.callback(marker(store, owner, pack.digest).unlink)
            _put(unpacked, installed, scratch, undo)
            then(installed)
            if trust:
                (scratch / TRUSTED).replace(place / TRUSTED)
            undo.pop_all()
            flush(place)
    return installed


def _put(unpacked: Path, installed: Installed, scratch: Path, undo: ExitStack) -> None:
    """Move what was unpacked into its place, unless it lies there already; `undo` takes it back."""
    place = installed.folder
    if place.exists():
        if not faults(installed):
            return
        place.rename(scratch / "replaced")
        undo.callback((scratch / "replaced").rename, place)
    unpacked.rename(place)
    undo.callback(lambda: place.rename(scratch / "refused"))
    flush(place.parent)


def find(store: Store, digest: str) -> Installed:
    """An installed pack, its front checked, its files all there and of the right size; raises ModelError."""
    place = folder(store) / digest
    try:
        with (place / FRONT).open("rb") as stream:
            front = KIND.open(stream, place / FRONT)
            index = _index(front, place / FRONT)
        installed = Installed(index, front.signer, digest, place)
        absent = [name for name, known in index.files.items() if (place / name).stat().st_size != known.bytes]
    except (OSError, InputError) as error:
        raise ModelError(f"{place} is missing or damaged: install the pack again") from error
    if absent:
        raise ModelError(f"{place / absent[0]} is cut short: install the pack again")
    return installed


def faults(installed: Installed) -> list[str]:
    """What is wrong with an installed pack's files, every byte of which is read; empty if all is well."""
    wrong = []
    for name, known in installed.index.files.items():
        path = installed.folder / name
        if not path.is_file():
            wrong.append(f"{path} is missing: install the pack again")
        elif path.stat().st_size != known.bytes or file_digest(path) != known.sha256:
            wrong.append(f"{path} was altered: install the pack again")
    return wrong


def built(installed: Installed, backend: Backend) -> Built:
    """An installed pack's model, as a session opens it; raises ModelError if it has none for this back end."""
    index = installed.index
    chosen = index.variants.get(backend)
    name = f"{index.project}/{index.version}"
    if chosen is None:
        raise ModelError(f"{name} has no {backend} variant: there is {', '.join(index.variants)}")
    manifest = Manifest(
        name=name,
        version=1,
        task="custom",
        title=name,
        licence="",
        origin=index.made_by,
        input=chosen.input,
        decode=chosen.decode,
        sources=(),
        variants={
            known: manifests.Variant(
                build="",
                precision=variant.precision,
                sources=(),
                outputs=variant.outputs,
                input=variant.input,
                decode=variant.decode,
            )
            for known, variant in index.variants.items()
        },
    )
    labels = tuple(label.name for label in index.labels)
    return Built(manifest, backend, installed.folder / chosen.weights, installed.digest, labels)
