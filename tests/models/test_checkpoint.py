"""Checkpoints of PyTorch, honest, hostile and damaged, made here without torch."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.formats.checkpoint import MAGIC, PROTOCOL, CheckpointError, read_state_dict

Array = NDArray[Any]
TYPES = {"f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage", "f2": "HalfStorage"}


class Named:
    """Pickles as a global of a module that is not installed."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickles as a call of a global."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class Stored:
    """Pickles as a reference to a storage."""

    def __init__(self, key: str, array: Array, kind: str = "") -> None:
        self.key, self.array, self.kind = key, array, kind or TYPES[array.dtype.str[1:]]


# The pickler written in Python can be told what to write; the fast one cannot.
PythonPickler: Any = vars(pickle)["_Pickler"]


class Writer(PythonPickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, 2)
        self.stored: dict[str, Array] = {}

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Stored):
            self.stored[obj.key] = obj.array
            return ("storage", Named("torch", obj.kind), obj.key, "cpu", obj.array.size)
        return None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Named):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def pickled(value: Any) -> tuple[bytes, dict[str, bytes]]:
    """The pickle, and the raw bytes of the storages it refers to."""
    file = io.BytesIO()
    writer = Writer(file)
    writer.dump(value)
    return file.getvalue(), {key: array.tobytes() for key, array in writer.stored.items() if array.size < 10**6}


def tensor(stored: Stored, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Call:
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, stored, offset, shape, strides, False, OrderedDict())


def stream(value: Any) -> bytes:
    loaded, raw = pickled(value)
    front = b"".join(pickled(part)[0] for part in (MAGIC, PROTOCOL, {"little_endian": True}))
    sizes = {key: STORAGES[key].size.to_bytes(8, "little") for key in raw}
    return front + loaded + pickled(list(raw))[0] + b"".join(sizes[key] + raw[key] for key in raw)


def archive(value: Any) -> bytes:
    loaded, raw = pickled(value)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("model/data.pkl", loaded)
        for key, data in raw.items():
            out.writestr(f"model/data/{key}", data)
    return file.getvalue()


NUMBERS = np.arange(12, dtype=np.float32)
STATE = OrderedDict(
    weight=tensor(Stored("0", NUMBERS), (3, 4), (4, 1)),
    turned=tensor(Stored("0", NUMBERS), (4, 3), (1, 4)),
    tail=tensor(Stored("0", NUMBERS), (2,), (1,), offset=10),
    count=tensor(Stored("1", np.array([7], np.int64)), (), ()),
    nothing=tensor(Stored("0", NUMBERS), (0, 3), (3, 1)),
)
STORAGES: dict[str, Array] = {"0": NUMBERS, "1": np.array([7], np.int64)}


@pytest.mark.parametrize("write", [stream, archive])
def test_tensors_come_back_as_arrays(write: Any) -> None:
    state = read_state_dict(write(STATE))
    assert list(state) == ["weight", "turned", "tail", "count", "nothing"]
    assert np.array_equal(state["weight"], NUMBERS.reshape(3, 4))
    assert np.array_equal(state["turned"], NUMBERS.reshape(3, 4).T)
    assert state["tail"].tolist() == [10, 11]
    assert (state["count"].shape, int(state["count"])) == ((), 7)
    assert state["nothing"].shape == (0, 3)


def test_a_parameter_is_its_tensor() -> None:
    parameter = Call(Named("torch._utils", "_rebuild_parameter"), STATE["weight"], True, OrderedDict())
    assert np.array_equal(read_state_dict(stream({"weight": parameter}))["weight"], NUMBERS.reshape(3, 4))


@pytest.mark.parametrize(
    ("module", "name"), [("os", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("numpy", "ndarray")]
)
@pytest.mark.parametrize("write", [stream, archive])
def test_a_hostile_pickle_does_not_run(module: str, name: str, write: Any, tmp_path: Any) -> None:
    mark = tmp_path / "ran"
    attack = {"weight": Call(Named(module, name), f"touch {mark}")}
    with pytest.raises(CheckpointError, match=f"refused global {module}.{name}"):
        read_state_dict(write(attack))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1], "does not hold a state dict"),
        ({"epoch": 3}, "'epoch' is not a tensor"),
        ({"nested": OrderedDict(STATE)}, "'nested' is not a tensor"),
        ({"w": tensor(Stored("0", NUMBERS), (3, 5), (5, 1))}, "outside its storage"),
        ({"w": tensor(Stored("0", NUMBERS), (9**9,), (0,))}, "outside its storage"),
        ({"w": tensor(Stored("0", NUMBERS), (2,), (1,), offset=-1)}, "malformed tensor"),
        ({"w": tensor(Stored("0", NUMBERS, "BFloat16Storage"), (2,), (1,))}, "refused global torch.BFloat16Storage"),
    ],
)
def test_what_is_no_plain_tensor_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        read_state_dict(stream(value))


def test_a_storage_larger_than_the_file_is_refused_before_it_is_made() -> None:
    huge = Stored("0", np.lib.stride_tricks.as_strided(NUMBERS, (10**12,), (0,)))
    with pytest.raises(CheckpointError, match="larger than the file"):
        read_state_dict(stream({"w": tensor(huge, (1,), (1,))}))


def test_an_archive_without_a_pickle_or_a_compressed_one_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("readme", "hello")
    with pytest.raises(CheckpointError, match="no single"):
        read_state_dict(file.getvalue())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("model/data.pkl", b"\0" * 10**6)
    with pytest.raises(CheckpointError, match="compressed"):
        read_state_dict(file.getvalue())


@pytest.mark.parametrize("write", [stream, archive])
def test_a_cut_file_is_refused_wherever_it_is_cut(write: Any) -> None:
    whole = write(STATE)
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(CheckpointError):
            read_state_dict(whole[:length])


def test_a_memo_of_gigabytes_is_refused_before_it_is_made() -> None:
    whole = bytearray(stream(STATE))
    whole[whole.index(b"q")] = ord("r")  # BINPUT, one byte, becomes LONG_BINPUT, four
    with pytest.raises(CheckpointError, match="memo"):
        read_state_dict(bytes(whole))


@settings(max_examples=300)
@given(st.sampled_from([stream, archive]), st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_gives_arrays_or_one_error(write: Any, place: int, flip: int) -> None:
    damaged = bytearray(write(STATE))
    damaged[place % len(damaged)] ^= flip
    before = dict(os.environ)
    try:
        state = read_state_dict(bytes(damaged))
    except CheckpointError:
        return
    assert all(isinstance(array, np.ndarray) for array in state.values())
    assert dict(os.environ) == before
