"""Who fails is replaced in the middle of a frame, and comes back when it works again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from accel.session import AcceleratorError, Options, Tensors
from edge import candidates, failover
from edge.candidates import Candidate
from edge.engine import AccelSettings, ModelSettings
from edge.failover import Failover, open_failover
from edge.packs.store import Built, Store
from models import manifest as manifests
from models.outputs import Boxes, Scores
from tests.edge.stores import FakeBackend, FakeSession, classifier, install, put

GREY = np.full((30, 40, 3), 100, np.uint8)


@dataclass
class Flaky(FakeSession):
    """Fails while `broken`, when it starts or, if `late`, when its outputs are taken."""

    broken: bool = False
    late: bool = True

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        def outputs() -> Tensors:
            if self.broken:
                raise AcceleratorError("the device is gone")
            return super(Flaky, self).run(feeds)

        if self.broken and not self.late:
            outputs()
        return outputs

    def run(self, feeds: Tensors) -> Tensors:
        return self.submit(feeds)()


class Closable(FakeSession):
    """Refuses to begin once it is closed, as real ones do."""

    def __init__(self) -> None:
        plain = classifier(lambda _: 7)
        super().__init__(plain.inputs, plain.outputs, plain.answer)

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        if self.closed:
            raise AcceleratorError("the session is closed; open the model again")
        return super().submit(feeds)


class Sessions(FakeBackend):
    """Opens another session every time."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Closable] = []

    def open_model(self, _weights: Path, _options: Options) -> FakeSession:
        self.made.append(Closable())
        return self.made[-1]


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (candidates, failover):
        monkeypatch.setattr(module, "time", made)
    return made


def flaky(winner: int, **how: Any) -> Flaky:
    plain = classifier(lambda _: winner)
    return Flaky(plain.inputs, plain.outputs, plain.answer, **how)


@dataclass
class Setup:
    store: Store
    model: Failover
    sessions: tuple[Flaky, Flaky]
    backends: tuple[FakeBackend, FakeBackend]

    def winner(self) -> int:
        found = self.model.run(GREY)
        assert isinstance(found, Scores)
        return int(found.values.argmax())

    def who(self) -> tuple[str, str]:
        """The class that wins tells who inferred; the second is who it says it was."""
        return {7: "openvino", 8: "tflite"}[self.winner()], self.model.use.backend


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Setup:  # noqa: ARG001 - it stands still
    """EfficientNet-Lite0 on OpenVINO, which says 7, before TFLite, which says 8."""
    store = Store(tmp_path / "store")
    sessions = flaky(7), flaky(8)
    backends = []
    for name, session in zip(("openvino", "tflite"), sessions, strict=True):
        install(store, "efficientnet-lite0", name)  # type: ignore[arg-type]
        backends.append(put(monkeypatch, name, FakeBackend(session)))  # type: ignore[arg-type]
    settings: Any = SimpleNamespace(models=ModelSettings(store=store.root), accel=AccelSettings())
    return Setup(store, open_failover("labels", settings), sessions, (backends[0], backends[1]))


@pytest.mark.parametrize("late", [True, False], ids=["with its outputs", "at its start"])
def test_the_next_one_infers_the_very_frame_that_failed(setup: Setup, late: bool) -> None:
    assert setup.who() == ("openvino", "openvino")
    setup.sessions[0].broken, setup.sessions[0].late = True, late
    assert setup.who() == ("tflite", "tflite")
    (change,) = setup.model.told()
    assert (change.kind, change.use.backend, change.reason) == ("failed", "openvino", "the device is gone")
    assert change.instead
    assert change.instead.backend == "tflite"
    assert setup.model.told() == []
    assert setup.who() == ("tflite", "tflite")


