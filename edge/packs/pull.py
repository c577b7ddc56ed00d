"""`vedette models pull`: what is missing is fetched, built and installed; what is there is left alone.

Archives are removed as soon as they are read. Source files stay (0.1 GB for the default set against 0.3 GB
of packages): so a new back end, an altered file or a new release of a runtime needs no network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from accel.session import AcceleratorError
from edge.errors import EdgeError, UnavailableError
from edge.packs import sources
from edge.packs.progress import Progress
from edge.packs.records import describe, made_with
from edge.packs.store import Store, reported
from models import manifest as manifests
from models.manifest import Backend, Manifest, ModelError

SETS = ("default", "extended")
RUNTIMES: Mapping[Backend, tuple[str, ...]] = {
    "openvino": ("openvino",),
    "tflite": ("ai_edge_litert", "tflite_runtime"),
}
Build = Callable[[Manifest, Backend, Mapping[str, Path], Path], Path]


@dataclass(frozen=True, slots=True)
class Job:
    """One variant of one model."""

    manifest: Manifest
    backend: Backend

    def __str__(self) -> str:
        return f"{self.manifest.name} for {self.backend}"

    @property
    def sources(self) -> list[manifests.Source]:
        return [self.manifest.source(name) for name in self.manifest.variants[self.backend].sources]


@dataclass(slots=True)
class Outcome:
    """What came of a pull. One model's failure does not keep the others from being built."""

    built: list[Job] = field(default_factory=list)
    kept: list[Job] = field(default_factory=list)
    failed: list[Job] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


def runtimes() -> tuple[Backend, ...]:
    """The back ends whose library is here, found without loading it; Coral is built for only when named."""
    found = tuple(backend for backend, names in RUNTIMES.items() if any(map(find_spec, names)))
    if not found:
        raise UnavailableError(
            "neither openvino nor a TFLite runtime is installed: run 'pip install openvino', or name a '--backend'"
        )
    return found


def choose(wanted: Sequence[str], backends: Sequence[Backend]) -> list[Job]:
    """The variants that names and sets stand for (without any: the default set).

    Without `backends`: for every runtime that is here, and a model named by name that runs on none of
    them is built for all it can. Raises ModelError if a name is unknown or has no such variant.
    """
    here = tuple(backends) or runtimes()
    jobs: dict[tuple[str, Backend], Job] = {}
    for name in wanted or ("default",):
        models = [manifests.load(name) for name in manifests.names()] if name in SETS else [_load(name)]
        for manifest in models:
            if name in SETS and manifest.set != name:
                continue
            chosen: list[Backend] = [backend for backend in manifest.variants if backend in here]
            if not chosen and name not in SETS:
                chosen = _all_variants(manifest, backends)
            jobs |= {(manifest.name, backend): Job(manifest, backend) for backend in chosen}
    return list(jobs.values())


def _load(name: str) -> Manifest:
    if name not in manifests.names():
        raise ModelError(f"no model or set {name!r}: there is {', '.join((*SETS, *manifests.names()))}")
    return manifests.load(name)


def _all_variants(manifest: Manifest, backends: Sequence[Backend]) -> list[Backend]:
    if backends:
        there = ", ".join(manifest.variants)
        raise ModelError(f"{manifest.name} has no {' or '.join(backends)} variant: there is {there}")
    return list(manifest.variants)


def pull(jobs: Sequence[Job], store: Store, build: Build, mirror: sources.Mirror | None, progress: Progress) -> Outcome:
    """Install every job that is not; raises StorageError if the disk will not have it."""
    outcome = Outcome()
    waiting = f"another 'vedette models' command is changing {store.root}: waiting for it"
    with reported(store.root), store.changing(lambda: progress.say(waiting)):
        outcome.kept = [job for job in jobs if _is_current(job, store)]
        todo = [job for job in jobs if job not in outcome.kept]
        for group in sources.groups([source for job in todo for source in job.sources]):
            try:
                sources.fetch(group, store, mirror, progress)
            except (EdgeError, ModelError) as error:
                outcome.errors.append(error)
        for job in todo:
            try:
                (outcome.built if _install(job, store, build, progress) else outcome.failed).append(job)
            except (EdgeError, ModelError, AcceleratorError) as error:
                outcome.errors.append(error)
                outcome.failed.append(job)
    return outcome


def _is_current(job: Job, store: Store) -> bool:
    """Whether the model is there, sound, and made by these releases, unless its sources would have to be fetched."""
    if store.faults(job.manifest, job.backend):
        return False
    record = store.record(job.manifest, job.backend)
    same = record is not None and record.made_with == made_with(job.backend)
    return same or not all(sources.is_present(store, source) for source in job.sources)


def _install(job: Job, store: Store, build: Build, progress: Progress) -> bool:
    """Build one variant; False if a source did not come."""
    files = {source.name: store.blob(source) for source in job.sources}
    if not all(file.is_file() for file in files.values()):
        return False
    with store.scratch() as scratch, progress.step(f"{job}: built") as move:
        target = scratch / "built"
        target.mkdir()
        weights = build(job.manifest, job.backend, files, target)
        record = describe(job.manifest, job.backend, target, weights)
        store.add(record, target)
        move(record.bytes)
    return True
