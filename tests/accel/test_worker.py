"""A worker process may hang, fail or crash: whoever asked is told in one sentence, and nothing is left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from accel import shared, worker
from accel.session import AcceleratorError, Options, TensorSpec, isolated, probe

IMAGE = {"image": np.array([[1, 2, 3, 4]], np.uint8)}
ROOT = Path(__file__).parents[2]


class Device:
    """The fake Edge TPU, and what troubles it."""

    def __init__(self, weights: Path, options: Options) -> None:
        self.weights, self.options = weights, options
        self._switch = Path(os.environ["FAKE_EDGETPU"])

    def open(self) -> worker.WorkerSession:
        return worker.open_model("coral", self.weights, self.options)

    def trouble(self, what: str) -> None:
        self._switch.write_text(what)


@pytest.fixture
def device(
    tflite_model: Callable[..., bytes], fake_edgetpu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Device:
    if reason := probe("tflite"):
        pytest.skip(reason)
    (tmp_path / "model.tflite").write_bytes(tflite_model("edgetpu-custom-op"))
    monkeypatch.setenv("FAKE_EDGETPU", str(tmp_path / "switch"))
    return Device(tmp_path / "model.tflite", Options(library=fake_edgetpu, deadline=0.5))


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before = files(), children()
    yield
    gc.collect()  # the traceback that pytest shows holds on to the session, and that to its memory
    assert (files(), children()) == before


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[str]:
    """Process ids of living and of unburied children."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split())


def test_a_device_that_can_crash_is_isolated_unless_told_otherwise() -> None:
    assert isolated("coral", Options())
    assert not isolated("coral", Options(isolate=False))
    assert [isolated("openvino", Options(device=device)) for device in ("", "cpu", "GPU.0", "NPU", "AUTO")] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert not isolated("tflite", Options())
    assert isolated("tflite", Options(isolate=True))


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("hang", r"libfake_edgetpu\.so: no answer within 0\.5 s; unplug the device and plug it in again"),
        ("segfault", r"libfake_edgetpu\.so: crashed with SIGSEGV; install a driver that was built for \S+ 2"),
    ],
)
def test_what_hangs_or_crashes_is_replaced(device: Device, trouble: str, message: str) -> None:
    session = device.open()
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    device.trouble(trouble)
    with pytest.raises(AcceleratorError, match=message) as caught:
        session.run(IMAGE)
    assert "\n" not in str(caught.value)
    with pytest.raises(AcceleratorError, match=message):
        session.submit(IMAGE)
    session.close()
    device.trouble("")
    cured = device.open()
    assert cured.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    cured.close()


def test_an_inference_that_fails_harms_only_itself(device: Device) -> None:
    session = device.open()
    device.trouble("fail")
    with pytest.raises(AcceleratorError, match=r"inference on EdgeTPU failed \(.*\); open the model again"):
        session.run(IMAGE)
    device.trouble("")
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    session.close()


def test_a_device_that_opens_but_does_not_infer_is_refused(device: Device) -> None:
    device.trouble("fail")
    with pytest.raises(AcceleratorError, match="inference on EdgeTPU failed"):
        device.open()


def test_opening_waits_for_nobody(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "OPEN_SECONDS", 1.0)
    device.trouble("hang")
    opening = worker.Opening("coral", device.weights, device.options)
    assert opening.poll() is None
    time.sleep(1.0)
    with pytest.raises(AcceleratorError, match="no answer within 1 s"):
        opening.poll()


def test_an_opening_can_be_given_up(device: Device) -> None:
    device.trouble("hang")
    opening = worker.Opening("coral", device.weights, device.options)
    assert opening.poll() is None
    opening.close()


def test_a_worker_that_cannot_start_says_why(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(AcceleratorError, match=r"the worker process failed \(no message\); see 'vedette doctor'"):
        device.open()


def test_a_killed_worker_fails_everything_under_way(write_ir: Callable[[Path], Path], tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    session = worker.open_model("openvino", write_ir(tmp_path), Options(streams=2))
    os.kill(session._process._process.pid, signal.SIGKILL)
    waits = [session.submit(IMAGE) for _ in range(2)]
    for wait in waits:
        with pytest.raises(AcceleratorError, match="crashed with SIGKILL"):
            wait()
    session.close()


def test_a_free_size_cannot_be_shared() -> None:
    with pytest.raises(AcceleratorError, match=r"tensor 'x' is \[1, -1\].*set `isolate = false`"):
        shared.lane_bytes([TensorSpec("x", (1, -1), np.dtype(np.float32))])


@pytest.mark.parametrize("trouble", ["", "hang"])
def test_a_worker_ends_with_whoever_started_it(device: Device, trouble: str) -> None:
    code = """if True:
        import sys, time
        from pathlib import Path
        import numpy as np
        from accel import worker
        from accel.session import Options

        weights, library, trouble, switch = sys.argv[1:]
        session = worker.open_model("coral", Path(weights), Options(library=library, deadline=60.0))
        Path(switch).write_text(trouble)
        waiting = session.submit({"image": np.zeros((1, 4), np.uint8)})
        print(session._process._process.pid, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", code, str(device.weights), device.options.library, trouble]
    with subprocess.Popen(
        [*command, os.environ["FAKE_EDGETPU"]], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout
        child = Path("/proc") / parent.stdout.readline().strip()
        assert child.is_dir()
        parent.kill()
    until = time.monotonic() + 5
    while alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child)


def alive(process: Path) -> bool:
    """Whether it is neither gone nor dead and unburied (nobody may bury it in a container)."""
    try:
        return (process / "stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
