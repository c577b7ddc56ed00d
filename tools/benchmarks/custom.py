"""What labels of one's own cost: milliseconds of a look at a picture, over the raw inference of the same model.

The networks are two of the zoo, as packs would carry them: EfficientNet-Lite0, on which our classifiers are trained,
with its thousand labels where ours have a few, and NanoDet-g for a detector. The reference is the same session on the
same tensor and nothing else, in the same run. Reading the picture from its file is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Literal

from benchmarks.tasks import SIZES, measure, photo, settings
from evaluation.figures import Figure

from edge.engine import Settings
from edge.failover import open_built
from edge.packs import custom as packs
from edge.packs.custom import Index, Installed
from edge.packs.store import Built
from edge.vision.custom import Custom
from models.manifest import Backend, ModelError

NETWORKS: Mapping[Literal["classify", "detect"], str] = {"classify": "efficientnet-lite0", "detect": "nanodet-g"}
BACKENDS: tuple[Backend, ...] = ("openvino", "tflite")
THRESHOLD = 0.5


def run(quick: bool) -> Iterator[Figure]:
    """A classifier and a detector on each back end they are installed for, in every size."""
    how = settings()
    for task, network in NETWORKS.items():
        for backend in BACKENDS:
            try:
                built = how.models.open_store().find(network, backend)
            except ModelError:
                continue
            with closing(_custom(built, task, how)) as custom:
                for size in SIZES:
                    look = partial(custom.look, photo(*size))
                    place = f"custom.{task}.{backend}.{{}}x{{}}".format(*size)
                    yield measure(place, look, {"custom": custom}, 15 if quick else 60)


def _custom(built: Built, task: Literal["classify", "detect"], how: Settings) -> Custom:
    """The network as a pack in the model store would have it opened."""
    manifest, backend = built.manifest, built.backend
    index = Index.model_validate(
        {
            "project": "bench",
            "version": "1",
            "task": task,
            "labels": [{"name": name, "threshold": THRESHOLD} for name in built.labels],
            "variants": {
                backend: {
                    "weights": built.weights.name,
                    "outputs": manifest.variants[backend].outputs,
                    "input": manifest.input_for(backend),
                    "decode": manifest.decode_for(backend),
                }
            },
            "data": "",
            "made_at": 0.0,
            "images": (0, 0),
            "seconds": 0.0,
            "files": {
                file.name: {"bytes": file.stat().st_size, "sha256": "0" * 64} for file in built.weights.parent.iterdir()
            },
        }
    )
    installed = Installed(index, "", "0" * 64, built.weights.parent)
    return Custom(open_built([packs.built(installed, backend)], [], how), installed, "bench/1")
