"""Custom models at work: as a camera's task with events in the log, and asked from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from accel.session import AcceleratorError
from edge import daemon, database
from edge.abilities import open_abilities
from edge.checkup import examine
from edge.config import Config, parse
from edge.custom import Projects
from edge.errors import ConfigError
from edge.explain import lines, problems
from edge.packs.sealed import fingerprint
from edge.pipeline import Pipeline
from edge.values import Image
from tests.brokers import free_port
from tests.edge.customs import KEY, SIDE, colour, installed, pack, square

Command = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = (
    "torch", "torchvision", "nncf", "litert_torch", "litert_converter", "ai_edge_quantizer", "jax", "jaxlib",
    "transformers", "tensorflow", "onnx", "onnxruntime",
)  # fmt: skip
OFF = {task: {"enabled": False} for task in ("objects", "faces", "labels", "moderation")}


def configured(folder: Path, images: Path, **custom: Any) -> Config:
    camera = {"kind": "images", "path": str(images), "seconds": 0, "motion": {"area": 0}, **OFF}
    raw = {
        "device": "porch",
        "data": str(folder / "data"),
        "mqtt": {"port": free_port()},
        "models": {"store": str(folder / "store")},
        "stills": {"folder": str(folder / "stills")},
        "cameras": {"yard": camera | {"custom": {"enabled": True, "every": 0, **custom}}},
    }
    return parse(raw, folder / "vedette.toml")


def install(config: Config, name: str, *, shadow: bool = False, **how: Any) -> None:
    """Installed and running."""
    with closing(Projects(database.connect(config.data))) as projects:
        version = projects.enrol(installed(config.models.open_store().root, name, **how))
        projects.started(version, shadow=shadow)


def pictures(folder: Path, *images: Image) -> Path:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number:03}.png"), image)
    return folder


def watched(config: Config) -> list[Any]:
    """What a daemon with this configuration logs until the pictures end."""
    abilities = open_abilities(config, config.tasks, lasting=True)
    with closing(abilities), daemon.parts(config, abilities) as parts:
        Pipeline(config, parts).run()
        return [event for event in parts.log.tail(0) if event.type.startswith(("custom_", "accelerator_"))]


def told(events: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(event.type, json.loads(event.body)["values"]) for event in events]


def test_a_camera_tells_what_comes_and_when_all_is_gone(tmp_path: Path) -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    seen = [black, *[colour("red")] * 3, colour("green"), *[black] * 5, colour("red")]
    config = configured(tmp_path, pictures(tmp_path / "yard", *seen), projects=["colours"])
    install(config, "colours/v1")
    events = watched(config)
    assert [[label["name"] for label in values["labels"]] for _, values in told(events)] == [
        ["red"], ["green"], [], ["red"],
    ]  # fmt: skip
    body = json.loads(events[0].body)
    assert (body["type"], body["camera"], body["values"]["project"]) == ("custom_labels", "yard", "colours")
    assert (body["models"][0]["task"], body["models"][0]["name"]) == ("custom", "colours/v1")
    assert body["stages"]["custom"] > 0


def test_a_camera_asks_several_projects_and_draws_what_has_a_place(tmp_path: Path) -> None:
    white = square(2, 3)
    config = configured(tmp_path, pictures(tmp_path / "yard", white), projects=["squares", "colours", "absent"])
    install(config, "colours/v1", labels=[{"name": name, "threshold": 0.0} for name in ("blue", "green", "red")])
    install(config, "squares/v1", task="detect")
    events = told(watched(config))
    assert [values["project"] for _, values in events] == ["squares", "colours"]
    (found,) = events[0][1]["labels"]
    assert found["box"] == {"x1": 12 / SIDE, "y1": 20 / SIDE, "x2": 28 / SIDE, "y2": 36 / SIDE}
    assert events[1][1]["labels"][0]["box"] is None
    (still,) = (tmp_path / "stills").rglob("*.jpg")
    assert cv2.imread(str(still)).astype(int).sum() > white.astype(int).sum()  # what is drawn is bright


def test_a_floor_of_the_cameras_own_counts_for_every_label(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "yard", np.zeros((48, 64, 3), np.uint8))
    config = configured(tmp_path, folder, projects=["colours"], floor=0.3)
    install(config, "colours/v1")
    ((_, values),) = told(watched(config))
    assert sorted(label["name"] for label in values["labels"]) == ["blue", "green", "red"]


def test_a_shadow_is_heard_beside_the_version_that_serves(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "yard", *[np.full((48, 64, 3), (60, 70, 80), np.uint8)] * 3, colour("red"))
    config = configured(tmp_path, folder, projects=["colours"])
    install(config, "colours/v1")
    eager = [{"name": name, "threshold": 0.2} for name in ("blue", "green", "red")]
    install(config, "colours/v2", labels=eager, shadow=True)
    events = told(watched(config))
    kinds = [kind for kind, _ in events]
    assert kinds == ["custom_labels", "custom_shadow", "custom_shadow"]
    first, second = (values for kind, values in events if kind == "custom_shadow")
    assert (first["version"], first["shadow"], first["agree"]) == ("v1", "v2", False)
    assert [label["name"] for label in first["labels"]] == ["red"]
    assert [label["name"] for label in first["shadow_labels"]] == ["red", "green"]
    assert second["agree"]


def test_an_accelerator_that_fails_is_replaced_in_the_middle_of_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path, pictures(tmp_path / "yard", colour("red"), colour("green")), projects=["colours"])
    install(config, "colours/v1", backends=("openvino", "tflite"))
    abilities = open_abilities(config, config.tasks, lasting=True)
    assert abilities.custom
    custom = abilities.custom.of("colours")
    assert custom
    submit, asked = type(custom.model.session).submit, list[bool]()

    def flaky(self: Any, feeds: Any) -> Any:
        asked.append(True)
        if len(asked) > 1:
            raise AcceleratorError("the device is gone")
        return submit(self, feeds)

    monkeypatch.setattr(type(custom.model.session), "submit", flaky)
    with closing(abilities), daemon.parts(config, abilities) as parts:
        Pipeline(config, parts).run()
        events = list(parts.log.tail(0))
    spoke = [json.loads(event.body)["models"][0]["backend"] for event in events if event.type == "custom_labels"]
    assert spoke == ["openvino", "tflite"]
    assert "accelerator_failed" in [event.type for event in events]


def test_without_the_task_nothing_is_opened_and_nothing_is_asked(tmp_path: Path) -> None:
    config = configured(tmp_path, pictures(tmp_path / "yard", colour("red")), enabled=False)
    assert "custom" not in config.tasks
    assert open_abilities(config, config.tasks).custom is None


def test_a_task_of_no_project_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cameras\.yard\.custom: names no project; write projects"):
        configured(tmp_path, tmp_path)


def test_check_says_what_is_asked_and_what_will_not_answer(tmp_path: Path) -> None:
    config = configured(tmp_path, pictures(tmp_path / "yard", colour("red")), projects=["colours", "squares"])
    install(config, "colours/v1")
    assert "camera yard: custom: labels of colours, squares, from the threshold of each label, every 0 s" in lines(
        config
    )
    assert list(problems(config)) == [
        "cameras.yard.custom.projects: there is no project 'squares'; run 'vedette custom install'"
    ]


def test_a_checkup_tries_out_what_runs(tmp_path: Path) -> None:
    config = configured(tmp_path, pictures(tmp_path / "yard", colour("red")), projects=["colours"])
    install(config, "colours/v1")
    install(config, "colours/v2", sound=False)
    found = {one.part: (one.ok, one.text) for one in examine(config) if one.part.startswith("custom ")}
    assert found["custom colours/v1"] == (True, "passes its self-test")
    assert not found["custom colours/v2"][0]


def test_a_pack_is_installed_and_asked_from_the_command_line(tmp_path: Path, vedette: Command) -> None:
    toml = tmp_path / "vedette.toml"
    toml.write_text(f'data = "{tmp_path}/data"\n[models]\nstore = "{tmp_path}/store"\n', "utf-8")
    album = pictures(tmp_path / "album", square(2, 3), np.zeros((SIDE, SIDE, 3), np.uint8))
    file = pack(tmp_path / "packs", "squares/v1", "detect")
    done = vedette("--config", toml, "custom", "install", file, "--trust", fingerprint(KEY.public))
    assert done.returncode == 0, done.stderr
    done = vedette("--config", toml, "analyze", "--custom", "squares", album, "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{album}/000.png  64x64",
        "  custom  1.00  square  [0.188 0.312 0.438 0.562]  (squares/v1)",
        f"{album}/001.png  64x64",
    ]
    assert "squares/v1" in (tmp_path / "page.html").read_text("utf-8")
    done = vedette("--config", toml, "analyze", "--custom", "squares/v1", "--json", "--tasks", "properties", album)
    first = json.loads(done.stdout.splitlines()[0])
    assert first["properties"]
    assert first["custom"][0]["labels"][0]["name"] == "square"
    done = vedette("--config", toml, "analyze", "--custom", "squares/v9", album)
    assert (done.returncode, done.stderr) == (
        66,
        "vedette: no version 'v9' of project 'squares': there is v1\n",
    )


def test_nothing_that_trains_is_needed_to_see(tmp_path: Path) -> None:
    """Neither torch, nor what quantizes and converts, is imported where custom models run."""
    root = Path(__file__).parents[2]
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(root)!r})
from types import SimpleNamespace
from edge.engine import AccelSettings, ModelSettings
from edge.failover import open_built
from edge.packs.custom import built
from edge.vision import selftest
from edge.vision.custom import Custom
from tests.edge.customs import colour, installed
path = Path({str(tmp_path)!r}) / "store"
for backend in ("openvino", "tflite"):
    version = installed(path, "colours/" + backend, backends=("openvino", "tflite"))
    settings = SimpleNamespace(models=ModelSettings(store=path), accel=AccelSettings(order=(backend,)))
    custom = Custom(open_built([built(version, backend)], [], settings), version, "colours/" + backend)
    assert selftest.fault(custom) == ""
    assert custom.look(colour("red"))[0].name == "red"
print(*sorted({{name.split(".")[0] for name in sys.modules}} & {set(HEAVY)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_no_dependency_of_the_device_is_one_of_training() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project.get("optional-dependencies", {}).values() for one in extra),
    ]
    names = {re.split(r"[^A-Za-z0-9_.-]", one)[0].lower().replace("-", "_") for one in wanted}
    assert not names & set(HEAVY)
    locked = (Path(__file__).parents[2] / "requirements.lock").read_text("utf-8")
    pinned = {line.split("==")[0].strip().lower().replace("-", "_") for line in locked.splitlines() if "==" in line}
    assert not pinned & set(HEAVY)
