"""A pack is fetched as it was announced, from a real web server or out of one folder, or not at all."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.custom import fetching
from edge.custom.manifests import CustomSettings, Manifest
from edge.errors import DeniedError, MissingError, StorageError, UnavailableError
from tests.servers import Web, serving

DATA = bytes(range(256)) * 1000
SETTINGS = CustomSettings(max_mb=1)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        web.files["/pack"] = DATA
        yield web


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Over TLS, with a certificate that this process trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", *words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(context) as web:
        web.files["/pack"] = DATA
        yield web


def manifest(**told: Any) -> Manifest:
    sealed = {"sha256": hashlib.sha256(DATA).hexdigest(), "bytes": len(DATA)}
    return Manifest.model_validate({"project": "raccoons", "version": "1", **sealed, **told})


def fetch(folder: Path, one: Manifest, settings: CustomSettings = SETTINGS) -> Path:
    return fetching.fetch(one, settings, folder / "fetched", lambda: False)


def test_a_pack_comes_from_a_url(tmp_path: Path, web: Web) -> None:
    assert fetch(tmp_path, manifest(url=web.url("/pack"))).read_bytes() == DATA


def test_a_broken_download_goes_on_where_it_ended(tmp_path: Path, web: Web) -> None:
    web.breaks = [70_000, 0]
    for ended in (70_000, 70_000):
        with pytest.raises(UnavailableError, match=f"ended after {ended} of 256000 bytes; it is tried again"):
            fetch(tmp_path, manifest(url=web.url("/pack")))
    assert fetch(tmp_path, manifest(url=web.url("/pack"))).read_bytes() == DATA
    assert web.asked == [("/pack", ""), ("/pack", "bytes=70000-"), ("/pack", "bytes=70000-")]


def test_another_file_than_was_announced_is_thrown_away(tmp_path: Path, web: Web) -> None:
    web.files["/pack"] = DATA[::-1]
    with pytest.raises(UnavailableError, match="is not the pack that was announced"):
        fetch(tmp_path, manifest(url=web.url("/pack")))
    web.files["/pack"] = DATA + b"more"
    with pytest.raises(UnavailableError, match="holds more than the 256000 bytes that were announced"):
        fetch(tmp_path, manifest(url=web.url("/pack")))
    assert not list((tmp_path / "fetched").iterdir())


def test_a_server_without_an_end_is_not_listened_to(tmp_path: Path, web: Web) -> None:
    web.files["/pack"] = bytes(64 << 20)
    with pytest.raises(UnavailableError, match="holds more than"):
        fetch(tmp_path, manifest(url=web.url("/pack")))


def test_a_redirect_is_followed_within_the_web_only(tmp_path: Path, web: Web) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(DATA)
    web.told["/there"] = (302, {"Location": web.url("/pack")})
    assert fetch(tmp_path, manifest(url=web.url("/there"))).read_bytes() == DATA
    for place in (secret.as_uri(), "ftp://localhost/pack", "data:,x", "FILE:///etc/passwd"):
        web.told["/away"] = (302, {"Location": place})
        (tmp_path / "fetched" / f"{manifest(url=web.url('/away')).sha256}.part").unlink(missing_ok=True)
        with pytest.raises(DeniedError, match="redirects to where nothing is fetched from"):
            fetch(tmp_path, manifest(url=web.url("/away")))
    web.told["/round"] = (302, {"Location": web.url("/round")})
    with pytest.raises(DeniedError, match="redirects"):
        fetch(tmp_path, manifest(url=web.url("/round")))


def test_tls_is_never_left(tmp_path: Path, web: Web, secure: Web) -> None:
    assert fetch(tmp_path, manifest(url=secure.url("/pack"))).read_bytes() == DATA
    shutil.rmtree(tmp_path / "fetched")
    secure.told["/down"] = (302, {"Location": web.url("/pack")})
    with pytest.raises(DeniedError, match="redirects to where nothing is fetched from"):
        fetch(tmp_path, manifest(url=secure.url("/down")))
    web.told["/up"] = (302, {"Location": secure.url("/pack")})
    assert fetch(tmp_path, manifest(url=web.url("/up"))).read_bytes() == DATA


def test_a_certificate_of_nobody_is_not_believed(tmp_path: Path, secure: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(tmp_path, manifest(url=secure.url("/pack")))


@pytest.mark.parametrize(("status", "told"), [(404, "404"), (503, "503 Service Unavailable"), (403, "403")])
def test_what_a_server_refuses_may_pass(tmp_path: Path, web: Web, status: int, told: str) -> None:
    web.told["/pack"] = (status, {})
    with pytest.raises(UnavailableError, match=f"the server answers {told}"):
        fetch(tmp_path, manifest(url=web.url("/pack")))


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="Connection refused; it is tried again"):
        fetch(tmp_path, manifest(url="http://127.0.0.1:1/pack"))


@pytest.mark.parametrize(
    "place",
    ["http://localhost:99999/", "http://[::1", "http://\u00fc\u00fc.\u00fc/", "http://localhost:1/\u00fc", "nonsense"],
)
def test_addresses_that_are_none_are_told(tmp_path: Path, web: Web, place: str) -> None:
    web.told["/away"] = (302, {"Location": place.encode().decode("latin-1")})
    with pytest.raises((DeniedError, UnavailableError)):
        fetch(tmp_path, manifest(url=web.url("/away")))
    with pytest.raises((DeniedError, UnavailableError, ValueError)):
        fetch(tmp_path, manifest(url=place))


def test_sizes_are_capped_before_anything_is_asked(tmp_path: Path, web: Web) -> None:
    with pytest.raises(DeniedError, match=r"3\.0 MB are more than custom.max_mb = 1 allows"):
        fetch(tmp_path, manifest(url=web.url("/pack"), bytes=3 << 20))
    assert not web.asked


def test_a_disk_without_room_is_told_before_it_is_full(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 30, 1 << 30, 1 << 20))  # type: ignore[attr-defined]
    with pytest.raises(UnavailableError, match=r"1 MB are free, 16 MB needed; it is tried again"):
        fetch(tmp_path, manifest(url=web.url("/pack")))


def test_a_full_disk_is_told(tmp_path: Path, web: Web) -> None:
    (tmp_path / "fetched").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        fetch(tmp_path, manifest(url=web.url("/pack")))


def test_who_gives_up_does_not_wait_for_the_rest(tmp_path: Path, web: Web) -> None:
    with pytest.raises(UnavailableError, match="was given up"):
        fetching.fetch(manifest(url=web.url("/pack")), SETTINGS, tmp_path / "fetched", lambda: True)


def test_a_file_lies_in_one_folder(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "pack").write_bytes(DATA)
    (tmp_path / "outside").write_bytes(DATA)
    (stick / "link").symlink_to(tmp_path / "outside")
    settings = CustomSettings(folder=stick)
    assert fetch(tmp_path, manifest(file="pack"), settings) == stick / "pack"
    for name in ("../outside", str(tmp_path / "outside"), "link"):
        with pytest.raises(DeniedError, match=r"leads out of custom\.folder"):
            fetch(tmp_path, manifest(file=name), settings)
    with pytest.raises(MissingError, match="no such file; it is tried again"):
        fetch(tmp_path, manifest(file="absent"), settings)
    (stick / "round").symlink_to(stick / "round")
    for name in ("n" * 300, "round"):
        with pytest.raises((StorageError, MissingError, DeniedError)):
            fetch(tmp_path, manifest(file=name), settings)
    with pytest.raises(DeniedError, match=r"custom\.folder names no folder"):
        fetch(tmp_path, manifest(file="pack"))
    (stick / "pack").write_bytes(DATA[::-1])
    with pytest.raises(UnavailableError, match="is not the pack that was announced"):
        fetch(tmp_path, manifest(file="pack"), settings)
