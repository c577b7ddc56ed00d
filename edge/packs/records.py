"""What a built model is: its identity, and the record that stands beside its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edge import __version__
from models import manifest as manifests
from models.manifest import Backend, Manifest, ModelError

RECORD = "record.json"
LIBRARIES: Mapping[Backend, tuple[str, ...]] = {
    "openvino": ("openvino",),
    "tflite": ("ai-edge-litert", "tflite-runtime"),
    "coral": ("ai-edge-litert", "tflite-runtime"),
}

# A plain name: no folder, nothing hidden, nothing that a path could mean.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class BuiltFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int = Field(ge=0)
    sha256: Sha256


class Record(BaseModel):
    """What stands beside a built model: what it is, who made it, and the digest of each of its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: FileName
    version: int
    backend: Backend
    digest: Sha256
    weights: FileName
    files: dict[FileName, BuiltFile]
    made_with: dict[str, str]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files.values())


def identity(manifest: Manifest, backend: Backend) -> str:
    """The model's digest: the same on every machine, for every release of a runtime.

    It covers all that decides what the numbers mean, so that vectors of two models are never mixed.
    Defaults are left out: a key that a later release adds does not make an old model a stranger.
    """
    variant = manifest.variants[backend]
    recipe = manifests.folder(manifest.name).joinpath(variant.recipe)
    if variant.recipe and not recipe.is_file():
        raise ModelError(f"models/zoo/{manifest.name}/{variant.recipe}: no such file; install Vedette again")
    sources = [manifest.source(name) for name in variant.sources]
    parts: dict[str, Any] = {
        "name": manifest.name,
        "version": manifest.version,
        "sources": [[source.sha256 or source.git_blob, source.slice] for source in sources],
        "recipe": hashlib.sha256(recipe.read_bytes() if variant.recipe else b"").hexdigest(),
        "build": variant.build,
        "input": manifest.input_for(backend).model_dump(mode="json", exclude_defaults=True),
        "decode": manifest.decode_for(backend).model_dump(mode="json", exclude_defaults=True),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def made_with(backend: Backend) -> dict[str, str]:
    """The releases that have a say in a build: ours, and the back end's library."""
    found = {"vedette": __version__}
    for name in LIBRARIES[backend]:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(manifest: Manifest, backend: Backend, folder: Path, weights: Path) -> Record:
    """The record of a folder that was just built; raises ModelError if it holds anything but plain files."""
    files = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or not entry.is_file():
            raise ModelError(f"{manifest.name} for {backend}: the build left {entry.name!r}, which is not a plain file")
        files[entry.name] = BuiltFile(bytes=entry.stat().st_size, sha256=file_digest(entry))
    return Record(
        name=manifest.name,
        version=manifest.version,
        backend=backend,
        digest=identity(manifest, backend),
        weights=weights.name,
        files=files,
        made_with=made_with(backend),
    )
