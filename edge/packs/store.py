"""The model store: verified source files and built models on disk, addressed by what they are.

::

    blobs/<digest>                        one source file, verified; kept, so that a rebuild needs no network
    archives/                             packages of an unfinished pull; removed as soon as they are read
    built/<name>/<back end>/<identity>/   one built model and its record.json
    compiled/<identity>/                  what a back end compiled of a model for this machine; it goes with the model
    celebrities/, custom/, owners/        packs that people make, see `celebrities`, `custom` and `owners`
    tmp/                                  work in progress; whatever lies here belongs to nobody
    lock                                  held by whoever changes the store

A folder under `built` appears whole, by one rename, or not at all.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge.errors import StorageError
from edge.packs.records import RECORD, Record, file_digest, identity
from models import manifest as manifests
from models.manifest import Backend, Manifest, ModelError, Source


@dataclass(frozen=True, slots=True)
class Built:
    """A model that a session can open: `weights` is the file, `digest` the model's identity.

    `labels` are the names of its classes by index; empty if it has none.
    """

    manifest: Manifest
    backend: Backend
    weights: Path
    digest: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What `verify` found wrong with one built model; `problem` names the remedy."""

    name: str
    backend: Backend
    problem: str


def default_root() -> Path:
    """$VEDETTE_MODELS, else vedette/models in the user's data folder."""
    if named := os.environ.get("VEDETTE_MODELS"):
        return Path(named).expanduser()
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path("~/.local/share").expanduser()) / "vedette" / "models"


@contextmanager
def reported(place: Path, instead: str = "name another folder in VEDETTE_MODELS") -> Iterator[None]:
    """What the disk refuses while something is written to `place`, told in one sentence."""
    try:
        yield
    except OSError as error:
        named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else place
        where = place if named.name == f"{place.name}.part" else named
        raise StorageError(f"{where}: {error.strerror or error}; {_remedy(error.errno, instead)}") from error


def _remedy(code: int | None, instead: str) -> str:
    if code in (errno.ENOSPC, errno.EDQUOT):
        return f"free some space, or {instead}"
    if code in (errno.EACCES, errno.EPERM):
        return f"let this user write there, or {instead}"
    if code == errno.EROFS:
        return f"mount the disk for writing, or {instead}"
    return f"check the disk, or {instead}" if code == errno.EIO else instead


class Store:
    """The folders above, under `root`. Reading takes no lock and makes no folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.archives = root / "archives"

    def blob(self, source: Source) -> Path:
        """Where a source file lies, or would lie."""
        return self.root / "blobs" / (source.sha256 or f"git-{source.git_blob}")

    def folder(self, name: str, backend: Backend, digest: str) -> Path:
        return self.root / "built" / name / backend / digest

    def compiled(self, digest: str) -> Path:
        return self.root / "compiled" / digest

    def record(self, manifest: Manifest, backend: Backend) -> Record | None:
        """The record of a built model; None if there is none or it cannot be read."""
        digest = identity(manifest, backend)
        try:
            text = (self.folder(manifest.name, backend, digest) / RECORD).read_bytes()
            found = Record.model_validate_json(text)
        except (OSError, ValidationError):
            return None
        same = (found.name, found.backend, found.digest) == (manifest.name, backend, digest)
        return found if same and found.weights in found.files else None

    def find(self, name: str, backend: str) -> Built:
        """The built model, its files all there and of the right size; raises ModelError with the remedy."""
        manifest = manifests.load(name)
        variant = next((known for known in manifest.variants if known == backend), None)
        if variant is None:
            raise ModelError(f"{name} has no {backend} variant: there is {', '.join(manifest.variants)}")
        record = self.record(manifest, variant)
        remedy = f"run 'vedette models pull {name} --backend {backend}'"
        if record is None:
            raise ModelError(f"{name} is not installed for {backend} in {self.root}: {remedy}")
        folder = self.folder(name, variant, record.digest)
        for file, known in record.files.items():
            if not _has_size(folder / file, known.bytes):
                raise ModelError(f"{folder / file} is missing or cut short: {remedy}")
        return Built(manifest, variant, folder / record.weights, record.digest, manifests.labels(name))

    def installed(self) -> list[Built]:
        """Every model that `find` would find."""
        found = []
        for name in manifests.names():
            manifest = manifests.load(name)
            for backend in manifest.variants:
                record = self.record(manifest, backend)
                folder = self.folder(name, backend, record.digest) if record else self.root
                if record and all(_has_size(folder / file, known.bytes) for file, known in record.files.items()):
                    weights, labels = folder / record.weights, manifests.labels(name)
                    found.append(Built(manifest, backend, weights, record.digest, labels))
        return found

    def faults(self, manifest: Manifest, backend: Backend) -> list[str]:
        """What is wrong with a built model's files, every byte of which is read; empty if all is well."""
        digest = identity(manifest, backend)
        folder = self.folder(manifest.name, backend, digest)
        if not folder.is_dir():
            return [f"{folder} is missing"]
        record = self.record(manifest, backend)
        if record is None:
            return [f"{folder / RECORD} is missing or unreadable"]
        present = {entry.name for entry in folder.iterdir()} - {RECORD}
        wrong = [f"{folder / file} does not belong there" for file in sorted(present - record.files.keys())]
        for file, known in record.files.items():
            if file not in present:
                wrong.append(f"{folder / file} is missing")
            elif not _has_size(folder / file, known.bytes) or file_digest(folder / file) != known.sha256:
                wrong.append(f"{folder / file} was altered")
        return wrong

    def verify(self) -> list[Fault]:
        """Read every byte of what is built and say what is missing or altered."""
        found = []
        for name in manifests.names():
            manifest = manifests.load(name)
            for backend in manifest.variants:
                if self.folder(name, backend, identity(manifest, backend)).is_dir():
                    remedy = f"run 'vedette models pull {name} --backend {backend}'"
                    found += [
                        Fault(name, backend, f"{problem}: {remedy}") for problem in self.faults(manifest, backend)
                    ]
        return found

    @contextmanager
    def changing(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the store's lock; `waiting` is called once if somebody else has it.

        The kernel takes the lock back from a process that dies, whose leavings are then swept up here.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self.root / "tmp", ignore_errors=True)
            yield

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder on the store's own disk, gone afterwards."""
        (self.root / "tmp").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root / "tmp", ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def add(self, record: Record, folder: Path) -> None:
        """Move a built folder into its place, in one step.

        Of other releases' builds of this variant the newest stays: that release may share the store.
        """
        for file in record.files:
            flush(folder / file)
        (folder / RECORD).write_text(record.model_dump_json(indent=1) + "\n", "utf-8")
        flush(folder / RECORD)
        flush(folder)
        place = self.folder(record.name, record.backend, record.digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as old:
            if place.exists():
                place.rename(old / "replaced")
            folder.rename(place)
            others = (other for other in place.parent.iterdir() if other != place)
            for other in sorted(others, key=lambda folder: folder.stat().st_mtime)[:-1]:
                other.rename(old / other.name)
                shutil.rmtree(self.compiled(other.name), ignore_errors=True)
        flush(place.parent)


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def flush(path: Path) -> None:
    """Make sure that a file or folder survives a pulled plug."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
