"""The API of a configuration, put together: keys, audit, buckets, operations, and the port that they are served on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from edge import database
from edge.abilities import Abilities
from edge.api import chain
from edge.api.audit import Audit
from edge.api.buckets import Buckets
from edge.api.desk import Desk
from edge.api.images import Images
from edge.api.limits import Line
from edge.api.operations import OPERATIONS
from edge.api.server import Door, Server
from edge.api.service import Service
from edge.api.tokens import Tokens
from edge.collections import Collections
from edge.config import Config
from edge.endpoint import MB
from edge.errors import UnavailableError
from edge.keys import Keys, Master, open_master


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
        images = Images(Buckets(settings.buckets, line.away))
        tokens = Tokens(master.derive(b"pagination tokens"))
        desk = Desk(abilities, collections, images, tokens, settings.region, settings.account)
        audit = open_audit(config, master)
        parts.callback(audit.close)
        server = Server(Service(desk, keys, audit, settings, OPERATIONS, line), door)
        parts.callback(server.close)
        yield server


def open_audit(config: Config, master: Master) -> Audit:
    """In the first of its folders that no other process writes to."""
    settings, key = config.api.audit, chain.key_of(master)
    *others, last = settings.folders(config.data)
    size = settings.size_mb * MB
    for folder in others:
        with suppress(UnavailableError):
            return Audit(folder, key, size=size, keep=settings.keep, required=settings.required)
    return Audit(last, key, size=size, keep=settings.keep, required=settings.required)
