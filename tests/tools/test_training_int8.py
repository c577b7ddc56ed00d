"""Small networks through the real converters and quantizers, in the environment of tools/train."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the environment of tools/train")
pytest.importorskip("nncf", reason="needs the environment of tools/train")
pytest.importorskip("litert_torch", reason="needs the environment of tools/train")

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import edgetpu, litert, openvino  # noqa: E402 - after the skips
from training.measure import Device  # noqa: E402
from training.network import Network  # noqa: E402

SIDE = 64
# What the converters' own packages warn of is not ours.
pytestmark = pytest.mark.filterwarnings("ignore")


def layers(*more: Any) -> Any:
    nn = torch.nn
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU6(), nn.Conv2d(16, 16, 3, 2, 1, groups=16), nn.ReLU6(), *more
    )


def classifier() -> Network:
    class Labels(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.last = layers(), torch.nn.Linear(16, 5)

        def forward(self, pixels: Any) -> Any:
            return self.last(self.body(pixels).mean((2, 3)))

    return Network(Labels().eval(), "classify", SIDE, False)


def detector() -> Network:
    class Boxes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = layers(torch.nn.Conv2d(16, 16, 3, 2, 1), torch.nn.ReLU6())
            self.down = torch.nn.ModuleList(torch.nn.Conv2d(16, 16, 3, 2, 1) for _ in range(2))
            self.score, self.side = torch.nn.Conv2d(16, 3, 1), torch.nn.Conv2d(16, 4, 1)

        def forward(self, pixels: Any) -> Any:
            small = self.body(pixels)
            middle = self.down[0](small)
            large = self.down[1](middle)
            middle = middle + torch.nn.functional.interpolate(large, scale_factor=2.0, mode="nearest")
            levels = (small, middle, large)
            rows = [one.permute(0, 2, 3, 1).reshape(1, -1, one.shape[1]) for one in map(self.score, levels)]
            sides = [torch.relu(self.side(one)).permute(0, 2, 3, 1).reshape(1, -1, 4) for one in levels]
            return torch.cat(rows, 1), torch.cat(sides, 1)

    return Network(Boxes().eval(), "detect", SIDE, False)


NETWORKS = {"classify": classifier, "detect": detector}


def pictures(count: int = 12) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [np.kron(random.integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(count)]


def drift(network: Network, backend: str, file: Path) -> float:
    """How far the file's outputs lie from the float network's, of the range of these."""
    device = Device(backend, file, network.outputs, network.input(normalise=backend != "openvino"))
    gaps = []
    for image in pictures():
        said, wanted = device.run(image), network.run(image)
        assert list(said) == list(network.outputs)
        for name, value in wanted.items():
            gaps.append(float(np.abs(said[name] - value).max() / np.ptp(value)))
    device.close()
    return max(gaps)


@pytest.mark.parametrize("task", NETWORKS)
def test_openvino_gets_frames_and_answers_nearly_as_float(task: str, tmp_path: Path) -> None:
    network = NETWORKS[task]()
    openvino.write(network, pictures(), tmp_path / "a.xml")
    assert drift(network, "openvino", tmp_path / "a.xml") < 0.1
    assert (tmp_path / "a.bin").stat().st_size < 40_000


def test_openvinos_file_is_the_same_from_every_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        openvino.write(classifier(), pictures(), tmp_path / f"{name}.xml")
    for kind in ("xml", "bin"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_its_last_layers_stay_in_float_if_asked(tmp_path: Path) -> None:
    network = detector()
    openvino.write(network, pictures(), tmp_path / "a.xml", float_ends=True)
    assert drift(network, "openvino", tmp_path / "a.xml") < 0.1


@pytest.mark.parametrize("task", NETWORKS)
@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_tflite_is_fit_for_the_edge_tpu_and_answers_nearly_as_float(task: str, io: Any, tmp_path: Path) -> None:
    network = NETWORKS[task]()
    litert.write(network, pictures(), tmp_path / "a.tflite", io=io)
    assert [str(fault) for fault in edgetpu.faults(tmp_path / "a.tflite")] == []
    assert drift(network, "tflite", tmp_path / "a.tflite") < 0.1
    device = Device("tflite", tmp_path / "a.tflite", network.outputs, network.input(normalise=True))
    (feed,) = device.session.inputs
    image = pictures(1)[0]
    wanted = image[..., ::-1].astype(np.int16) - (128 if io == "int8" else 0)
    assert feed.dtype == io
    assert np.array_equal(device.tensor(image)[0].astype(np.int16), wanted)  # the pixels themselves
    device.close()


def test_tflites_file_is_the_same_from_every_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        litert.write(detector(), pictures(), tmp_path / f"{name}.tflite", io="int8", mean=True)
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tflite", "b.tflite"]
