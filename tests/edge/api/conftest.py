"""What tests of operations share: a desk of the real abilities, opened once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accel.session import AcceleratorError
from edge import config
from edge.abilities import MODELS, open_abilities
from edge.api.desk import Desk
from edge.api.images import Images
from edge.api.tokens import Tokens
from edge.errors import EdgeError
from models.manifest import ModelError
from tests.edge.api.desks import NoBuckets


@pytest.fixture(scope="session")
def real() -> Iterator[Desk]:
    """Without collections. Skips where models are not pulled; celebrities are there only if a pack is installed."""
    try:
        opened = open_abilities(config.load(None), tuple(MODELS))
    except (EdgeError, ModelError, AcceleratorError) as error:
        pytest.skip(str(error))
    yield Desk(opened, None, Images(NoBuckets()), Tokens(b"secret"), "us-east-1", "0" * 12)  # type: ignore[arg-type]
    opened.close()
