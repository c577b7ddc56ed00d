"""Stores of a test's own, filled with what the test says a model is."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accel.session import AcceleratorError, Options, Tensors, TensorSpec, check_feeds
from edge.packs import records
from edge.packs.store import Store
from models import manifest as manifests
from models.manifest import Backend


def install(store: Store, name: str, backend: Backend, data: bytes = b"weights") -> Path:
    """Put a built model of the real zoo into the store; gives the folder it lies in."""
    manifest = manifests.load(name)
    with store.changing(), store.scratch() as scratch:
        folder = scratch / "built"
        folder.mkdir()
        (folder / "model.bin").write_bytes(data)
        store.add(records.describe(manifest, backend, folder, folder / "model.bin"), folder)
    return store.find(name, backend).weights.parent


@dataclass
class FakeSession:
    """Answers with what `answer` makes of the input."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    answer: Callable[[Any], Tensors]
    backend: str = "openvino"
    device: str = "FAKE"
    streams: int = 1
    closed: bool = False

    def run(self, feeds: Tensors) -> Tensors:
        check_feeds(self.inputs, feeds)
        return self.answer(feeds[self.inputs[0].name])

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        found = self.run(feeds)
        return lambda: found

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeBackend:
    """Stands for one module of `accel`; opens the same session every time, or refuses."""

    session: FakeSession | None = None
    refusal: str = ""
    opened: list[Path] = field(default_factory=list)

    def open_model(self, weights: Path, _options: Options) -> FakeSession:
        self.check(_options)
        self.opened.append(weights)
        assert self.session
        return self.session

    def check(self, _options: Options) -> None:
        if self.refusal:
            raise AcceleratorError(self.refusal)


def put(monkeypatch: pytest.MonkeyPatch, name: Backend, backend: FakeBackend) -> FakeBackend:
    """Have `accel` find this back end under that name."""
    module: Any = types.ModuleType(f"accel.{name}")
    module.open_model, module.check, module.version = backend.open_model, backend.check, lambda: "fake 1"
    monkeypatch.setitem(sys.modules, f"accel.{name}", module)
    if backend.session:
        backend.session.backend = name
    return backend


def classifier(loudest: Callable[[Any], int] = lambda _: 0) -> FakeSession:
    """EfficientNet-Lite0's inputs and outputs; `loudest` says which class wins for an input."""

    def answer(image: Any) -> Tensors:
        logits = np.zeros((1, 1000), np.float32)
        logits[0, loudest(image)] = 20.0
        return {"logits": logits, "features": np.zeros((1, 1280), np.float32)}

    outputs = tuple(TensorSpec(name, (1, size), np.dtype(np.float32)) for name, size in SIZES)
    return FakeSession((TensorSpec("image", (1, 224, 224, 3), np.dtype(np.uint8)),), outputs, answer)


SIZES = (("logits", 1000), ("features", 1280))
