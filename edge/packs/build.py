"""Turns verified source files into the file a session opens: convert, quantize, let it take camera frames.

A source format that OpenVINO can be brought to read is one line in GRAPHS and BUILDERS; one that becomes a float
TFLite model, in FLOAT_TFLITE and BUILDERS. Heavy libraries are imported by what needs them, so listing models stays
quick.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from accel.session import AcceleratorError
from models.formats import bundled, checkpoint, tfjs
from models.manifest import Backend, Manifest, ModelError, Variant, folder

Builder = Callable[[Manifest, Variant, Sequence[Path], Path], Path]


def build(manifest: Manifest, backend: Backend, files: Mapping[str, Path], target: Path) -> Path:
    """Build one variant into the empty folder `target` and return the file a session opens.

    `files` are the variant's verified sources by name, already sliced. Raises ModelError if they do not
    make the model the manifest describes.
    """
    variant = manifest.variants[backend]
    if variant.build not in BUILDERS:
        raise ModelError(f"{manifest.name}: no builder {variant.build!r}: there is {', '.join(BUILDERS)}")
    try:
        return BUILDERS[variant.build](manifest, variant, [files[name] for name in variant.sources], target)
    except (AcceleratorError, ModelError, RuntimeError, ValueError) as error:
        raise ModelError(f"{manifest.name} for {backend}: {str(error).strip().splitlines()[-1]}") from error


def openvino_ir(manifest: Manifest, variant: Variant, sources: Sequence[Path], target: Path) -> Path:
    """model.xml and model.bin, whose input is a uint8 NHWC BGR frame."""
    from accel.graphs import files
    from accel.graphs.frames import accept_frames
    from accel.graphs.recipe import apply_recipe, load_recipe
    from accel.graphs.select import keep_best_cells
    from accel.graphs.tidy import name_outputs, renumber

    model = float_graph(manifest, variant, sources)
    if variant.recipe:
        recipe = folder(manifest.name).joinpath(variant.recipe).read_bytes()
        model = apply_recipe(model, load_recipe(io.BytesIO(recipe)))
    wants = manifest.input
    if variant.keep:
        model = keep_best_cells(model, variant.keep)
    if wants.fit != "tensor":
        model = accept_frames(model, colour=wants.colour, layout=wants.layout, mean=wants.mean, std=wants.std)
    name_outputs(model, variant.outputs)
    renumber(model)
    files.save(model, target / "model.xml")
    return target / "model.xml"


def float_graph(manifest: Manifest, variant: Variant, sources: Sequence[Path]) -> Any:
    """The float OpenVINO graph that is quantized, at the manifest's size, with its constants folded."""
    from accel.graphs.recipe import fold_constants

    wants = manifest.input
    model = GRAPHS[variant.build](manifest, sources)
    if wants.fit != "tensor":
        sides = {"N": 1, "C": 3, "H": wants.height, "W": wants.width} | dict.fromkeys(wants.open, -1)
        model.reshape([sides[axis] for axis in wants.layout])
    # Weights behind a reshape would otherwise be quantized along an axis that no int8 kernel takes.
    fold_constants(model)
    return model


def _read(_: Manifest, sources: Sequence[Path]) -> Any:
    from accel.graphs import files

    return files.read(sources[0])


def _ctc(manifest: Manifest, sources: Sequence[Path]) -> Any:
    from accel.graphs.select import keep_best_class

    return keep_best_class(_read(manifest, sources))


def _tfjs(manifest: Manifest, sources: Sequence[Path]) -> Any:
    return _frozen(manifest, tfjs.graph_def(*(source.read_bytes() for source in sources)))


def _tfjs_bundled(manifest: Manifest, sources: Sequence[Path]) -> Any:
    """The same inside scripts: model.json as a literal, then each weight file as base64."""
    topology, *shards = (source.read_bytes() for source in sources)
    weights = b"".join(map(bundled.exported_bytes, shards))
    return _frozen(manifest, tfjs.graph_def(json.dumps(bundled.exported(topology)).encode(), weights))


def _frozen(manifest: Manifest, graph: bytes) -> Any:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "model.pb")
        file.write_bytes(graph)
        # A copy, because the reader's own graph keeps the file mapped.
        return _read(manifest, [file]).clone()


