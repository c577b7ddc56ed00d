"""One TOML; whatever is wrong in it names itself and the remedy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, Strict

from edge import config, daemon, endpoint
from edge.cameras import FileCamera, ImagesCamera, PicameraCamera, RtspCamera, V4l2Camera
from edge.errors import ConfigError, StorageError


def load(folder: Path, text: str) -> config.Config:
    path = folder / "vedette.toml"
    path.write_text(text, "utf-8")
    return config.load(path)


def test_without_a_file_every_default_holds() -> None:
    assert config.load(None).cameras == {}
    assert config.load(None).mqtt.port == 1883


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'data = "state"\n[cameras.door]\nkind = "file"\npath = "door.mp4"\n')
    assert loaded.data == tmp_path / "state"
    assert loaded.cameras["door"].path == tmp_path / "door.mp4"  # type: ignore[union-attr]


DOOR = '[cameras.door]\nkind = "file"\npath = "x"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DOOR + "lop = true\n", "cameras.door.lop: unknown key; did you mean 'loop'?"),
        ("[mqtt]\nprot = 1883\n", "mqtt.prot: unknown key; did you mean 'port'?"),
        ("[cameras.door.objects]\nflor = 1\n", "cameras.door: 'kind' is missing"),
        ('[cameras.door]\nkind = "flie"\npath = "x"\n', "cameras.door.kind: unknown; it is one of "),
        (DOOR + "[cameras.door.objects]\nflor = 1\n", "objects.flor: unknown key; did you mean 'floor'?"),
        (DOOR + "[cameras.door.objects]\nfloor = 2\n", "objects.floor: must be 1 or less"),
        ('device = "a/b"\n', "device: a name is 1 to 64 letters, digits and . _ -"),
        ("[mqtt]\nport = 99999\n", "mqtt.port: must be 65535 or less"),
        ("[mqtt]\ntimeout = 1e300\n", "mqtt.timeout: must be 300 or less"),
        ("[accel]\norder = ['gpu']\n", "accel.order.0: must be 'openvino', 'tflite' or 'coral'"),
        ('[cameras.door]\nkind = "file"\n', "cameras.door.path: is missing"),
        ('[cameras."a b"]\nkind = "file"\npath = "x"\n', "cameras.a b: a name is 1 to 64 letters, digits and . _ -"),
        ('[cameras.door]\nkind = "v4l2"\ndevice = 0.5\n', "cameras.door.device: write a number from 0, or a path"),
        ("api = 5\n", "vedette.toml: api: write a table"),
        ('[mqtt]\npassword = "a"\n', "vedette.toml: mqtt: a password needs a username"),
        ('[mqtt]\nprefix = "#"\n', "mqtt.prefix: a prefix begins with neither / nor $"),
        (DOOR + 'size = ["1280", "720"]\n', "cameras.door.size.0: write a whole number, without quotes"),
        (DOOR + '[cameras.door.objects]\nlabels = "cat"\n', "cameras.door.objects.labels: write a list"),
        ("cameras = \n", "vedette.toml: Invalid value"),
        ("[mqtt]\nport = " + "9" * 5000 + "\n", "no sensible TOML"),
        ("x = " + "[" * 20000 + "\n", "no sensible TOML"),
        ('data = "~nobody-of-this-name/x"\n', "data: ~nobody-of-this-name/x: there is no such user"),
        ('data = "a\\u0000b"\n', "data: a path cannot hold a null character"),
    ],
)  # fmt: skip
def test_a_fault_names_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert "vedette.toml" in str(caught.value)
    assert caught.value.exit_code == 78


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A table and those within it."""
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from sections(field.annotation)


def test_no_number_and_no_flag_is_taken_from_a_text() -> None:
    kinds = (FileCamera, ImagesCamera, PicameraCamera, RtspCamera, V4l2Camera)
    tables = [table for model in (config.Config, endpoint.BucketSettings, *kinds) for table in sections(model)]
    lax = [
        f"{table.__name__}.{name}"
        for table in tables
        for name, field in table.model_fields.items()
        if {*get_args(field.annotation), field.annotation} & {int, float, bool}
        and not any(isinstance(one, Strict) for one in field.metadata)
    ]
    assert lax == ["V4l2Camera.device"]  # which looks for itself


def test_a_file_that_windows_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "vedette.toml"
    file.write_text("[mqtt]\r\nport = 1884\r\n", "utf-8-sig")
    assert config.load(file).mqtt.port == 1884


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "[mqtt]\nprot = 1\n[stills]\nkep = 3\n")
    assert len(str(caught.value).splitlines()) == 2


def test_an_absent_file_and_one_that_is_no_text_name_themselves(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: no such file"):
        config.load(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(tmp_path / "binary.toml")
    with pytest.raises(ConfigError, match="directory"):
        config.load(tmp_path)


def test_two_daemons_do_not_share_a_folder(tmp_path: Path) -> None:
    with daemon.alone(tmp_path), pytest.raises(StorageError, match="in use by another"), daemon.alone(tmp_path):
        pass
    with daemon.alone(tmp_path):
        pass


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"text": {"regions": [[0.5, 0.0, 0.2, 1.0]]}}, "cameras.door.text.regions.0: holds nothing"),
        ({"properties": {"dark": 95.0}}, "dark = 95 is not below bright = 90"),
        ({"ppe": {"required": ["HAND_COVER"]}}, "cameras.door.ppe.required.0: must be 'FACE_COVER' or"),
        ({"text": {"every": float("inf")}}, "cameras.door.text.every: must be finite"),
    ],
)
def test_a_task_that_could_never_tell_anything_is_refused(tmp_path: Path, task: Any, said: str) -> None:
    raw = {"cameras": {"door": {"kind": "images", "path": "slides", **task}}}
    with pytest.raises(ConfigError) as caught:
        config.parse(raw, tmp_path / "vedette.toml")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_api_looks_for_more_than_the_cameras(tmp_path: Path) -> None:
    off = "".join(f"[cameras.door.{task}]\nenabled = false\n" for task in ("faces", "labels", "moderation"))
    assert load(tmp_path, DOOR + off).tasks == ("objects",)
    assert set(load(tmp_path, DOOR + off + "[api]\nport = 8432\n").tasks) == set(endpoint.TASKS)
    assert set(load(tmp_path, "[api]\nport = 8432\n").tasks) == set(endpoint.TASKS)
    assert load(tmp_path, DOOR + "[cameras.door.liveness]\nenabled = true\n[api]\nport = 1\n").tasks[-2] == "liveness"
