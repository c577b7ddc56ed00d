"""The access keys of a device in SQLite, each with its secret sealed under the master secret."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import secrets
import sqlite3
import string
import time
from base64 import b32encode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.database import connect, file_of, migrate, reading, transaction
from edge.errors import InputError, MasterKeyError, MissingError
from edge.keys import counting
from edge.keys import policy as documents
from edge.keys.master import Master, open_master
from edge.keys.policy import Policy

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

ROOM = "keys"
# `number` moves with every change, in the same transaction, and tells a process whether what it remembers is old.
STEPS = (
    """
    CREATE TABLE access_keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        policies TEXT NOT NULL,
        quota REAL NOT NULL,
        created_at REAL NOT NULL,
        enabled INTEGER NOT NULL,
        sealed BLOB NOT NULL
    );
    CREATE TABLE access_keys_changes (number INTEGER NOT NULL);
    INSERT INTO access_keys_changes VALUES (0)
    """,
)
NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")  # what IAM allows for a user
LETTERS = string.ascii_letters + string.digits
SECRET_LENGTH = 40  # as AWS's; 238 bits, of letters that no shell or URL changes
NONCE = 12  # bytes, as GCM wants it; random, which is safe for billions of secrets under one key


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Who asks. `quota` is in requests a second, 0 for as many as there may be; a disabled key is as good as none."""

    id: str
    name: str
    policies: tuple[Policy, ...]
    quota: float
    created_at: float
    enabled: bool


