"""Pulling: only what is missing, once, and as far as it goes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from accel.session import AcceleratorError
from edge.errors import StorageError, UnavailableError
from edge.packs import pull as pulling
from edge.packs.progress import Silent
from edge.packs.pull import Job, choose, pull
from edge.packs.store import Store
from models.manifest import Backend, Manifest, ModelError

pytestmark = pytest.mark.usefixtures("models")

ALPHA, BETA, GAMMA = (letter * 5000 for letter in (b"a", b"b", b"c"))


@pytest.fixture
def models(zoo: Any, shelf: Any, source: Any) -> dict[str, Manifest]:
    """Alpha and beta share an npm package; gamma comes in a wheel; delta is extended."""
    tgz = {"kind": "npm", "package": "@who/models", "version": "2.0"}
    wheel = {"kind": "pip", "package": "some-face", "version": "1.0", "path": "some_face/c.onnx"}
    shelf.tgz("@who/models", "2.0", {"package/a.bin": ALPHA, "package/b.bin": BETA})
    shelf.wheel("some-face", "1.0", {"some_face/c.onnx": GAMMA})
    return {
        "alpha": zoo.add("alpha", source("graph", ALPHA, **tgz, path="package/a.bin")),
        "beta": zoo.add("beta", source("graph", BETA, **tgz, path="package/b.bin")),
        "gamma": zoo.add("gamma", source("graph", GAMMA, **wheel)),
        "delta": zoo.add("delta", source("graph", ALPHA, **tgz, path="package/a.bin"), part_of="extended"),
    }


def test_the_default_set_is_built_from_each_package_fetched_once(shelf: Any, store: Store, builder: Any) -> None:
    outcome = pull(choose([], ["openvino"]), store, builder, None, Silent())
    assert builder.built == ["alpha openvino", "beta openvino", "gamma openvino"]
    assert len(shelf.calls()) == 1
    assert store.find("gamma", "openvino").weights.with_name("model.bin").read_bytes() == GAMMA
    assert [str(job) for job in outcome.built] == ["alpha for openvino", "beta for openvino", "gamma for openvino"]
    assert outcome.errors == []


def test_what_is_there_is_left_alone(shelf: Any, store: Store, builder: Any) -> None:
    pull(choose([], ["openvino"]), store, builder, None, Silent())
    builder.built.clear()
    outcome = pull(choose([], ["openvino"]), store, builder, None, Silent())
    assert builder.built == []
    assert len(outcome.kept) == 3
    assert len(shelf.calls()) == 1


def test_another_back_end_needs_no_second_download(shelf: Any, store: Store, builder: Any) -> None:
    pull(choose(["alpha"], ["openvino"]), store, builder, None, Silent())
    pull(choose(["alpha"], ["coral"]), store, builder, None, Silent())
    assert builder.built == ["alpha openvino", "alpha coral"]
    assert len(shelf.calls()) == 1


def test_an_altered_file_is_mended_without_a_network(shelf: Any, store: Store, builder: Any) -> None:
    pull(choose(["alpha"], ["openvino"]), store, builder, None, Silent())
    weights = store.find("alpha", "openvino").weights.with_name("model.bin")
    weights.write_bytes(BETA)
    pull(choose(["alpha"], ["openvino"]), store, builder, None, Silent())
    assert store.verify() == []
    assert len(shelf.calls()) == 1


def test_a_new_release_of_the_runtime_rebuilds_if_that_costs_no_download(
    models: dict[str, Manifest], store: Store, builder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(choose(["alpha", "gamma"], ["openvino"]), store, builder, None, Silent())
    store.blob(models["gamma"].source("graph")).unlink()
    builder.built.clear()
    for module in ("records", "pull"):
        monkeypatch.setattr(f"edge.packs.{module}.made_with", lambda _: {"openvino": "2031.1"})
    pull(choose(["alpha", "gamma"], ["openvino"]), store, builder, None, Silent())
    assert builder.built == ["alpha openvino"]


def test_one_package_that_does_not_come_spares_the_others(shelf: Any, store: Store, builder: Any) -> None:
    (shelf.folder / "who-models-2.0.tgz").unlink()
    outcome = pull(choose([], ["openvino"]), store, builder, None, Silent())
    assert builder.built == ["gamma openvino"]
    assert [str(job) for job in outcome.failed] == ["alpha for openvino", "beta for openvino"]
    (error,) = outcome.errors
    assert isinstance(error, UnavailableError)


def test_a_build_that_fails_spares_the_others_and_leaves_nothing(store: Store, builder: Any) -> None:
    def build(manifest: Manifest, backend: Backend, files: Mapping[str, Path], target: Path) -> Path:
        if manifest.name == "alpha":
            (target / "model.xml").write_text("half")
            raise AcceleratorError("alpha: no")
        return builder(manifest, backend, files, target)

    outcome = pull(choose([], ["openvino"]), store, build, None, Silent())
    assert [str(error) for error in outcome.errors] == ["alpha: no"]
    assert [built.manifest.name for built in store.installed()] == ["beta", "gamma"]
    assert list((store.root / "tmp").iterdir()) == []


def test_an_interrupted_pull_resumes_with_what_it_had(shelf: Any, store: Store, builder: Any) -> None:
    def interrupted(manifest: Manifest, backend: Backend, files: Mapping[str, Path], target: Path) -> Path:
        if manifest.name == "beta":
            raise KeyboardInterrupt
        return builder(manifest, backend, files, target)

    with pytest.raises(KeyboardInterrupt):
        pull(choose([], ["openvino"]), store, interrupted, None, Silent())
    outcome = pull(choose([], ["openvino"]), store, builder, None, Silent())
    assert builder.built == ["alpha openvino", "beta openvino", "gamma openvino"]
    assert len(outcome.kept) == 1
    assert len(shelf.calls()) == 1


class Slow:
    """Builds when the other pull is known to wait for it."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, manifest: Manifest, _backend: Backend, _files: Mapping[str, Path], target: Path) -> Path:
        with self.log.open("a") as log:
            print(manifest.name, file=log)
        (target / "model.xml").write_text("x")
        return target / "model.xml"


