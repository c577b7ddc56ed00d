"""A pack arrives whole or not at all."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import EXPECTED, InputError, MissingError, StorageError
from edge.packs.bundle import BLOCK, INDEX, _front, header, install, pack
from edge.packs.progress import Silent
from edge.packs.records import describe
from edge.packs.store import Store
from models.manifest import Backend, Manifest, ModelError


def put(store: Store, manifest: Manifest, backend: Backend, data: bytes) -> None:
    with store.changing(), store.scratch() as scratch:
        target = scratch / "built"
        target.mkdir()
        (target / "model.bin").write_bytes(data)
        (target / "model.xml").write_text(f"<{manifest.name}/>")
        store.add(describe(manifest, backend, target, target / "model.xml"), target)


@pytest.fixture
def full(zoo: Any, source: Any, store: Store) -> Store:
    """A store with three models."""
    alpha = zoo.add("alpha", source("graph", b"graph", kind="pip", package="p", version="1", path="x"))
    beta = zoo.add("beta", source("graph", b"other", kind="pip", package="p", version="1", path="y"))
    put(store, alpha, "openvino", b"a" * 1000)
    put(store, alpha, "coral", b"c" * 512)
    put(store, beta, "openvino", b"")
    return store


@pytest.fixture
def file(full: Store, tmp_path: Path) -> Path:
    path = tmp_path / "set.vedette"
    pack(full, [], path)
    return path


@pytest.fixture
def device(tmp_path: Path) -> Store:
    return Store(tmp_path / "device")


def contents(store: Store) -> dict[str, bytes]:
    built = store.root / "built"
    return {str(file.relative_to(built)): file.read_bytes() for file in built.rglob("*") if file.is_file()}


def test_what_was_packed_is_installed_elsewhere(full: Store, file: Path, device: Store) -> None:
    index = install(device, file, Silent())
    assert [(record.name, record.backend) for record in index.models] == [
        ("alpha", "openvino"),
        ("alpha", "coral"),
        ("beta", "openvino"),
    ]
    assert contents(device) == contents(full)
    assert device.verify() == []


def test_the_same_store_gives_the_same_bytes_and_any_tar_reads_them(full: Store, file: Path, tmp_path: Path) -> None:
    pack(full, [], tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()
    with tarfile.open(file) as tar:
        names = tar.getnames()
        assert names[:3] == ["index.json", "index.sha256", "alpha/openvino/model.bin"]
        assert tar.extractfile("beta/openvino/model.xml").read() == b"<beta/>"
        sums = json.load(tar.extractfile(INDEX))["models"][0]["files"]
    assert sums["model.bin"]["sha256"] == hashlib.sha256(b"a" * 1000).hexdigest()


def test_only_some_models(full: Store, tmp_path: Path, device: Store) -> None:
    pack(full, ["beta"], tmp_path / "one")
    install(device, tmp_path / "one", Silent())
    assert [built.manifest.name for built in device.installed()] == ["beta"]


def test_what_is_not_installed_cannot_be_packed(full: Store, device: Store, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gamma is not installed: run 'vedette models pull' first"):
        pack(full, ["beta", "gamma"], tmp_path / "file")
    with pytest.raises(ModelError, match="the default set is not installed"):
        pack(device, [], tmp_path / "file")


def test_an_altered_model_is_not_packed(full: Store, tmp_path: Path) -> None:
    weights = full.find("alpha", "openvino").weights.with_name("model.bin")
    weights.write_bytes(b"b" * 1000)
    with pytest.raises(ModelError, match=r"model.bin was altered; run 'vedette models verify'"):
        pack(full, [], tmp_path / "file")
    assert not list(tmp_path.glob("file*"))


def test_installing_twice_mends(file: Path, device: Store) -> None:
    install(device, file, Silent())
    device.find("alpha", "openvino").weights.with_name("model.bin").unlink()
    install(device, file, Silent())
    assert device.verify() == []


@pytest.mark.parametrize("keep", [0, 1, BLOCK, BLOCK + 10, 3000, -1, -BLOCK, -3 * BLOCK])
def test_a_pack_cut_short_installs_nothing(file: Path, device: Store, keep: int) -> None:
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"set.vedette: .*(damaged|cut short)"):
        install(device, file, Silent())
    assert device.installed() == []


@pytest.mark.parametrize("more", [b"\0", b"x", bytes(BLOCK), header("alpha/openvino/more", 0) + bytes(2 * BLOCK)])
def test_a_byte_too_many_is_refused(file: Path, device: Store, more: bytes) -> None:
    file.write_bytes(file.read_bytes() + more)
    with pytest.raises(InputError, match="damaged"):
        install(device, file, Silent())


def test_an_extra_file_a_link_or_a_strange_path_is_refused(file: Path, device: Store) -> None:
    good = file.read_bytes()
    first = header("alpha/openvino/model.bin", 1000)
    link = bytearray(first)
    link[156:157] = b"2"
    link[157:168] = b"/etc/passwd"
    link[148:156] = b" " * 8
    link[148:156] = b"%06o\0 " % sum(link)
    for other in (header("alpha/openvino/extra", 0) + first, bytes(link), header("../../../etc/cron.d/x", 1000)):
        file.write_bytes(good.replace(first, other))
        with pytest.raises(InputError, match="damaged or cut short"):
            install(device, file, Silent())
    assert contents(device) == {}


def rewritten(file: Path, change: Any) -> None:
    """The same pack with another index, all sums right."""
    data = file.read_bytes()
    size = int(data[124:135], 8)
    index = json.loads(data[BLOCK : BLOCK + size])
    change(index)
    text = json.dumps(index, indent=1, separators=(",", ": ")).encode()
    rest = data[len(_front(data[BLOCK : BLOCK + size])) :]
    file.write_bytes(_front(text) + rest)


def test_the_rewriter_of_these_tests_keeps_a_pack_sound(file: Path, device: Store) -> None:
    rewritten(file, lambda _: None)
    install(device, file, Silent())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda index: index.update(format=2, shape="new"), "made by a newer Vedette; upgrade this one"),
        (lambda index: index.update(format=0), "index is damaged"),
        (lambda index: index.update(extra=1), "index is damaged"),
        (lambda index: index["models"][0].update(name="../alpha"), "index is damaged"),
        (lambda index: index["models"][0].update(name="omega"), "omega for openvino is not the model"),
        (lambda index: index["models"][0].update(backend="tflite"), "alpha for tflite is not the model"),
        (lambda index: index["models"][0].update(digest="0" * 64), "alpha for openvino is not the model that this"),
        (lambda index: index["models"][0].update(weights="none.xml"), "record of alpha is damaged"),
        (lambda index: index["models"].append(index["models"][0]), "index is damaged"),
        (lambda index: index["models"][0]["files"].update({"a/b": {"bytes": 0, "sha256": "0" * 64}}), "is damaged"),
        (lambda index: index["models"][0]["files"]["model.bin"].update(sha256="0" * 64), "damaged or cut short"),
        (lambda index: index["models"][0]["files"]["model.bin"].update(bytes=999), "damaged or cut short"),
        (lambda index: index["models"][0]["files"]["model.bin"].update(bytes=-1), "index is damaged"),
    ],
)
def test_an_index_that_lies_is_refused(file: Path, device: Store, change: Any, sentence: str) -> None:
    rewritten(file, change)
    with pytest.raises(InputError, match=sentence):
        install(device, file, Silent())
    assert contents(device) == {}


def test_no_such_pack(device: Store, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        install(device, tmp_path / "none", Silent())
    with pytest.raises(InputError, match="Is a directory"):
        install(device, tmp_path, Silent())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_anywhere_is_refused(file: Path, device: Store, tmp_path: Path, data: st.DataObject) -> None:
    flipped = bytearray(file.read_bytes())
    places = st.integers(0, len(flipped) - 1)
    for place, change in data.draw(st.dictionaries(places, st.integers(1, 255), min_size=1, max_size=4)).items():
        flipped[place] ^= change
    path = tmp_path / "flipped"
    path.write_bytes(flipped)
    with pytest.raises(EXPECTED):
        install(device, path, Silent())
    assert contents(device) == {}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary(max_size=600))
def test_any_index_at_all_is_refused_politely(device: Store, tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(_front(text) + bytes(2 * BLOCK))
    with pytest.raises(InputError):
        install(device, path, Silent())


def test_a_deep_index_is_refused_politely(device: Store, tmp_path: Path) -> None:
    text = b"[" * 100_000
    path = tmp_path / "deep"
    path.write_bytes(_front(text))
    with pytest.raises(InputError, match="index is damaged"):
        install(device, path, Silent())


def test_a_pack_that_cannot_be_written_says_where_and_what_helps(
    full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=rf"{tmp_path}: is a folder; name the file to write, such as"):
        pack(full, [], tmp_path)
    with pytest.raises(MissingError, match=rf"{tmp_path}/no/x: there is no folder {tmp_path}/no; make it"):
        pack(full, [], tmp_path / "no" / "x")
    (tmp_path / "photo.jpg").write_bytes(b"dear")
    with pytest.raises(InputError, match="is no pack of models, and would be lost; name another file"):
        pack(full, [], tmp_path / "photo.jpg")
    for _ in range(2):
        pack(full, [], tmp_path / "again")

    def denied(path: Path, mode: str = "r", *more: Any) -> Any:
        if mode == "wb":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, mode, *more)

    real = Path.open
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(StorageError) as told:
        pack(full, [], tmp_path / "x")
    assert str(told.value) == (
        f"{tmp_path / 'x'}: Permission denied; let this user write there, or name a file elsewhere"
    )
