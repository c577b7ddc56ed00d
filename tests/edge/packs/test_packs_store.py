"""What a model is, where it lies, and how one knows that it is still whole."""

from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from edge.errors import StorageError
from edge.packs.records import describe, identity
from edge.packs.store import Store, default_root, reported
from models.manifest import Backend, Manifest, ModelError


@pytest.fixture
def model(zoo: Any, source: Any) -> Manifest:
    return zoo.add("alpha", source("graph", b"graph", kind="pip", package="p", version="1", path="x"))


def put(store: Store, manifest: Manifest, backend: Backend = "openvino", data: bytes = b"weights") -> None:
    with store.changing(), store.scratch() as scratch:
        target = scratch / "built"
        target.mkdir()
        (target / "model.bin").write_bytes(data)
        (target / "model.xml").write_text("<net/>")
        store.add(describe(manifest, backend, target, target / "model.xml"), target)


def test_what_is_installed_is_found(store: Store, model: Manifest) -> None:
    put(store, model)
    built = store.find("alpha", "openvino")
    assert built.weights.read_text() == "<net/>"
    assert built.weights.with_name("model.bin").read_bytes() == b"weights"
    assert built.digest == identity(model, "openvino")
    assert [(found.manifest.name, found.backend) for found in store.installed()] == [("alpha", "openvino")]
    assert store.verify() == []


@pytest.mark.usefixtures("model")
def test_what_is_not_installed_names_the_command(store: Store) -> None:
    with pytest.raises(
        ModelError, match=r"not installed for coral .*: run 'vedette models pull alpha --backend coral'"
    ):
        store.find("alpha", "coral")
    with pytest.raises(ModelError, match="alpha has no tflite variant: there is openvino, coral"):
        store.find("alpha", "tflite")
    with pytest.raises(ModelError, match="no model 'beta': there is alpha"):
        store.find("beta", "openvino")
    assert not store.root.exists()


def test_identity_is_of_the_meaning_not_of_the_machine(
    zoo: Any, source: Any, model: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identity(model, "openvino")
    assert before != identity(model, "coral")
    monkeypatch.setattr("edge.packs.records.made_with", lambda _: {"openvino": "2031.1"})
    assert identity(model, "openvino") == before
    pins = {"kind": "pip", "package": "p", "version": "1", "path": "x"}
    moved = source("renamed", b"graph", **pins | {"package": "elsewhere"})
    assert identity(zoo.add("alpha", moved), "openvino") == before
    assert identity(zoo.add("alpha", source("graph", b"other", **pins)), "openvino") != before
    assert identity(zoo.add("alpha", source("graph", b"graph", **pins), recipe="more"), "openvino") != before


def test_a_default_added_later_leaves_an_identity_alone(model: Manifest) -> None:
    assert model.input.pad == 114
    spelt = model.input.model_copy(update={"pad": 114})
    assert identity(model.model_copy(update={"input": spelt}), "openvino") == identity(model, "openvino")
    black = model.input.model_copy(update={"pad": 0})
    assert identity(model.model_copy(update={"input": black}), "openvino") != identity(model, "openvino")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lambda folder: flip(folder / "model.bin"), "model.bin was altered: run 'vedette models pull alpha"),
        (lambda folder: (folder / "model.bin").unlink(), "model.bin is missing: run"),
        (lambda folder: (folder / "extra").write_text("?"), "extra does not belong there: run"),
        (lambda folder: (folder / "record.json").write_text("{}"), "record.json is missing or unreadable: run"),
    ],
)
def test_verify_reads_every_byte(store: Store, model: Manifest, harm: Any, problem: str) -> None:
    put(store, model)
    put(store, model, "coral")
    harm(store.find("alpha", "openvino").weights.parent)
    (fault,) = store.verify()
    assert (fault.name, fault.backend) == ("alpha", "openvino")
    assert problem in fault.problem


def test_find_sees_a_file_cut_short(store: Store, model: Manifest) -> None:
    put(store, model)
    store.find("alpha", "openvino").weights.with_name("model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"model.bin is missing or cut short: run 'vedette models pull alpha"):
        store.find("alpha", "openvino")
    assert store.installed() == []


def test_a_new_build_replaces_the_old_and_leaves_the_last_one_of_another_release(
    store: Store, model: Manifest, zoo: Any, source: Any
) -> None:
    put(store, model)
    put(store, model, data=b"better")
    assert store.find("alpha", "openvino").weights.with_name("model.bin").read_bytes() == b"better"
    places = [store.find("alpha", "openvino").weights.parent]
    compiled = store.compiled(places[0].name)
    compiled.mkdir(parents=True)
    for number, lesson in enumerate(("learned more", "and more")):
        os.utime(places[-1], (number, number))
        put(store, zoo.add("alpha", source("graph", b"graph", kind="pip"), recipe=lesson))
        places.append(store.find("alpha", "openvino").weights.parent)
    assert {*places[0].parent.iterdir()} == {*places[1:]}
    assert not compiled.exists()
    assert list((store.root / "tmp").iterdir()) == []


def test_a_build_of_anything_but_plain_files_is_refused(model: Manifest, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "model.xml").symlink_to("/etc/passwd")
    with pytest.raises(ModelError, match="not a plain file"):
        describe(model, "openvino", target, target / "model.xml")


def hold(root: Path, held: Any, done: Any) -> None:
    with Store(root).changing():
        held.set()
        done.wait(10)


def test_the_lock_waits_and_says_so_and_dies_with_its_holder(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(store.root, held, done))
    holder.start()
    assert held.wait(20)
    said = []

    def waiting() -> None:
        said.append("waiting")
        holder.kill()

    with store.changing(waiting):
        assert said == ["waiting"]
    holder.join()
    holder.close()


def test_leavings_of_a_killed_pull_are_swept(store: Store) -> None:
    litter = store.root / "tmp" / "dead" / "half"
    litter.mkdir(parents=True)
    with store.changing():
        assert not litter.exists()


def test_the_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_MODELS", "/srv/models")
    assert default_root() == Path("/srv/models")
    monkeypatch.delenv("VEDETTE_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert default_root() == Path("/srv/data/vedette/models")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/who")
    assert default_root() == Path("/home/who/.local/share/vedette/models")


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    with (
        pytest.raises(StorageError, match="Not a directory; name another folder in VEDETTE_MODELS"),
        reported(store.root),
        store.changing(),
    ):
        pass


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "free some space, or name another folder in VEDETTE_MODELS"),
        (errno.EACCES, "let this user write there, or name another folder in VEDETTE_MODELS"),
        (errno.EROFS, "mount the disk for writing, or name another folder in VEDETTE_MODELS"),
        (errno.EIO, "check the disk, or name another folder in VEDETTE_MODELS"),
    ],
)
def test_each_refusal_of_the_disk_has_its_own_remedy(tmp_path: Path, code: int, remedy: str) -> None:
    with pytest.raises(StorageError) as told, reported(tmp_path):
        raise OSError(code, os.strerror(code), str(tmp_path / "blob"))
    assert str(told.value) == f"{tmp_path / 'blob'}: {os.strerror(code)}; {remedy}"
