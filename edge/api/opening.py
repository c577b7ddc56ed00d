"""The API of a configuration, put together: keys, audit, buckets, operations, and the port that they are served on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from edge import database
from edge.abilities import Abilities
from edge.api import chain, folders
from edge.api.audit import Audit
from edge.api.buckets import Buckets
from edge.api.desk import Desk
from edge.api.images import Images
from edge.api.limits import Line
from edge.api.operations import OPERATIONS
from edge.api.server import Door, Server
from edge.api.service import Service
from edge.api.tokens import Tokens
from edge.api.training import OPERATIONS as TRAINING
from edge.api.workshop import Workshop
from edge.collections import Collections
from edge.config import Config
from edge.custom import Projects
from edge.custom.uploads import Uploads
from edge.endpoint import MB
from edge.errors import StorageError, UnavailableError
from edge.keys import Keys, Master, open_master

log = logging.getLogger(__name__)


@contextmanager
def opened(
    config: Config, abilities: Abilities, collections: Collections, door: Door | None = None
) -> Iterator[Server]:
    """Closed at the end, with the door; the abilities and the collections stay open.

    Raises EdgeError with the place and remedy.
    """
    settings = config.api
    with ExitStack() as parts:
        master = open_master(config.data)
        keys = Keys(database.connect(config.data), master)
        parts.callback(keys.close)
        line = Line(settings.workers, settings.queue)
        buckets = Buckets(settings.buckets, line.away)
        projects = Projects(database.connect(config.data))
        parts.callback(projects.close)
        uploads = Uploads(config.data / "training")
        uploads.sweep({order.version for order in projects.orders()})
        workshop = Workshop(projects, config.models.open_store(), uploads, buckets)
        tokens = Tokens(master.derive(b"pagination tokens"))
        desk = Desk(abilities, collections, Images(buckets), tokens, workshop, settings.region, settings.account)
        audit = parts.enter_context(audited(config, master))
        service = Service(desk, keys, audit, settings, {**OPERATIONS, **TRAINING}, line)
        parts.callback(service.close)
        server = Server(service, door)
        parts.callback(server.close)
        yield server


@contextmanager
def audited(config: Config, master: Master) -> Iterator[Audit]:
    """The audit of this process, noted as one of the device's; closed at the end. Raises EdgeError."""
    data, key = config.data, chain.key_of(master)
    audit = _open(config, key)
    try:
        with _unlisted():
            audit.tell(folders.enter(data, key, audit.folder, audit.number))
        yield audit
    finally:
        audit.close()
        with _unlisted():
            folders.leave(data, key, audit.folder, audit.number)


@contextmanager
def _unlisted() -> Iterator[None]:
    """A full disk keeps nobody from serving where no audit is required, and is told by the audit where one is."""
    try:
        yield
    except StorageError as error:
        log.warning("audit: its folder is not noted: %s", error)


def _open(config: Config, key: bytes) -> Audit:
    """In the first of its folders that no other process writes to."""
    settings = config.api.audit
    *others, last = settings.folders(config.data)
    size = settings.size_mb * MB
    for folder in others:
        with suppress(UnavailableError):
            return Audit(folder, key, size=size, keep=settings.keep, required=settings.required)
    return Audit(last, key, size=size, keep=settings.keep, required=settings.required)
