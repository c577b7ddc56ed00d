"""What a daemon has ready before its first frame."""

from contextlib import closing
from pathlib import Path

import numpy as np

from edge import daemon
from edge.abilities import Abilities
from edge.collections import Collections, NewFace
from edge.config import parse
from edge.database import connect
from edge.values import Box


def test_the_faces_a_camera_looks_for_are_in_memory(tmp_path: Path) -> None:
    camera = {"kind": "images", "path": str(tmp_path), "faces": {"collection": "family"}}
    config = parse({"device": "porch", "data": str(tmp_path), "cameras": {"door": camera}}, tmp_path / "vedette.toml")
    with closing(Collections(connect(tmp_path))) as people:
        for number, name in enumerate(("family", "visitors")):
            people.create_collection(name)
            vector = np.random.default_rng(number).standard_normal(128, np.float32)
            people.add_faces(name, [NewFace(vector, Box(0, 0, 1, 1), 1.0)], "m1")
    with daemon.parts(config, Abilities()) as parts:
        (shelf,) = parts.collections._finder._shelves.values()
        assert len(shelf.index) == 1
