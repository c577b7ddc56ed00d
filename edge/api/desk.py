"""What an operation works with: the models, the collections, the pictures, the projects."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.abilities import Abilities
from edge.api.tokens import Tokens
from edge.collections import Collections

if TYPE_CHECKING:
    from edge.api.images import Images
    from edge.api.workshop import Workshop


ANYWHERE = re.compile(r"arn:aws[a-z-]*:rekognition:[a-z]{2}[a-z0-9-]{1,30}:(?P<account>\d{12}):(?P<rest>.+)")


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by all requests' threads. An ability that is None cannot be had; `abilities.missing` says why."""

    abilities: Abilities
    collections: Collections
    images: Images
    tokens: Tokens
    workshop: Workshop
    region: str
    account: str
    now: Callable[[], float] = time.time

    def arn(self, kind: str, name: str) -> str:
        """The name of one of our resources, as in `arn:aws:rekognition:us-east-1:000000000000:collection/people`."""
        return f"arn:aws:rekognition:{self.region}:{self.account}:{kind}/{name}"

    def local(self, arn: str) -> str:
        """An ARN of our account as we write it, as policies do: clients may put their own region into it."""
        found = ANYWHERE.fullmatch(arn)
        if found is None or found["account"] != self.account:
            return arn
        return f"arn:aws:rekognition:{self.region}:{self.account}:{found['rest']}"
