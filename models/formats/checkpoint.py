"""A PyTorch state dict as numpy arrays, without torch and without trust.

Only what a state dict needs is understood: dictionaries, numbers, strings and tensors on known storages.
Every other global in the pickle is refused, so nothing in the file can run. Both the zip format and the
older stream of pickles (before torch 1.6) are read.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.manifest import ModelError

StateDict = dict[str, NDArray[Any]]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip


class CheckpointError(ModelError):
    """The file holds something other than plain tensors, or is damaged."""


class Storage(NamedTuple):
    key: str
    dtype: str
    size: int


class Tensor(NamedTuple):
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RebuildTensor:
    """Stands for torch._utils._rebuild_tensor_v2; without attributes, so the pickle cannot alter it."""

    __slots__ = ()

    def __call__(self, storage: object, offset: Any, shape: Any, strides: Any, *_unused: object) -> Tensor:
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, Storage) or len(shape) != len(strides):
            raise CheckpointError("malformed tensor")
        if any(type(number) is not int or number < 0 for number in numbers):
            raise CheckpointError("malformed tensor")
        return Tensor(storage, offset, tuple(shape), tuple(strides))


class _RebuildParameter:
    """Stands for torch._utils._rebuild_parameter."""

    __slots__ = ()

    def __call__(self, tensor: object, *_unused: object) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise CheckpointError("malformed parameter")
        return tensor


ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
    ("torch._utils", "_rebuild_parameter"): _RebuildParameter(),
    **{("torch", name): dtype for name, dtype in STORAGES.items()},
}


class _Unpickler(pickle.Unpickler):
    """Accepts the globals in ALLOWED and references to storages, nothing else."""

    def __init__(self, file: io.BytesIO, limit: int) -> None:
        super().__init__(file, encoding="utf-8")
        self.limit = limit  # no storage can be larger than the file
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise CheckpointError(f"refused global {module}.{name}") from None

    def persistent_load(self, reference: Any) -> Storage:
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            raise CheckpointError("unknown reference")
        _, dtype, key, _, count = reference[:5]
        if dtype not in STORAGES.values() or type(count) is not int or not isinstance(key, str):
            raise CheckpointError("malformed storage reference")
        if len(reference) > 5 and reference[5] is not None:
            raise CheckpointError("views of storages are not supported")
        if not 0 <= count * np.dtype(dtype).itemsize <= self.limit:
            raise CheckpointError("storage larger than the file")
        return self.storages.setdefault(key, Storage(key, dtype, count))


def read_state_dict(data: bytes) -> StateDict:
    """{name: array}; raises CheckpointError for anything but a plain state dict."""
    try:
        read = _read_zip if zipfile.is_zipfile(io.BytesIO(data)) else _read_stream
        loaded, arrays = read(data)
        return {name: _array(tensor, arrays) for name, tensor in _tensors(loaded)}
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise CheckpointError(f"unreadable checkpoint ({type(error).__name__}: {error}); pull it again") from error


def _unpickled(file: io.BytesIO, limit: int) -> tuple[Any, dict[str, Storage]]:
    """The next pickle of a file and the storages it names. `limit` is the size of the whole."""
    start = file.tell()
    for code, argument, _ in pickletools.genops(file):
        # A memo is a list as long as its highest number: one damaged byte would ask for gigabytes.
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > limit:
            raise CheckpointError("malformed memo")
    file.seek(start)
    unpickler = _Unpickler(file, limit)
    return unpickler.load(), unpickler.storages


def _read_stream(data: bytes) -> tuple[object, StateDict]:
    """Older format: magic, version, system, object, storage keys, raw storages."""
    file = io.BytesIO(data)

    def load() -> tuple[Any, dict[str, Storage]]:
        return _unpickled(file, len(data))

    if load()[0] != MAGIC or load()[0] != PROTOCOL:
        raise CheckpointError("not a PyTorch checkpoint")
    if not load()[0].get("little_endian"):
        raise CheckpointError("big endian checkpoint")
    loaded, storages = load()
    arrays = {}
    for key in load()[0]:
        storage = storages[key]
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise CheckpointError(f"storage {key} has another size than announced")
        arrays[key] = _flat(file.read(storage.size * np.dtype(storage.dtype).itemsize), storage)
    return loaded, arrays


def _read_zip(data: bytes) -> tuple[object, StateDict]:
    """Format since torch 1.6: <name>/data.pkl and <name>/data/<key>, stored."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise CheckpointError("no single data.pkl")
        root = names[0].removesuffix("data.pkl")
        if any(info.file_size > len(data) for info in archive.infolist()):
            raise CheckpointError("compressed archive")
        if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
            raise CheckpointError("big endian checkpoint")
        loaded, storages = _unpickled(io.BytesIO(archive.read(names[0])), len(data))
        return loaded, {key: _flat(archive.read(f"{root}data/{key}"), storage) for key, storage in storages.items()}


def _flat(raw: bytes, storage: Storage) -> NDArray[Any]:
    array: NDArray[Any] = np.frombuffer(raw, storage.dtype)
    if array.size != storage.size:
        raise CheckpointError(f"storage {storage.key} is cut short")
    return array


def _tensors(loaded: object) -> Iterator[tuple[str, Tensor]]:
    if not isinstance(loaded, dict):
        raise CheckpointError("the file does not hold a state dict")
    for name, tensor in dict.items(loaded):
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{name!r} is not a tensor")
        yield name, tensor


def _array(tensor: Tensor, arrays: StateDict) -> NDArray[Any]:
    flat = arrays[tensor.storage.key]
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, flat.dtype)
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((size - 1) * step for size, step in steps)
    # The second test keeps a stride of 0 from blowing up a small storage.
    if last >= flat.size or np.prod(tensor.shape, dtype=object) > flat.size:
        raise CheckpointError("tensor reaches outside its storage")
    strides = [step * flat.itemsize for step in tensor.strides]
    return np.array(np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides))