class Keys:
    """All access keys. Safe to share between threads; what another process commits is seen by the next `find`.

    It owns `database` (give it a connection of its own); `close` closes it. Without a master secret no key can be made
    and no secret read, but all else can be done.
    """

    def __init__(self, database: Database, master: Master | None) -> None:
        migrate(database, ROOM, STEPS)
        self._database = database
        self._seal = _cipher(master) if master else None
        self._lock = Lock()
        self._known: dict[str, tuple[AccessKey, bytes]] = {}
        self._number = -1  # of the change up to which _known is right

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def create(self, name: str, policies: Sequence[Policy] | None = None, quota: float = 0.0) -> tuple[AccessKey, str]:
        """A new key and its secret, which nobody is told again; it may do everything unless policies are given.

        Raises InputError for an unfit or a taken name, MasterKeyError as `check` does.
        """
        self.check()
        if not NAME.fullmatch(name):
            raise InputError(f"{name!r}: not a name for a key; take 1 to 64 of A-Z a-z 0-9 _ + = , . @ -")
        if not (quota >= 0 and math.isfinite(quota)):
            raise InputError(f"quota {quota}: not a rate; give requests a second, or 0 for any number")
        granted = (documents.ready("full"),) if policies is None else tuple(policies)
        key = AccessKey(_new_id(), name, granted, quota, time.time(), enabled=True)
        secret = "".join(secrets.choice(LETTERS) for _ in range(SECRET_LENGTH))
        nonce = os.urandom(NONCE)
        sealed = nonce + self._opener().encrypt(nonce, secret.encode(), key.id.encode())
        with self._writing() as connection:
            added = connection.execute(
                "INSERT INTO access_keys (id, name, policies, quota, created_at, enabled, sealed)"
                " VALUES (?, ?, ?, ?, ?, 1, ?) ON CONFLICT (name) DO NOTHING",
                [key.id, name, _stored(granted), quota, key.created_at, sealed],
            )
            if not added.rowcount:
                raise InputError(f"key {name!r} exists already: choose another name, or delete it first")
        return key, secret

    def find(self, key_id: str) -> AccessKey | None:
        """The key with this id, enabled or not. Its cost is one look at a single row, unless something has changed."""
        with self._lock:
            self._refresh()
            found = self._known.get(key_id)
        return found[0] if found else None

    def secret(self, key_id: str) -> str:
        """Raises MissingError, or MasterKeyError if it was sealed under another master secret."""
        from cryptography.exceptions import InvalidTag

        with self._lock:
            self._refresh()
            found = self._known.get(key_id)
        if found is None:
            raise MissingError(f"key {key_id}: no such key; see 'vedette keys list'")
        key, sealed = found
        try:
            return self._opener().decrypt(sealed[:NONCE], sealed[NONCE:], key_id.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise MasterKeyError(
                f"{file_of(self._database)}: the secret of key {key.name!r} cannot be read: master.key beside it is not"
                " the one it was sealed with; put that back, or delete the key with 'vedette keys delete"
                f" {key.name}' and make it anew"
            ) from error

    def check(self) -> None:
        """Raises MasterKeyError for the first key whose secret cannot be read."""
        for key in self.list():
            with suppress(MissingError):  # deleted meanwhile
                self.secret(key.id)

    def list(self) -> list[AccessKey]:
        """By name."""
        with self._lock:
            self._refresh()
            return sorted((key for key, _ in self._known.values()), key=lambda key: key.name)

    def named(self, name: str) -> AccessKey:
        """Raises MissingError."""
        for key in self.list():
            if key.name == name:
                return key
        raise _no_key(name)

    def delete(self, name: str) -> None:
        """For good: whoever signs with it is refused from now on. Raises MissingError."""
        self._change("DELETE FROM access_keys WHERE name = :name", name)

    def set_policy(self, name: str, policy: Policy) -> None:
        """In place of all it had. Raises MissingError."""
        self._change("UPDATE access_keys SET policies = :value WHERE name = :name", name, _stored([policy]))

    def enable(self, name: str, *, enabled: bool = True) -> None:
        """Raises MissingError."""
        self._change("UPDATE access_keys SET enabled = :value WHERE name = :name", name, enabled)

    def disable(self, name: str) -> None:
        """Refuse it until it is enabled again. Raises MissingError."""
        self.enable(name, enabled=False)

    def _opener(self) -> AESGCM:
        if self._seal is None:
            raise MasterKeyError(f"{file_of(self._database)}: opened without master.key")
        return self._seal

    def _change(self, statement: str, name: str, value: object = None) -> None:
        with self._writing() as connection:
            if not connection.execute(statement, {"name": name, "value": value}).rowcount:
                raise _no_key(name)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._database) as connection:
            yield connection
            connection.execute("UPDATE access_keys_changes SET number = number + 1")

    def _refresh(self) -> None:
        """Read all keys if any has changed since; a device has a handful."""
        with reading(self._database) as connection:
            (number,) = connection.execute("SELECT number FROM access_keys_changes").fetchone()
            if number == self._number:
                return
            # Should a change come between, the number is behind and the next look reads again.
            rows = connection.execute(
                "SELECT id, name, quota, created_at, enabled, policies, sealed FROM access_keys"
            ).fetchall()
        self._known = {
            key_id: (AccessKey(key_id, name, _granted(name, policies), quota, created_at, bool(enabled)), sealed)
            for key_id, name, quota, created_at, enabled, policies, sealed in rows
        }
        self._number = number


def check(data: Path) -> None:
    """Raises MasterKeyError if secrets of a data folder cannot be read, StorageError; nothing is made for it."""
    if counting.stored(data):
        with closing(Keys(connect(data, or_snapshot=True), open_master(data))) as keys:
            keys.check()


def _cipher(master: Master) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(master.derive(b"secrets of access keys"))


def _new_id() -> str:
    """20 characters, as AWS's: 16 of them random."""
    return f"AKIA{b32encode(os.urandom(10)).decode()}"


def _no_key(name: str) -> MissingError:
    return MissingError(f"key {name!r}: no such key; see 'vedette keys list'")


def _stored(policies: Sequence[Policy]) -> str:
    return json.dumps([{"name": policy.name, "document": policy.document} for policy in policies])


def _granted(name: str, stored: str) -> tuple[Policy, ...]:
    """None where they are damaged: such a key may do nothing, and the others go on."""
    try:
        return tuple(documents.parse(one["name"], one["document"]) for one in json.loads(stored))
    except (ValueError, KeyError, TypeError, InputError) as error:
        log.error("key %r may do nothing: its policies are damaged (%s); set them anew", name, error)  # noqa: TRY400
        return ()
