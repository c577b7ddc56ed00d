"""The self-signed certificate: strict clients accept it where they trust it, and nobody else does."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from cryptography import x509

from edge.errors import InputError, StorageError, UnavailableError
from edge.keys import certificate
from edge.keys.certificate import Pair, make

T = TypeVar("T")
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 23\r\nConnection: close\r\n\r\n"
    b'{"CollectionIds":["a"]}'
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make(tmp_path_factory.mktemp("tls"), certificate.usual_names())


def test_it_is_for_the_names_and_lasts_ten_years(tmp_path: Path) -> None:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    made = make(tmp_path / "tls", ["Box.example", "192.0.2.7", "2001:db8::7"], now.timestamp())
    read = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["box.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "2001:db8::7"]
    assert read.not_valid_before_utc == now - timedelta(days=1)
    assert read.not_valid_after_utc == now + timedelta(days=3650)
    assert made.fingerprint.count(":") == 31


def test_one_that_clients_refuse_or_soon_will_is_told(tmp_path: Path, pair: Pair) -> None:
    read = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    begins, ends = read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp()
    assert certificate.doubt(pair.certificate) == certificate.doubt(tmp_path / "absent") == ""
    assert "is valid from" in certificate.doubt(pair.certificate, begins - 60)
    assert certificate.doubt(pair.certificate, ends - 15 * 86400) == ""
    assert f"{pair.certificate}: expires on " in certificate.doubt(pair.certificate, ends - 86400)
    assert f"{pair.certificate}: has expired on " in certificate.doubt(pair.certificate, ends + 60)
    assert certificate.doubt(pair.key) == ""


def test_only_its_owner_may_read_the_key(pair: Pair) -> None:
    assert pair.key.stat().st_mode & 0o7777 == 0o600
    assert b"PRIVATE" not in pair.certificate.read_bytes()


def test_one_that_is_there_is_never_replaced(pair: Pair) -> None:
    before = pair.certificate.read_bytes()
    with pytest.raises(InputError, match="is there already, and clients may trust it"):
        make(pair.certificate.parent, ["localhost"])
    assert pair.certificate.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["", "https://box", "box:8080", "a b", "-box", "bücher.example", "300.0.0.1", "x" * 254]
)
def test_a_name_must_be_one_that_clients_use(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="neither a host's name nor an address"):
        make(tmp_path, [name])
    assert not list(tmp_path.iterdir())


def test_it_waits_for_the_clock(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"clock is not set \(it says 1970-01-01\)"):
        make(tmp_path, ["localhost"], 0.0)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="--out"):
        make(tmp_path / "file" / "tls", ["localhost"])


def served(pair: Pair, ask: Callable[[int], T]) -> T:
    """What `ask` gets of a server that shows this certificate and answers one request with one collection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            server.settimeout(20)
            with suppress(ssl.SSLError, ConnectionError):
                connection, _ = server.accept()
                with connection, context.wrap_socket(connection, server_side=True) as secure:
                    received = b""
                    while not received.endswith(b"{}"):  # what each of them sends
                        if not (part := secure.recv(65536)):
                            return
                        received += part
                    secure.sendall(ANSWER)

        serving = pool.submit(serve)
        got = ask(server.getsockname()[1])
        serving.result()
        return got


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_strictest_python_accepts_it(pair: Pair, host: str) -> None:
    def ask(port: int) -> None:
        context = ssl.create_default_context(cafile=str(pair.certificate))
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN  # as from Python 3.13 on
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            context.wrap_socket(connection, server_hostname=host) as secure,
        ):
            secure.sendall(b"{}")
            assert secure.recv(65536).startswith(b"HTTP/1.1 200")

    served(pair, ask)


def listed(port: int, **settings: Any) -> Any:
    client = boto3.client(
        "rekognition",
        region_name="us-east-1",
        endpoint_url=f"https://127.0.0.1:{port}",
        aws_access_key_id="AKIAAAAAAAAAAAAAAAAA",
        aws_secret_access_key="x",
        config=Config(retries={"max_attempts": 0}, connect_timeout=10, read_timeout=10),
        **settings,
    )
    try:
        return client.list_collections()["CollectionIds"]
    finally:
        client.close()


def test_boto3_trusts_it_when_told(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(pair, lambda port: listed(port, verify=str(pair.certificate))) == ["a"]
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pair.certificate))
    assert served(pair, listed) == ["a"]


def test_boto3_does_not_trust_it_otherwise(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)

    def ask(port: int) -> None:
        with pytest.raises(botocore.exceptions.SSLError):
            listed(port)

    served(pair, ask)


FETCH = """fetch("https://localhost:PORT/", {method: "POST", body: "{}"})
    .then(answer => answer.text()).then(text => console.log(text))"""


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("curl", ["-s", "-m", "10", "-d", "{}", "--cacert", "CERTIFICATE", "https://127.0.0.1:PORT/"]),
        ("node", ["-e", FETCH]),
    ],
)
def test_others_trust_it_when_told(pair: Pair, program: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which(program):
        pytest.skip(f"there is no {program} here")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(pair.certificate))

    def ask(port: int) -> None:
        told = [word.replace("CERTIFICATE", str(pair.certificate)).replace("PORT", str(port)) for word in words]
        done = subprocess.run([program, *told], capture_output=True, text=True, timeout=30, check=False)
        assert '{"CollectionIds":["a"]' in done.stdout, done.stderr

    served(pair, ask)
