"""One file that carries built models to a device without a network.

A pack is a tar of one exact shape: `index.json`, `index.sha256`, then each file in the index's order, every
header byte following from the index. The reader compares rather than interprets, so a link, a strange path, a file too
many or a flipped bit anywhere cannot be expressed in a pack that it accepts.

The digests prove that a pack arrived whole, not who made it: take packs from people you trust.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge import __version__
from edge.errors import InputError, MissingError
from edge.packs.progress import Progress
from edge.packs.records import RECORD, BuiltFile, Record, identity
from edge.packs.store import Store, reported
from models import manifest as manifests
from models.manifest import AbsentError, ModelError

FORMAT: Literal[1] = 1
INDEX = "index.json"
SEAL = "index.sha256"
BLOCK = 512
CHUNK = 1 << 20
MOST_INDEX = 1 << 20


class Stamp(BaseModel):
    """The part of an index that every release can read."""

    format: int


class Index(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = FORMAT
    made_by: str
    models: tuple[Record, ...]


def pack(store: Store, names: Sequence[str], file: Path) -> Index:
    """Write what is installed (of `names`, or all of it) to one file; the same store gives the same bytes.

    Raises AbsentError if nothing is installed, ModelError if a file was altered.
    """
    built = [found for found in store.installed() if not names or found.manifest.name in names]
    absent = sorted(set(names) - {found.manifest.name for found in built})
    if absent or not built:
        raise AbsentError(f"{', '.join(absent) or 'the default set'} is not installed: run 'vedette models pull' first")
    records = tuple(record for found in built if (record := store.record(found.manifest, found.backend)))
    index = Index(made_by=__version__, models=records)
    if file.is_dir():
        raise InputError(f"{file}: is a folder; name the file to write, such as {file / 'models.pack'}")
    if not file.parent.is_dir():
        raise MissingError(f"{file}: there is no folder {file.parent}; make it, or name a file elsewhere")
    if file.exists() and not _begins(file):
        raise InputError(f"{file}: is no pack of models, and would be lost; name another file")
    part = file.with_name(file.name + ".part")
    with reported(file, "name a file elsewhere"), ExitStack() as cleanup:
        cleanup.callback(part.unlink, missing_ok=True)
        with part.open("wb") as out:
            _write(out, index, store)
        part.replace(file)
    return index


def _begins(file: Path) -> bool:
    with reported(file, "name a file elsewhere"), file.open("rb") as stream:
        return stream.read(len(INDEX) + 1) == INDEX.encode() + b"\0"


def _write(out: BinaryIO, index: Index, store: Store) -> None:
    text = index.model_dump_json(indent=1).encode()
    out.write(_front(text))
    for name, path, known in _files(index):
        record = next(record for record in index.models if name.startswith(f"{record.name}/{record.backend}/"))
        source = store.folder(record.name, record.backend, record.digest) / path
        out.write(header(name, known.bytes))
        with source.open("rb") as stream:
            _copy(stream, out, known, f"{source} was altered; run 'vedette models verify'")
        out.write(bytes(-known.bytes % BLOCK))
    out.write(bytes(2 * BLOCK))


def _front(text: bytes) -> bytes:
    """The index, and its own digest as sha256sum writes it."""
    seal = f"{hashlib.sha256(text).hexdigest()}  {INDEX}\n".encode()
    return b"".join(
        header(name, len(data)) + data + bytes(-len(data) % BLOCK) for name, data in ((INDEX, text), (SEAL, seal))
    )


def _files(index: Index) -> Iterator[tuple[str, str, BuiltFile]]:
    """Name in the pack, name in the model's folder and digest of each file, in the pack's order."""
    for record in index.models:
        for path, known in record.files.items():
            yield f"{record.name}/{record.backend}/{path}", path, known


def install(store: Store, file: Path, progress: Progress) -> Index:
    """Verify every byte of a pack, then install all of its models, or none.

    Raises InputError if it is damaged, made by a newer release, or for other models than this release knows.
    """
    try:
        stream = file.open("rb")
    except FileNotFoundError as error:
        raise MissingError(f"{file}: no such file; 'vedette models pack FILE' makes one on another machine") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; name a pack that 'vedette models pack' made") from error
    waiting = f"another 'vedette models' command is changing {store.root}: waiting for it"
    with stream, reported(store.root), store.changing(lambda: progress.say(waiting)), store.scratch() as scratch:
        index = _read_index(stream, file)
        for record in index.models:
            _check_known(record, file)
        _unpack(stream, index, scratch, file)
        for record in index.models:
            store.add(record, scratch / record.name / record.backend)
    return index


def _read_index(stream: BinaryIO, file: Path) -> Index:
    """Every release's packs begin alike: so a newer one is told from a damaged one."""
    first = stream.read(BLOCK)
    try:
        size = int(first[124:135], 8)
    except ValueError:
        size = -1
    if not 0 <= size <= MOST_INDEX or first != header(INDEX, size):
        raise InputError(f"{file}: not a pack that 'vedette models pack' made, or damaged; copy it again")
    text = stream.read(size)
    front = _front(text)
    damage = f"{file}: its index is damaged; copy the pack again"
    if first + text + stream.read(len(front) - BLOCK - len(text)) != front:
        raise InputError(damage)
    try:
        if Stamp.model_validate_json(text).format > FORMAT:
            raise InputError(f"{file}: made by a newer Vedette; upgrade this one, or make the pack with it")
        index = Index.model_validate_json(text)
    except ValidationError as error:
        raise InputError(damage) from error
    if len({(record.name, record.backend) for record in index.models}) < len(index.models):
        raise InputError(damage)
    return index


def _check_known(record: Record, file: Path) -> None:
    """A model's record is its own, and its identity is the one that this release computes."""
    known = record.name in manifests.names() and record.backend in manifests.load(record.name).variants
    if not known or record.digest != identity(manifests.load(record.name), record.backend):
        raise InputError(
            f"{file}: {record.name} for {record.backend} is not the model that this Vedette knows;"
            " make the pack with the same release"
        )
    if record.weights not in record.files or RECORD in record.files:
        raise InputError(f"{file}: the record of {record.name} is damaged; copy the pack again")


def _unpack(stream: BinaryIO, index: Index, scratch: Path, file: Path) -> None:
    remedy = f"{file}: damaged or cut short; copy the pack again"
    for name, _, known in _files(index):
        if stream.read(BLOCK) != header(name, known.bytes):
            raise InputError(remedy)
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            try:
                _copy(stream, out, known, remedy)
            except ModelError as error:
                raise InputError(str(error)) from error
        if stream.read(-known.bytes % BLOCK) != bytes(-known.bytes % BLOCK):
            raise InputError(remedy)
    if stream.read(2 * BLOCK + 1) != bytes(2 * BLOCK):
        raise InputError(remedy)


def _copy(stream: BinaryIO, out: BinaryIO, known: BuiltFile, remedy: str) -> None:
    """Copy exactly the bytes of a known file; raises ModelError if they are others."""
    seal, left = hashlib.sha256(), known.bytes
    while left and (chunk := stream.read(min(CHUNK, left))):
        seal.update(chunk)
        out.write(chunk)
        left -= len(chunk)
    if left or seal.hexdigest() != known.sha256:
        raise ModelError(remedy)


def header(name: str, size: int) -> bytes:
    """The tar header of a plain file, as POSIX ustar has it; any tar lists and unpacks a pack."""
    fields = [name.encode(), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size, b"%011o\0" % 0]
    fields += [b" " * 8, b"0", b"", b"ustar\0", b"00"]
    block = struct.pack("100s8s8s8s12s12s8s1s100s6s2s247x", *fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
