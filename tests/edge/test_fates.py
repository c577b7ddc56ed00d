"""Every captured frame ends in exactly one fate, whatever cameras, pace, gate and end there were."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import daemon
from edge.abilities import Abilities
from edge.cameras.images import ImagesCamera
from edge.config import parse
from edge.engine import Pending
from edge.pipeline import Pipeline
from tests.brokers import free_port
from tests.edge.test_pipeline import Detector, pictures

OFF = {"enabled": False}


class Lively(ImagesCamera):
    """Does not wait for whoever takes its frames."""

    live: ClassVar[bool] = True


class Slow(Detector):
    """Takes its time, so that frames pile up."""

    def __init__(self, streams: int, seconds: float) -> None:
        super().__init__(streams)
        self._seconds = seconds

    def prepare(self, image: Any, floor: float) -> Callable[[], Pending]:
        begin = super().prepare(image, floor)

        def start() -> Pending:
            time.sleep(self._seconds)
            return begin()

        return start


@settings(max_examples=12, deadline=None)
@given(
    scenes=st.lists(st.tuples(st.booleans(), st.text("01", min_size=1, max_size=30)), min_size=1, max_size=3),
    detector=st.builds(Slow, st.integers(1, 2), st.sampled_from([0.0, 0.001, 0.01])),
    area=st.sampled_from([0.0, 0.5]),
    end=st.sampled_from([None, 0.1]),
)
def test_captured_frames_are_the_sum_of_their_fates(
    tmp_path_factory: pytest.TempPathFactory,
    scenes: list[tuple[bool, str]],
    detector: Slow,
    area: float,
    end: float | None,
) -> None:
    folder = tmp_path_factory.mktemp("fates")
    cameras: dict[str, Any] = {
        f"c{number}": {"kind": "images", "seconds": 0, "path": str(pictures(folder / f"c{number}", bright))}
        | {"motion": {"area": area}, "faces": OFF, "labels": OFF, "moderation": OFF}
        for number, (_, bright) in enumerate(scenes)
    }
    config = parse({"data": "data", "mqtt": {"port": free_port()}, "cameras": cameras}, folder / "vedette.toml")
    for (live, _), name in zip(scenes, cameras, strict=True):
        if live:
            config.cameras[name] = Lively(**config.cameras[name].model_dump())
    with daemon.parts(config, Abilities(objects=detector)) as parts:  # type: ignore[arg-type]
        Pipeline(config, parts).run(end)
        for (live, bright), name in zip(scenes, cameras, strict=True):
            frames = parts.stats.frames(name)
            captured = frames.pop("captured")
            assert captured == sum(frames.values())
            assert end or captured == len(bright)
            assert live or not frames["replaced"]
