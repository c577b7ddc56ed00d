"""What a person is told who has a wrong password, a wrong port or a wrong certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.errors import ConfigError, DeniedError, UnavailableError
from edge.events import mqtt
from edge.events.mqtt import MqttSettings, check
from tests.brokers import Mosquitto, free_port, mute


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that wants a password."""
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "door", "right"], check=True, capture_output=True)
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}") as running:
        yield running


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and a certificate of each of `localhost` and the client, signed by it."""
    folder = tmp_path_factory.mktemp("certificates")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *curve, "-subj", "/CN=test CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    for name in ("localhost", "client"):
        request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
        openssl("req", *curve[:5], "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", request)
        extra.write_text(f"subjectAltName=DNS:{name}\n")
        signed = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", request, *signed, "-extfile", extra, "-out", folder / f"{name}.pem")
    return folder


@pytest.fixture
def tls(tmp_path: Path, certificates: Path) -> Iterator[Mosquitto]:
    """A broker that speaks TLS and wants a client's certificate."""
    lines = ("cafile ca.pem", "certfile localhost.pem", "keyfile localhost.key")
    inside = [line.replace(" ", f" {certificates}/") for line in lines]
    with Mosquitto(tmp_path, *inside, "require_certificate true") as running:
        yield running


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_denied_and_a_right_one_is_not(guarded: Mosquitto, protocol: Any) -> None:
    check(MqttSettings(port=guarded.port, protocol=protocol, username="door", password="right"), "porch")
    wrong = MqttSettings(port=guarded.port, protocol=protocol, username="door", password="wrong")
    with pytest.raises(DeniedError, match=rf"127.0.0.1:{guarded.port}: .*check mqtt.username"):
        check(wrong, "porch")


def test_a_password_may_live_in_a_file(guarded: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("right\n")
    settings = MqttSettings(port=guarded.port, username="door", password_file=tmp_path / "secret")
    check(settings, "porch")
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match=r"mqtt.password_file: .*secret"):
        check(settings, "porch")


def test_a_port_with_nobody_behind_it() -> None:
    port = free_port()
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port}: connection refused; start the broker"):
        check(MqttSettings(port=port), "porch")


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(UnavailableError, match=r"unknown; check mqtt[.]host"):
        check(MqttSettings(host="broker.invalid"), "porch")


@pytest.mark.parametrize("tls_on", [False, True])
def test_a_port_whose_owner_never_answers(tls_on: bool) -> None:
    with mute() as port, pytest.raises(UnavailableError, match="answer"):
        check(MqttSettings(port=port, timeout=0.2, tls=tls_on), "porch")


def test_tls_with_the_right_certificates(tls: Mosquitto, certificates: Path) -> None:
    check(secure(tls, certificates), "porch")


def secure(broker: Mosquitto, certificates: Path, **more: Any) -> MqttSettings:
    named = {
        "ca_file": certificates / "ca.pem",
        "cert_file": certificates / "client.pem",
        "key_file": certificates / "client.key",
    }
    return MqttSettings(**{"host": "localhost", "port": broker.port, "tls": True, "timeout": 2.0, **named, **more})


def test_a_certificate_of_an_unknown_ca_is_not_trusted(tls: Mosquitto, certificates: Path) -> None:
    with pytest.raises(UnavailableError, match=r"not trusted \(.*\); name its CA in mqtt.ca_file"):
        check(secure(tls, certificates, ca_file=certificates / "client.pem"), "porch")


def test_a_certificate_of_another_host_is_not_trusted(tls: Mosquitto, certificates: Path) -> None:
    with pytest.raises(UnavailableError, match=r"not trusted.*127[.]0[.]0[.]1"):
        check(secure(tls, certificates, host="127.0.0.1"), "porch")


def test_a_missing_client_certificate_is_suspected(tls: Mosquitto, certificates: Path) -> None:
    with pytest.raises(UnavailableError, match=r"mqtt[.]cert_file"):
        check(secure(tls, certificates, cert_file=None, key_file=None), "porch")


def test_a_file_that_is_no_certificate_names_itself(tls: Mosquitto, certificates: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mqtt: .*none.pem: not a readable PEM file"):
        check(secure(tls, certificates, ca_file=tmp_path / "none.pem"), "porch")


def test_plain_mqtt_on_a_tls_port_and_tls_on_a_plain_port(tls: Mosquitto, certificates: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"mqtt[.]tls"):
        check(MqttSettings(port=tls.port, timeout=2.0), "porch")
    with Mosquitto(tmp_path) as plain, pytest.raises(UnavailableError, match="TLS port"):
        check(secure(plain, certificates), "porch")


def test_a_check_leaves_the_daemon_connected(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = MqttSettings(port=broker.port)
        with mqtt.Connection(settings, "vedette-porch") as daemon:
            check(settings, "porch")
            daemon.step(0.2)


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (0x84, UnavailableError, "change mqtt.protocol"),
        (0x85, UnavailableError, "set another mqtt.client_id"),
        (0x87, DeniedError, "the broker's rights"),
        (0x88, UnavailableError, "the broker's log"),
        (0x8E, UnavailableError, "a 'device' name of its own"),
    ],
)
def test_each_reason_code_has_its_remedy(code: int, kind: type[Exception], remedy: str) -> None:
    error = mqtt.refusal(MqttSettings(), "vedette-porch", code, "No")
    assert isinstance(error, kind)
    assert str(error).endswith(remedy)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"ca_file": "ca.pem"}, "need tls = true"),
        ({"password": "x"}, "needs a username"),
        ({"username": "u", "password": "x", "password_file": "y"}, "exclude each other"),
        ({"tls": True, "key_file": "k"}, "needs cert_file"),
        ({"prefix": "a/#"}, "prefix"),
    ],
)
def test_settings_that_contradict_each_other(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        MqttSettings(**given)


def test_a_password_is_not_printed() -> None:
    assert "right" not in repr(MqttSettings(username="door", password="right"))
