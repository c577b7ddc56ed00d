"""One MQTT connection, driven by the thread that owns it: no thread of its own, no queue of its own."""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from edge.errors import ConfigError, DeniedError, EdgeError, UnavailableError
from edge.events.inbox import LARGEST, Inbox
from edge.settings import Flag, LocalPath, Number, Section, Whole, matching

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.properties import Properties

RECEIVE_MAXIMUM = 65535  # MQTT 5's default when the broker names none
PACKET_MAXIMUM = 268_435_455  # the protocol's own limit

# MQTT 5 reason codes; paho translates those of 3.1.1 into them.
UNSUPPORTED_VERSION, BAD_CLIENT_ID, TAKEN_OVER = 0x84, 0x85, 0x8E
DENIED = {0x86, 0x87, 0x8A, 0x8C}  # user name or password, not authorised, banned, authentication method


class MqttSettings(Section):
    """The broker. `timeout` is how many seconds it may take to answer before the connection counts as dead."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=1, le=65535)] = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    prefix: Annotated[
        str, matching(r"[^#+$/\x00][^#+\x00]*", "a prefix begins with neither / nor $, and has no # or + in it")
    ] = "vedette"
    client_id: str = ""
    username: str = ""
    password: SecretStr | None = None
    password_file: LocalPath | None = None
    tls: Flag = False
    ca_file: LocalPath | None = None
    cert_file: LocalPath | None = None
    key_file: LocalPath | None = None
    keepalive: Annotated[Whole, Field(ge=5, le=65535)] = 30
    inflight: Annotated[Whole, Field(ge=1, le=1000)] = 100
    timeout: Annotated[Number, Field(gt=0.0, le=300.0)] = 10.0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need tls = true")
        if self.key_file and not self.cert_file:
            raise ValueError("key_file needs cert_file")
        if self.password and self.password_file:
            raise ValueError("password and password_file exclude each other")
        if (self.password or self.password_file) and not self.username:
            raise ValueError("a password needs a username")
        return self

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    def secret(self) -> str | None:
        """The password, read from its file if one is named; raises ConfigError."""
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        try:
            return self.password_file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"mqtt.password_file: {self.password_file} cannot be read: {error}") from error


def check(settings: MqttSettings, device: str) -> None:
    """Connect once and leave again; raises ConfigError, DeniedError or UnavailableError.

    It uses a client id of its own: with the daemon's, the broker would hang up on the daemon.
    """
    own = settings.client_id or f"vedette-{device}"
    with Connection(settings, f"{own}-check-{os.getpid()}"):
        pass


class Bell:
    """Wakes a thread that waits on sockets; may be rung by any other thread, at any time."""

    def __init__(self) -> None:
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._outer.setblocking(False)

    def ring(self) -> None:
        with suppress(BlockingIOError, OSError):  # full: it is ringing already; closed: nobody waits any more
            self._outer.send(b"\0")

    def answer(self) -> None:
        with suppress(BlockingIOError):
            self._inner.recv(4096)

    def fileno(self) -> int:
        return self._inner.fileno()

    def close(self) -> None:
        self._inner.close()
        self._outer.close()


class _Handshake(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class Connection:
    """An accepted connection. Every call belongs to one thread; every loss is raised, with its remedy.

    `acks` collects (message id, reason code) as PUBACKs come in; 0x80 and above means refused.
    """

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        will: tuple[str, str] | None = None,
        bell: Bell | None = None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self.acks: deque[tuple[int, int]] = deque()
        self.window = settings.inflight
        self.largest = PACKET_MAXIMUM
        self._settings = settings
        self._client_id = client_id
        self._bell = bell
        self._accepted = False
        self._fault: EdgeError | None = None
        self._selector = selectors.DefaultSelector()
        self._client = self._make(will)
        try:
            self._dial()
            self._await_answer(given_up)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> int:
        """Send with QoS 1; gives the message id that `acks` will name."""
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    def listen(self, inbox: Inbox) -> None:
        """Subscribe for it; what comes in is handed over within `step`."""
        inbox.attach(self._client)

    def step(self, timeout: float) -> bool:
        """Move bytes for at most `timeout` seconds; True if the bell rang. Raises the reason if the link is lost."""
        client = self._client
        wire = client.socket()
        if wire is None:
            raise self._loss()
        waiting = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
        self._selector.modify(wire, waiting, "wire")
        if isinstance(wire, ssl.SSLSocket) and wire.pending():
            client.loop_read()
            timeout = 0.0
        rung = False
        for key, mask in self._selector.select(timeout):
            if key.data == "bell" and self._bell:
                self._bell.answer()
                rung = True
            elif mask & selectors.EVENT_READ:
                client.loop_read()
            if key.data == "wire" and mask & selectors.EVENT_WRITE:
                client.loop_write()
        client.loop_misc()
        if client.socket() is None:
            raise self._loss()
        return rung

    def close(self) -> None:
        """Say goodbye if there is anybody to hear it, so that the broker keeps the will to itself."""
        self._client.disconnect()
        wire: Any = self._client.socket()
        if wire is not None:
            wire.close()
        self._selector.close()

    def _make(self, will: tuple[str, str] | None) -> Client:
        from paho.mqtt.client import Client, MQTTv5, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        settings = self._settings
        newest = settings.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTv5 if newest else MQTTv311,
            clean_session=None if newest else True,
            reconnect_on_failure=False,  # a refusal is ours to handle: paho would try older protocols
        )
        client.connect_timeout = settings.timeout
        client.max_inflight_messages_set(0)  # the publisher keeps the window
        if settings.username:
            client.username_pw_set(settings.username, settings.secret())
        if settings.tls:
            client.tls_set_context(self._context())
        if will:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _limits(self) -> Properties | None:
        """No message larger than any that is read; a device of a few hundred MB must not be sent one of 256."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        if self._settings.protocol != "5":
            return None
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = LARGEST + LARGEST  # the topic, of 64 KB at most, counts too
        return limits

    def _context(self) -> ssl.SSLContext:
        settings = self._settings
        named = [path for path in (settings.ca_file, settings.cert_file, settings.key_file) if path]
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
            if settings.cert_file:
                context.load_cert_chain(settings.cert_file, settings.key_file)
        except OSError as error:  # ssl.SSLError is one too
            files = ", ".join(str(path) for path in named if not _readable(path)) or ", ".join(map(str, named))
            raise ConfigError(f"mqtt: {files}: not a readable PEM file ({_reason(error)})") from error
        context.sslsocket_class = _Handshake
        return context

    def _dial(self) -> None:
        settings = self._settings
        place = settings.place
        try:
            self._client.connect(settings.host, settings.port, settings.keepalive, properties=self._limits())
        except ssl.SSLCertVerificationError as error:
            raise UnavailableError(
                f"mqtt {place}: its certificate is not trusted ({error.verify_message}); name its CA in mqtt.ca_file"
                " and the host as the certificate does"
            ) from error
        except (ssl.SSLError, ConnectionResetError) as error:
            hint = "is this the broker's TLS port?" if settings.tls else "is this an MQTT broker?"
            raise UnavailableError(f"mqtt {place}: hung up ({_reason(error)}); {hint}") from error
        except TimeoutError as error:
            raise UnavailableError(f"mqtt {place}: no answer; check mqtt.host, mqtt.port and the network") from error
        except (socket.gaierror, UnicodeError) as error:
            raise UnavailableError(
                f"mqtt {place}: this host name is unknown; check mqtt.host and the network"
            ) from error
        except OSError as error:
            raise UnavailableError(
                f"mqtt {place}: {_reason(error)}; start the broker, or correct mqtt.host and mqtt.port"
            ) from error
        wire: Any = self._client.socket()
        if wire is None:
            raise self._loss()
        # Without this, Nagle's algorithm holds an event back until the one before it is acknowledged.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(wire, selectors.EVENT_READ, "wire")
        if self._bell:
            self._selector.register(self._bell, selectors.EVENT_READ, "bell")

    def _await_answer(self, given_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._settings.timeout
        while not self._accepted:
            self.step(0.1)
            if not self._accepted and (time.monotonic() > deadline or given_up()):
                raise UnavailableError(
                    f"mqtt {self._settings.place}: accepts connections but does not answer; is this an MQTT broker?"
                )

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fault = refusal(self._settings, self._client_id, reason.value, str(reason))
            return
        self._accepted = True
        self.window = min(self.window, getattr(properties, "ReceiveMaximum", RECEIVE_MAXIMUM))
        self.largest = getattr(properties, "MaximumPacketSize", PACKET_MAXIMUM)

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if self._fault is None and flags.is_disconnect_packet_from_server:
            self._fault = refusal(self._settings, self._client_id, reason.value, str(reason))

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self.acks.append((mid, reason.value))

    def _loss(self) -> EdgeError:
        place = self._settings.place
        if self._fault:
            return self._fault
        if self._accepted:
            return UnavailableError(
                f"mqtt {place}: the connection was lost; if this repeats, look into the broker's log: it may be down,"
                f" or another client may use the id {self._client_id!r}"
            )
        return UnavailableError(
            f"mqtt {place}: closed the connection before answering; check mqtt.port and mqtt.tls,"
            ' and try mqtt.protocol = "3.1.1" or a client certificate in mqtt.cert_file'
        )


def refusal(settings: MqttSettings, client_id: str, code: int, reason: str) -> EdgeError:
    """The sentence for a reason code of CONNACK or DISCONNECT."""
    place = settings.place
    if code in DENIED:
        return DeniedError(f"mqtt {place}: {reason.lower()}; check mqtt.username, its password and the broker's rights")
    if code == UNSUPPORTED_VERSION:
        return UnavailableError(f"mqtt {place}: does not speak MQTT {settings.protocol}; change mqtt.protocol")
    if code == BAD_CLIENT_ID:
        return UnavailableError(f"mqtt {place}: refuses the client id {client_id!r}; set another mqtt.client_id")
    if code == TAKEN_OVER:
        return UnavailableError(
            f"mqtt {place}: another client uses the id {client_id!r}; give each device a 'device' name of its own"
        )
    return UnavailableError(f"mqtt {place}: hung up ({reason.lower()}); look into the broker's log")


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)


def _reason(error: OSError) -> str:
    text = getattr(error, "reason", None) or error.strerror or str(error)
    return str(text).replace("_", " ").lower()