def test_every_inference_waits_for_its_turn_before_it_starts(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    order = list[str]()
    turns = {"wait": "turn", "begin": "begun", "end": "ended"}
    told = {name: partial(order.append, word) for name, word in turns.items()}
    monkeypatch.setattr(failover, "TURNS", SimpleNamespace(**told))
    submit = setup.sessions[0].submit
    monkeypatch.setattr(setup.sessions[0], "submit", lambda feeds: (order.append("inference"), submit(feeds))[1])
    setup.winner()
    start = setup.model.prepare(GREY)
    assert order == ["turn", "inference", "begun", "ended"]
    order.clear()
    setup.sessions[0].broken = True
    start().result()
    assert order == ["turn", "inference", "begun", "ended", "turn", "begun", "ended"]  # the second by who took over


def test_a_frame_that_was_prepared_for_another_is_prepared_anew(setup: Setup) -> None:
    start = setup.model.prepare(GREY)
    setup.sessions[0].broken = True
    setup.winner()
    assert int(start().result().values.argmax()) == 8  # type: ignore[union-attr]


def test_only_one_of_the_frames_in_flight_is_done_again(setup: Setup) -> None:
    first, second = setup.model.prepare(GREY)(), setup.model.prepare(GREY)()
    setup.sessions[0].broken = True
    assert int(first.result().values.argmax()) == 8  # type: ignore[union-attr]
    with pytest.raises(AcceleratorError, match="the device is gone"):
        second.wait()
    assert [change.kind for change in setup.model.told()] == ["failed"]


def test_what_works_again_comes_back_and_the_other_is_closed(setup: Setup, clock: Clock) -> None:
    setup.sessions[0].broken = True
    assert setup.who()[0] == "tflite"
    (failed,) = setup.model.standing()["failed"]
    assert failed == {
        "name": "efficientnet-lite0",
        "backend": "openvino",
        "reason": "the device is gone",
        "since": clock.time(),
    }
    clock.now += 5
    setup.model.tend()
    assert setup.who()[0] == "tflite"  # it failed its trial
    setup.sessions[0].broken = False
    clock.now += 10
    in_flight = setup.model.prepare(GREY)()
    setup.model.tend()
    assert setup.who() == ("openvino", "openvino")
    assert int(in_flight.result().values.argmax()) == 8  # type: ignore[union-attr]
    assert setup.model.standing()["failed"] == []
    setup.model.tend()
    assert setup.sessions[1].closed
    assert [change.kind for change in setup.model.told()] == ["failed", "restored"]


def test_it_is_tried_less_and_less_often(setup: Setup, clock: Clock) -> None:
    opened = setup.backends[0].opened
    setup.sessions[0].broken = True
    setup.winner()
    tries = []
    for _ in range(1000):
        clock.now += 1
        setup.winner()  # it is in use all the while
        before = len(opened)
        setup.model.tend()
        tries += [clock.now - 1000] * (len(opened) - before)
    assert tries == [5, 15, 35, 75, 155, 315, 615, 915]


def test_with_nobody_left_it_says_so_and_goes_on_when_one_is_back(setup: Setup, clock: Clock) -> None:
    for session in setup.sessions:
        session.broken = True
    with pytest.raises(AcceleratorError, match="the model: openvino: the device is gone; tflite: the dev"):
        setup.winner()
    assert [change.instead and change.instead.backend for change in setup.model.told()] == ["tflite", None]
    assert setup.model.standing()["backend"] is None
    assert setup.model.streams == 1
    setup.sessions[1].broken = False
    clock.now += 5
    setup.model.tend()
    assert setup.who() == ("tflite", "tflite")
    assert [change.use.backend for change in setup.model.told()] == ["tflite"]


def test_what_nobody_uses_is_closed_and_the_next_use_opens_it_again(setup: Setup, clock: Clock) -> None:
    opened = setup.backends[0].opened
    setup.winner()
    clock.now += 59.9
    setup.model.tend()
    assert not setup.sessions[0].closed
    clock.now += 0.1
    setup.model.tend()
    assert setup.sessions[0].closed
    assert (setup.model.fault, setup.model.told()) == ("", []), "to rest is no fault"
    assert setup.model.standing()["name"] == "efficientnet-lite0"
    assert setup.model.standing()["device"] == "FAKE"
    clock.now += 3600
    setup.model.tend()
    assert len(opened) == 1, "nobody needs it yet"
    assert setup.who() == ("openvino", "openvino")
    assert len(opened) == 2
    setup.sessions[0].closed = False
    setup.model.tend()
    assert not setup.sessions[0].closed, "it was used just now"
    assert setup.model.told() == []


def test_what_is_under_way_ends_and_what_was_prepared_starts_anew(setup: Setup, clock: Clock) -> None:
    prepared, started = setup.model.prepare(GREY), setup.model.prepare(GREY)()
    clock.now += 60
    setup.model.tend()
    assert setup.sessions[0].closed
    assert int(started.result().values.argmax()) == 7  # type: ignore[union-attr]
    assert int(prepared().result().values.argmax()) == 7  # type: ignore[union-attr]
    assert len(setup.backends[0].opened) == 2


def test_a_use_puts_rest_off(setup: Setup, clock: Clock) -> None:
    for _ in range(10):
        clock.now += 59
        setup.winner()
        setup.model.tend()
    assert len(setup.backends[0].opened) == 1


def test_its_session_is_open_whoever_asks_for_it(setup: Setup, clock: Clock) -> None:
    clock.now += 60
    setup.model.tend()
    assert setup.model.session is setup.sessions[0]
    assert len(setup.backends[0].opened) == 2


def test_who_does_not_wake_is_replaced(setup: Setup, clock: Clock) -> None:
    clock.now += 60
    setup.model.tend()
    setup.backends[0].refusal = "it was plugged out"
    assert setup.who() == ("tflite", "tflite")
    (change,) = setup.model.told()
    assert (change.kind, change.reason) == ("failed", "it was plugged out")
    assert change.instead
    assert change.instead.backend == "tflite"
    setup.backends[0].refusal = ""
    clock.now += 5
    setup.model.tend()
    assert setup.who() == ("openvino", "openvino")


def test_while_it_rests_nothing_that_failed_is_tried(setup: Setup, clock: Clock) -> None:
    setup.sessions[0].broken = True
    assert setup.who()[0] == "tflite"
    clock.now += 60
    setup.model.tend()
    assert setup.sessions[1].closed
    tries = len(setup.backends[0].opened)
    clock.now += 3600
    setup.model.tend()
    assert len(setup.backends[0].opened) == tries
    assert setup.who()[0] == "tflite", "the one that worked last is the one that is awaited"


def test_it_never_rests_if_it_is_not_to(setup: Setup, clock: Clock) -> None:
    settings: Any = SimpleNamespace(models=ModelSettings(store=setup.store.root, idle=0.0), accel=AccelSettings())
    model = open_failover("labels", settings, lasting=True)
    clock.now += 1e6
    model.tend()
    assert not setup.sessions[0].closed


def test_many_threads_and_one_that_lets_it_rest_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every inference is answered, however often it is closed between being asked for and begun."""
    store, sessions = Store(tmp_path / "store"), Sessions()
    install(store, "efficientnet-lite0", "openvino")
    put(monkeypatch, "openvino", sessions)
    models = ModelSettings(store=store.root, idle=1e-9)
    settings: Any = SimpleNamespace(models=models, accel=AccelSettings(order=("openvino",)))
    model = open_failover("labels", settings, lasting=True)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(model.run, GREY) for _ in range(400)]
        while not all(one.done() for one in asked):
            model.tend()
    assert {int(one.result().values.argmax()) for one in asked} == {7}  # type: ignore[union-attr]
    assert model.told() == []
    assert len(sessions.made) > 1
    model.close()
    assert all(session.closed for session in sessions.made)


def test_closing_closes_whatever_is_open(setup: Setup) -> None:
    setup.sessions[0].broken = True
    setup.winner()
    setup.model.close()
    assert [session.closed for session in setup.sessions] == [True, True]
    with pytest.raises(AcceleratorError, match="no back end can run"):
        setup.winner()


def test_classes_keep_their_numbers_whoever_speaks() -> None:
    names = ("nanodet-g", "ssd-mobilenet-v2")
    installed = [
        Candidate(Built(manifests.load(name), backend, Path("model"), "d" * 64, manifests.labels(name)), Options())
        for name, backend in zip(names, ("openvino", "tflite"), strict=True)
    ]
    model = Failover(installed, 5.0)
    for name, candidate in zip(names, installed, strict=True):
        own = manifests.labels(name)
        found = Boxes(np.zeros((len(own), 4), np.float32), np.ones(len(own), np.float32), np.arange(len(own)))
        translated = model.spoken(candidate, found)
        assert isinstance(translated, Boxes)
        assert tuple(model.labels[place] for place in translated.classes) == own
        assert model.use.name == name
    assert installed[0].places is None  # the first one's numbers are everybody's


@pytest.mark.models
def test_a_real_model_says_the_same_after_a_rest(pulled: None, clock: Clock) -> None:  # noqa: ARG001 - pulled skips
    settings: Any = SimpleNamespace(models=ModelSettings(), accel=AccelSettings())
    model = open_failover("labels", settings, lasting=True)
    before = model.run(GREY)
    first = model.session
    clock.now += 60
    model.tend()
    with pytest.raises(AcceleratorError, match="closed"):
        first.run({spec.name: np.zeros(spec.shape, spec.dtype) for spec in first.inputs})
    after = model.run(GREY)
    model.close()
    assert isinstance(before, Scores)
    assert isinstance(after, Scores)
    assert np.array_equal(before.values, after.values)
