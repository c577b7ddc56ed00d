"""The `[api]` table: what it takes, and what it refuses with a place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge import config
from edge.endpoint import ApiSettings, BucketSettings
from edge.errors import ConfigError
from edge.keys import certificate


def load(folder: Path, text: str) -> ApiSettings:
    path = folder / "vedette.toml"
    path.write_text(text, "utf-8")
    return config.load(path).api


def test_without_a_word_there_is_no_api() -> None:
    assert config.load(None).api.port == 0


def test_a_bucket_is_a_folder_beside_the_file(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[api.buckets]\nmy-bucket = "pictures"\n')
    assert loaded.buckets["my-bucket"] == BucketSettings(folder=tmp_path / "pictures")


def test_a_bucket_may_lie_at_a_server(tmp_path: Path) -> None:
    text = '[api.buckets.archive]\nendpoint = "http://nas:9000"\nkey_id = "me"\nsecret_file = "s3.secret"\n'
    archive = load(tmp_path, text).buckets["archive"]
    with pytest.raises(ConfigError, match=r"api\.buckets: secret_file: .*s3\.secret cannot be read"):
        archive.secret_key()
    (tmp_path / "s3.secret").write_text("hush\n")
    assert archive.secret_key() == "hush"
    assert BucketSettings(endpoint="http://nas:9000").secret_key() == ""


def test_the_endpoint_is_what_clients_are_given() -> None:
    assert ApiSettings(port=8432).place == "http://127.0.0.1:8432"
    secure = ApiSettings(host="::1", port=8432, tls_certificate=Path("a.pem"), tls_key=Path("a.key"))
    assert secure.place == "https://[::1]:8432"


@pytest.mark.parametrize(
    ("host", "overheard"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("porch", True)],  # noqa: S104
)
def test_without_tls_others_can_overhear_what_is_not_for_this_machine_alone(host: str, overheard: bool) -> None:
    assert ApiSettings(host=host, port=8432).overheard is overheard
    assert not ApiSettings(host=host, tls_certificate=Path("a.pem"), tls_key=Path("a.key")).overheard


def test_the_audit_lies_in_the_data_folder_unless_it_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, "").audit.within(Path("/data")) == Path("/data/audit")
    assert load(tmp_path, '[api.audit]\nfolder = "told"\n').audit.within(Path("/data")) == tmp_path / "told"


def test_of_certificate_and_key_the_unfit_one_is_told(tmp_path: Path) -> None:
    ours, other = (certificate.make(tmp_path / name, ["localhost"]) for name in ("ours", "other"))
    (note := tmp_path / "note").write_text("no certificate")
    for chain, key, said in (
        (note, ours.key, f"{note} is no certificate in PEM; name"),
        (ours.certificate, note, f"{note} is no key in PEM, or has a passphrase; name"),
        (ours.certificate, other.key, f"{other.key} is not the key of {ours.certificate}; name"),
        (tmp_path / "absent", ours.key, "no such file or directory; name"),
    ):
        with pytest.raises(ConfigError) as caught:
            ApiSettings(tls_certificate=chain, tls_key=key).tls()
        assert str(caught.value).startswith("api.tls_certificate: ")
        assert f"{said} a certificate and its key, or make both with 'vedette keys certificate'" in str(caught.value)


def test_a_key_that_is_too_short_is_told_as_such(tmp_path: Path) -> None:
    short, made = tmp_path / "short.key", tmp_path / "short.pem"
    words = ("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", short, "-out", made, "-subj", "/CN=localhost")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt install openssl")
    subprocess.run(["openssl", *words], check=True, capture_output=True)
    with pytest.raises(ConfigError, match=f"{made} holds a key that is too short for today's clients: RSA takes 2048"):
        ApiSettings(tls_certificate=made, tls_key=short).tls()


def test_every_file_is_named_with_its_key(tmp_path: Path) -> None:
    text = '[api]\ntls_certificate = "a.pem"\ntls_key = "a.key"\n[api.buckets.archive]\nendpoint = "https://nas"\n'
    loaded = load(tmp_path, text + 'ca_file = "ca.pem"\n')
    assert dict(loaded.files()) == {
        "api.tls_certificate": tmp_path / "a.pem",
        "api.tls_key": tmp_path / "a.key",
        "api.buckets.archive.ca_file": tmp_path / "ca.pem",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prt = 1", "api.prt: unknown key; did you mean 'port'?"),
        ('tls_key = "a.key"', "vedette.toml: api: tls_certificate and tls_key need each other"),
        ("body_mb = 65", "body_mb = 65 does not fit into memory_mb = 64"),
        ('account = "12"', "api.account: an account is 12 digits"),
        ('region = "Mars"', "api.region: a region is such as us-east-1"),
        (
            '[api.buckets]\n"x y z" = "there"',
            "api.buckets.x y z: a bucket's name is 3 to 255 letters, digits and . _ -",
        ),
        (
            '[api.buckets]\nphotos = ""',
            "api.buckets.photos.folder: names no place; leave the key out, or write '.' for the",
        ),
        ("[api.buckets]\nphotos = 5", "api.buckets.photos: write a folder, or a table with an endpoint"),
        ('port = "8432"', "api.port: write a whole number, without quotes"),
        ("[api.audit]\nrequired = 1", "api.audit.required: write true or false, without quotes"),
        ("[api.buckets.photos]", "api.buckets.photos: needs a folder or an endpoint, and not both"),
        ('[api.buckets.photos]\nfoldr = "x"', "api.buckets.photos.foldr: unknown key; did you mean 'folder'?"),
        ('[api.buckets.photos]\nfolder = "x"\nregion = "eu-west-1"', "a folder takes no other key"),
        (
            '[api.buckets.photos]\nendpoint = "nas:9000"',
            "api.buckets.photos.endpoint: an endpoint is such as https://nas:9000, without a path",
        ),
        ('[api.buckets.photos]\nendpoint = "http://nas"\nkey_id = "me"', "key_id and a secret need each other"),
        (
            '[api.buckets.photos]\nendpoint = "http://nas"\nkey_id = "me"\nsecret = "a"\nsecret_file = "b"',
            "secret and secret_file exclude each other",
        ),
    ],
)
def test_a_fault_names_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[api]\n{text}\n")
    assert said in str(caught.value)
