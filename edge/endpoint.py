"""The `[api]` table: where Rekognition's API is served, how much it may take at once, and which buckets it reads."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, model_validator

from edge.errors import ConfigError
from edge.settings import Flag, LocalPath, Number, Section, Whole, matching

MB = 1 << 20
PORT = 8432  # where 'vedette serve' listens unless it is told otherwise
# What requests look for with models, as cameras do.
TASKS = ("objects", "faces", "labels", "moderation", "attributes", "text", "ppe", "celebrities", "custom")
# What OpenSSL refuses though both files are what they should be, in its words and in ours.
WEAK = {
    "EE_KEY_TOO_SMALL": "holds a key that is too short for today's clients: RSA takes 2048 bits",
    "CA_KEY_TOO_SMALL": "is signed with a key that is too short for today's clients",
    "CA_MD_TOO_WEAK": "is signed with a digest that today's clients refuse",
}
PROCESSES = 16  # that may serve the API from one data folder

# As the service model has them: what else would be asked for cannot be asked for.
BucketName = Annotated[str, matching(r"[0-9A-Za-z._-]{3,255}", "a bucket's name is 3 to 255 letters, digits and . _ -")]
Region = Annotated[str, matching(r"[a-z]{2}[a-z0-9-]{1,30}", "a region is such as us-east-1")]
Endpoint = Annotated[
    str, matching(r"(https?://[^/?#\s]+/?)?", "an endpoint is such as https://nas:9000, without a path")
]


class BucketSettings(Section):
    """Where a bucket's pictures lie: in `folder`, or at the S3-compatible server `endpoint`. A string is a folder.

    There it is called `bucket` (default: as here), and asked for with `key_id` and a secret.
    """

    folder: LocalPath | None = None
    endpoint: Endpoint = ""
    bucket: str = ""
    region: Region = "us-east-1"
    key_id: str = ""
    secret: SecretStr | None = None
    secret_file: LocalPath | None = None
    ca_file: LocalPath | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if not isinstance(value, str | Mapping | BucketSettings):
            raise ValueError("write a folder, or a table with an endpoint")  # noqa: TRY004 - what pydantic expects
        return {"folder": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if bool(self.folder) == bool(self.endpoint):
            raise ValueError("needs a folder or an endpoint, and not both")
        if self.folder and self.model_fields_set - {"folder"}:
            raise ValueError("a folder takes no other key")
        if self.secret and self.secret_file:
            raise ValueError("secret and secret_file exclude each other")
        if bool(self.key_id) != bool(self.secret or self.secret_file):
            raise ValueError("key_id and a secret need each other")
        return self

    def secret_key(self) -> str:
        """The secret, read from its file if one is named; empty if there is none. Raises ConfigError."""
        if self.secret_file is None:
            return self.secret.get_secret_value() if self.secret else ""
        try:
            return self.secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"api.buckets: secret_file: {self.secret_file} cannot be read: {error}") from error


class AuditSettings(Section):
    """Who asked for what: JSON Lines in `folder` (default: `audit` in the data folder), `keep` files of `size_mb`.

    While it is `required`, nothing is answered that cannot be written there.
    """

    folder: LocalPath | None = None
    size_mb: Annotated[Whole, Field(ge=1, le=1024)] = 16
    keep: Annotated[Whole, Field(ge=1, le=1000)] = 10
    required: Flag = True

    def within(self, data: Path) -> Path:
        """Where the files are, given the data folder."""
        return self.folder or data / "audit"

    def folders(self, data: Path) -> Iterator[Path]:
        """Where they may be: one process writes to one folder, so who comes while it is in use takes the next.

        A folder that was named is for one process alone.
        """
        first = self.within(data)
        yield first
        if self.folder is None:
            yield from (first.with_name(f"{first.name}-{number}") for number in range(2, PROCESSES + 1))


class ApiSettings(Section):
    """Rekognition's API, for who signs with a key of `vedette keys`; `port` 0 turns it off.

    Signatures may be `skew` seconds old, and name any region: `region` and `account` are those of our own ARNs.
    `workers` operations are at work at once and `queue` requests more wait, in `connections` at most; `body_mb` is the
    largest and `memory_mb` what all of them may hold. A request must arrive within `patience` seconds.
    """

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65535)] = 0
    tls_certificate: LocalPath | None = None
    tls_key: LocalPath | None = None
    region: Region = "us-east-1"
    account: Annotated[str, matching(r"[0-9]{12}", "an account is 12 digits")] = "000000000000"
    skew: Annotated[Number, Field(gt=0.0, le=86400.0)] = 900.0
    workers: Annotated[Whole, Field(ge=1, le=64)] = 2
    queue: Annotated[Whole, Field(ge=0, le=4096)] = 16
    connections: Annotated[Whole, Field(ge=1, le=10_000)] = 800
    body_mb: Annotated[Whole, Field(ge=1, le=256)] = 16
    memory_mb: Annotated[Whole, Field(ge=1, le=65536)] = 64
    patience: Annotated[Number, Field(gt=0.0, le=600.0)] = 20.0
    buckets: dict[BucketName, BucketSettings] = Field(default_factory=dict)
    audit: AuditSettings = AuditSettings()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key need each other")
        if self.body_mb > self.memory_mb:
            raise ValueError(f"body_mb = {self.body_mb} does not fit into memory_mb = {self.memory_mb}")
        return self

    @property
    def place(self) -> str:
        """What clients are given as the endpoint."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_certificate else 'http'}://{host}:{self.port}"

    @property
    def overheard(self) -> bool:
        """Whether what goes over the wire can be read by others: no TLS, and for more than this machine."""
        if self.tls_certificate or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name, which may be anybody's
            return True

    def tls(self) -> ssl.SSLContext | None:
        """None where the API is served without; raises ConfigError for files that are no certificate and its key."""
        if self.tls_certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # A key with a passphrase is refused: nobody is there to be asked for it.
            context.load_cert_chain(self.tls_certificate, self.tls_key, password="")
        except OSError as error:  # an SSLError is one too
            raise ConfigError(
                f"api.tls_certificate: {self._unfit(error)}; name a certificate and its key, or make both with"
                " 'vedette keys certificate'"
            ) from error
        return context

    def _unfit(self, error: OSError) -> str:
        """Which of both files is not what it should be; OpenSSL says no more than that one is."""
        if not isinstance(error, ssl.SSLError):
            reason = (error.strerror or str(error)).lower()
            return f"{self.tls_certificate} with {self.tls_key}: {reason}"
        if error.reason in WEAK:
            return f"{self.tls_certificate} {WEAK[error.reason]}"
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{self.tls_key} is not the key of {self.tls_certificate}"
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(self.tls_certificate)
        except ssl.SSLError:
            return f"{self.tls_certificate} is no certificate in PEM"
        return f"{self.tls_key} is no key in PEM, or has a passphrase"

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each file that must be readable, with its key."""
        yield from ((f"api.{key}", path) for key in ("tls_certificate", "tls_key") if (path := getattr(self, key)))
        for name, bucket in self.buckets.items():
            for key in ("secret_file", "ca_file"):
                if path := getattr(bucket, key):
                    yield f"api.buckets.{name}.{key}", path
