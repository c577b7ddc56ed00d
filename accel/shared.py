"""Tensors in memory that two processes share: each lane holds one set of inputs and one of outputs."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from accel.session import AcceleratorError, Tensors, TensorSpec

ALIGNED = 64  # bytes: what vector instructions like best

Specs = tuple[TensorSpec, ...]


def lane_bytes(specs: Sequence[TensorSpec]) -> int:
    """The size of one lane; raises AcceleratorError naming the tensor whose size is free."""
    for spec in specs:
        if -1 in spec.shape:
            raise AcceleratorError(
                f"tensor {spec.name!r} is {list(spec.shape)}: a worker process cannot share a free size; "
                "set `isolate = false` for this back end"
            )
    return sum(map(_room, specs))


def lanes(memory: int, inputs: Specs, outputs: Specs, count: int) -> list[tuple[Tensors, Tensors]]:
    """The (inputs, outputs) of each lane in a file descriptor of `count` times `lane_bytes`; both sides see changes."""
    shared = mmap.mmap(memory, count * lane_bytes((*inputs, *outputs)))
    found = []
    offset = 0
    for _ in range(count):
        arrays: Tensors = {}
        sides = []
        for specs in (inputs, outputs):
            arrays = {}
            for spec in specs:
                arrays[spec.name] = np.ndarray(spec.shape, spec.dtype, shared, offset)
                offset += _room(spec)
            sides.append(arrays)
        found.append((sides[0], sides[1]))
    return found


def plain(specs: Specs) -> list[list[Any]]:
    """As JSON can carry them."""
    return [[spec.name, list(spec.shape), spec.dtype.str, spec.scale, spec.zero_point] for spec in specs]


def specs(rows: Sequence[Sequence[Any]]) -> Specs:
    """What `plain` made plain."""
    return tuple(TensorSpec(name, tuple(shape), np.dtype(dtype), *rest) for name, shape, dtype, *rest in rows)


def _room(spec: TensorSpec) -> int:
    return -(-prod(spec.shape) * spec.dtype.itemsize // ALIGNED) * ALIGNED
