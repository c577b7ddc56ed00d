from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from accel import worker
from accel.session import AcceleratorError, Options, open_first, open_session, probe

IMAGE = {"image": np.array([[1, 2, 3, 4]], np.uint8)}


@pytest.fixture
def weights(tflite_model: Callable[..., bytes], tmp_path: Path) -> Path:
    if reason := probe("tflite"):
        pytest.skip(reason)
    (tmp_path / "model.tflite").write_bytes(tflite_model("edgetpu-custom-op"))
    return tmp_path / "model.tflite"


def test_a_compiled_model_runs_on_the_device_asked_for(weights: Path, fake_edgetpu: str) -> None:
    session = open_session("coral", weights, Options(library=fake_edgetpu, device="usb:0", streams=2))
    assert (session.backend, session.device, session.streams) == ("coral", "usb:0", 1)
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    assert [(spec.scale, spec.zero_point) for spec in session.inputs] == [(0.5, 0)]
    session.close()


def test_a_model_that_is_not_compiled_runs_on_the_cpu_and_says_so(
    weights: Path, tflite_model: Callable[..., bytes], fake_edgetpu: str, caplog: pytest.LogCaptureFixture
) -> None:
    weights.write_bytes(tflite_model())
    with caplog.at_level(logging.WARNING):
        session = open_session("coral", weights, Options(library=fake_edgetpu))
    assert session.device == "CPU"
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    assert "not compiled for the Edge TPU" in caplog.text
    session.close()


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("refuse", r"no Edge TPU 'refuse' \(no such Edge TPU\); see that it is plugged in"),
        ("null", r"no Edge TPU 'null' \(it gave no reason\); see that it is plugged in"),
        (
            "segfault",
            r"crashed with SIGSEGV; install a driver that was built for (ai-edge-litert|tflite-runtime) 2",
        ),
    ],
)
def test_a_bad_delegate_harms_nobody_and_says_what_happened(
    weights: Path, fake_edgetpu: str, device: str, message: str
) -> None:
    options = Options(library=fake_edgetpu, device=device)
    with pytest.raises(AcceleratorError, match=message) as caught:
        open_session("coral", weights, options)
    assert str(caught.value).startswith(f"{fake_edgetpu}: ")
    assert probe("coral", options) == str(caught.value)


def test_an_edge_tpu_that_hangs_is_given_up(weights: Path, fake_edgetpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "OPEN_SECONDS", 2)
    with pytest.raises(AcceleratorError, match="no answer within 2 s; unplug the device and plug it in again"):
        open_session("coral", weights, Options(library=fake_edgetpu, device="hang"))


def test_a_model_the_delegate_rejects_is_named(weights: Path, fake_edgetpu: str) -> None:
    with pytest.raises(
        AcceleratorError, match=r"model\.tflite: the delegate refuses this model .*compiled for its ver"
    ):
        open_session("coral", weights, Options(library=fake_edgetpu, device="reject"))


@pytest.mark.parametrize(
    "library", ["libno_such_edgetpu.so.1", __file__, "libm.so.6"], ids=["missing", "no library", "no delegate"]
)
def test_a_library_that_cannot_be_loaded_names_the_remedy(weights: Path, library: str) -> None:
    with pytest.raises(
        AcceleratorError, match=rf"{library}: .*: install libedgetpu1-std, or set `library` to its path"
    ):
        open_session("coral", weights, Options(library=library))


def test_without_an_edge_tpu_the_next_back_end_is_taken(weights: Path, tflite_model: Callable[..., bytes]) -> None:
    plain = weights.with_name("plain.tflite")
    plain.write_bytes(tflite_model())
    missing = Options(library="libno_such_edgetpu.so.1")
    session, reasons = open_first([("coral", weights, missing), ("tflite", plain, Options())])
    session.close()
    assert session.backend == "tflite"
    assert len(reasons) == 1
    assert reasons[0].startswith("coral: libno_such_edgetpu.so.1: cannot open shared object file")
