"""Names inside a graph: outputs as its manifest calls them, and the same bytes from every build."""

from __future__ import annotations

from collections.abc import Sequence

import openvino as ov

from accel.session import AcceleratorError


def name_outputs(model: ov.Model, names: Sequence[str]) -> None:
    """Give the outputs these names and no others, in order; raises AcceleratorError if their number differs.

    Tensors inside lose theirs: when a compiler drops an operation, its names pass to what is left, and an output
    would be called by the first of several.
    """
    if len(model.outputs) != len(names):
        raise AcceleratorError(f"the graph has {len(model.outputs)} outputs, not the {len(names)} of its manifest")
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Parameter":
            for output in node.outputs():
                output.get_tensor().set_names(set())
    for output, name in zip(model.outputs, names, strict=True):
        output.get_tensor().set_names({name})


def renumber(model: ov.Model) -> None:
    """Name every operation by its type and place, in place of numbers counted over the whole process."""
    for place, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{place}")
