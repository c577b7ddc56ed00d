"""A certificate for where there is no authority: the device signs its own, and clients are told to trust that file."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge.database import no_folder
from edge.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

CERTIFICATE, KEY = "certificate.pem", "certificate.key"
YEARS = 10
SOON = timedelta(days=14)  # before its end, in which a certificate is worth a word
EARLIER = timedelta(days=1)  # for clients whose clocks are behind
CLOCK_SET = datetime(2025, 1, 1, tzinfo=UTC)  # a device without a clock of its own starts long before
DNS = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two files, and the SHA-256 by which a person compares the certificate."""

    certificate: Path
    key: Path
    fingerprint: str
    names: tuple[str, ...]


def usual_names() -> list[str]:
    """This host as it is reached from itself and by its name."""
    return [*dict.fromkeys(["localhost", "127.0.0.1", "::1", *filter(DNS.fullmatch, [socket.gethostname()])])]


def make(folder: Path, names: Sequence[str], now: float | None = None) -> Pair:
    """A key that only its owner may read, and a certificate for these names and addresses that it signs itself.

    Raises InputError for an unfit name, or where a pair is already: clients trust that one. UnavailableError while the
    device does not know the time; StorageError if the folder refuses.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    at = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    if at < CLOCK_SET:
        raise UnavailableError(f"this device's clock is not set (it says {at:%Y-%m-%d}); set it, then run this again")
    for file in (folder / KEY, folder / CERTIFICATE):
        if file.exists():
            raise InputError(f"{file}: is there already, and clients may trust it; move it away, or name another --out")
    secret = ec.generate_private_key(ec.SECP256R1())
    certificate = _unsigned(secret.public_key(), names, at).sign(secret, hashes.SHA256())
    pem = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / KEY, pem, 0o600)
        _write(folder / CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    except OSError as error:
        raise no_folder("--out", folder, error) from error
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Pair(folder / CERTIFICATE, folder / KEY, digest, tuple(names))


def _shown(file: Path | None) -> x509.Certificate | None:
    """The one that clients are shown; None if it cannot be read, which is said where it is opened."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0] if file else None
    except (OSError, ValueError):
        return None


def names_of(file: Path | None) -> list[str]:
    """The names and addresses that a certificate is for, but for those with a wildcard; none if it cannot be read."""
    from cryptography import x509

    if (shown := _shown(file)) is None:
        return []
    try:
        named = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    names = [*named.get_values_for_type(x509.DNSName), *map(str, named.get_values_for_type(x509.IPAddress))]
    return [name for name in names if "*" not in name]


def doubt(file: Path | None, now: float | None = None) -> str:
    """Why clients will refuse this certificate though it is one, or soon will; empty if they will not."""
    if (shown := _shown(file)) is None:
        return ""
    at = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    begins, ends = shown.not_valid_before_utc, shown.not_valid_after_utc
    if at < begins:
        return f"{file}: is valid from {begins:%Y-%m-%d} on, so clients refuse it; set this device's clock, or renew it"
    if at + SOON < ends:
        return ""
    when = "has expired" if at > ends else "expires"
    return (
        f"{file}: {when} on {ends:%Y-%m-%d}, and clients refuse it then; renew it, or move it and its key away, run "
        "'vedette keys certificate', and have clients trust the new one"
    )


def _unsigned(public: ec.EllipticCurvePublicKey, names: Sequence[str], at: datetime) -> x509.CertificateBuilder:
    """Both the authority that a client trusts and what the server shows.

    Key usage and both key identifiers stand in it because clients that check strictly (Python from 3.13 on) ask so.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    if not names:
        raise InputError("--name: name at least one host or address")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Vedette {names[0]}"[:64])])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - EARLIER)
        .not_valid_after(at + timedelta(days=YEARS * 365))
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if len(name) > 253 or not DNS.fullmatch(name) or name.rpartition(".")[2].isdecimal():
            raise InputError(
                f"--name {name}: neither a host's name nor an address; write it as clients do, without scheme or port"
            ) from None
        return x509.DNSName(name.lower())


def _write(file: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