def _tflite(_: Manifest, sources: Sequence[Path]) -> Any:
    with tempfile.TemporaryDirectory() as scratch:
        # The reader goes by the file's name, which in the store is a digest; a copy, because it keeps the file mapped.
        return _read(_, [Path(shutil.copyfile(sources[0], Path(scratch, "model.tflite")))]).clone()


def _blendshapes(manifest: Manifest, sources: Sequence[Path]) -> Any:
    from accel.graphs import blendshapes

    return blendshapes.open_batch(_tflite(manifest, sources))


def _faceres(manifest: Manifest, sources: Sequence[Path]) -> Any:
    """The features are inside the graph, which gives age and gender alone."""
    model = _tfjs(manifest, sources)
    (pooled,) = (node for node in model.get_ops() if node.get_friendly_name() == "global_pooling/Mean")
    model.add_outputs([pooled.output(0)])
    return model


def _expression(manifest: Manifest, sources: Sequence[Path]) -> Any:
    from accel.graphs import expression

    index, weights = (source.read_bytes() for source in sources)
    return expression.build(tfjs.read_weights(json.loads(index), weights), manifest.input.width)


def _efficientnet_lite(manifest: Manifest, sources: Sequence[Path]) -> Any:
    from accel.graphs import efficientnet

    return efficientnet.build(checkpoint.read_state_dict(sources[0].read_bytes()), manifest.input.width)


def _minifasnet(manifest: Manifest, sources: Sequence[Path]) -> Any:
    from accel.graphs import minifasnet

    return minifasnet.build(checkpoint.read_state_dict(sources[0].read_bytes()), manifest.input.width)


def tflite_int8(manifest: Manifest, variant: Variant, sources: Sequence[Path], target: Path) -> Path:
    """model.tflite, int8 throughout, whose input is uint8 pixels."""
    from accel.graphs.tflite_int8 import quantize

    ranges = json.loads(folder(manifest.name).joinpath(variant.recipe).read_text("utf-8"))
    (target / "model.tflite").write_bytes(quantize(float_tflite(manifest, variant, sources), ranges))
    return target / "model.tflite"


def float_tflite(manifest: Manifest, variant: Variant, sources: Sequence[Path]) -> bytes:
    """The float TFLite model that is calibrated and quantized."""
    return FLOAT_TFLITE[variant.build](manifest, sources)


def _efficientnet_lite_tflite(manifest: Manifest, sources: Sequence[Path]) -> bytes:
    from accel.graphs.tflite_lite0 import lite0

    return lite0(checkpoint.read_state_dict(sources[0].read_bytes()), manifest.input.width)


def copy(_manifest: Manifest, _variant: Variant, sources: Sequence[Path], target: Path) -> Path:
    """The source itself, for files that are ready to run, such as those compiled for the Edge TPU."""
    return Path(shutil.copyfile(sources[0], target / "model.tflite"))


# How each kind of source becomes a float graph.
GRAPHS: dict[str, Callable[[Manifest, Sequence[Path]], Any]] = {
    "onnx": _read,
    "onnx-ctc": _ctc,
    "tfjs": _tfjs,
    "tfjs-bundled": _tfjs_bundled,
    "efficientnet-lite": _efficientnet_lite,
    "minifasnet": _minifasnet,
    "tflite": _tflite,
    "blendshapes": _blendshapes,
    "faceres": _faceres,
    "face-expression": _expression,
}

FLOAT_TFLITE: dict[str, Callable[[Manifest, Sequence[Path]], bytes]] = {
    "tflite-int8": lambda _, sources: sources[0].read_bytes(),
    "efficientnet-lite-tflite": _efficientnet_lite_tflite,
}

BUILDERS: dict[str, Builder] = {
    "onnx": openvino_ir,
    "onnx-ctc": openvino_ir,
    "tfjs": openvino_ir,
    "tfjs-bundled": openvino_ir,
    "efficientnet-lite": openvino_ir,
    "minifasnet": openvino_ir,
    "tflite": openvino_ir,
    "blendshapes": openvino_ir,
    "faceres": openvino_ir,
    "face-expression": openvino_ir,
    "tflite-int8": tflite_int8,
    "efficientnet-lite-tflite": tflite_int8,
    "copy": copy,
}
