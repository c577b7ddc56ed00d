"""Models to be judged: as shipped, and the same graph in float as their reference."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accel.session import Options, open_session
from edge.engine import Model
from edge.packs.build import FLOAT_TFLITE, build, float_tflite
from edge.packs.store import Built, Store, default_root
from models.manifest import Backend, ModelError


@contextmanager
def shipped(name: str, backend: Backend = "openvino") -> Iterator[Model]:
    """The installed model with the options of a new installation; raises ModelError if it is not installed."""
    built = Store(default_root()).find(name, backend)
    model = Model(built, open_session(backend, built.weights, Options()))
    try:
        yield model
    finally:
        model.close()


@contextmanager
def floating(name: str, backend: Backend = "openvino") -> Iterator[Model]:
    """The same graph built without its recipe, and run in float32."""
    store = Store(default_root())
    installed = store.find(name, backend)
    variant = installed.manifest.variants[backend]
    sources = {source: store.blob(installed.manifest.source(source)) for source in variant.sources}
    absent = [str(path) for path in sources.values() if not path.exists()]
    if absent:
        raise ModelError(f"{', '.join(absent)}: missing, the float {name} needs it; run 'vedette models pull {name}'")
    with tempfile.TemporaryDirectory() as folder:
        if variant.build in FLOAT_TFLITE:
            weights = Path(folder, "model.tflite")
            weights.write_bytes(float_tflite(installed.manifest, variant, list(sources.values())))
        else:
            plain = variant.model_copy(update={"recipe": "", "precision": "f32"})
            variants = {**installed.manifest.variants, backend: plain}
            weights = build(
                installed.manifest.model_copy(update={"variants": variants}), backend, sources, Path(folder)
            )
        built = Built(installed.manifest, backend, weights, "float", installed.labels)
        model = Model(built, open_session(backend, weights, Options(precision="f32" if backend == "openvino" else "")))
        try:
            yield model
        finally:
            model.close()


def is_installed(name: str, backend: Backend) -> bool:
    try:
        Store(default_root()).find(name, backend)
    except ModelError:
        return False
    return True