def pull_jobs(jobs: list[Job], zoo: Path, root: Path, log: Path, start: Any) -> None:
    from models import manifest

    manifest.files = lambda _: zoo
    start.wait(20)
    assert pull(jobs, Store(root), Slow(log), None, Silent()).errors == []


def test_two_pulls_at_once_build_everything_once(zoo: Any, shelf: Any, store: Store, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, log = context.Event(), tmp_path / "built"
    arguments = (choose([], ["openvino"]), zoo.folder, store.root, log, start)
    both = [context.Process(target=pull_jobs, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    start.set()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
        process.close()
    assert log.read_text().split() == ["alpha", "beta", "gamma"]
    assert len(shelf.calls()) == 1
    assert store.verify() == []


def test_names_and_sets() -> None:
    def chosen(*wanted: str, backends: tuple[Backend, ...] = ("openvino",)) -> list[str]:
        return [str(job) for job in choose(wanted, backends)]

    assert chosen("extended") == ["delta for openvino"]
    assert chosen("gamma", "default") == ["gamma for openvino", "alpha for openvino", "beta for openvino"]
    assert chosen("beta", backends=("coral", "openvino")) == ["beta for openvino", "beta for coral"]
    assert chosen("default", backends=("tflite",)) == []
    with pytest.raises(ModelError, match="beta has no tflite variant: there is openvino, coral"):
        chosen("beta", backends=("tflite",))
    with pytest.raises(ModelError, match="no model or set 'gama': there is default, extended, alpha"):
        chosen("gama")


def test_without_a_back_end_named_those_with_a_runtime_are_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "find_spec", lambda name: name == "openvino" or None)
    assert [str(job) for job in choose(["beta"], [])] == ["beta for openvino"]
    monkeypatch.setattr(pulling, "find_spec", lambda name: name == "tflite_runtime" or None)
    assert [str(job) for job in choose(["beta"], [])] == ["beta for openvino", "beta for coral"]
    assert choose(["default"], []) == []
    monkeypatch.setattr(pulling, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="neither openvino nor a TFLite runtime is installed"):
        choose(["beta"], [])


def test_a_full_disk_is_one_sentence(store: Store) -> None:
    def build(*_: Any) -> NoReturn:
        raise OSError(28, "No space left on device", str(store.root))

    with pytest.raises(StorageError, match="No space left on device; free some space"):
        pull(choose(["gamma"], ["openvino"]), store, build, None, Silent())
