"""A configuration in words: what each part does, and what keeps it from running."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge import config, database
from edge.explain import exposures, lines, problems
from edge.keys import Keys, certificate, open_master
from edge.obstacles import obstacles
from edge.packs.store import Store
from tests.conftest import Command
from tests.edge.stores import FakeBackend, classifier, install, put

DOOR = {"kind": "images", "path": "slides", "seconds": 3.0}


def parsed(folder: Path, **raw: Any) -> config.Config:
    (folder / "slides").mkdir(exist_ok=True)
    raw = {"device": "porch", "data": "state", "models": {"store": str(folder / "store")}} | raw
    return config.parse(raw, folder / "vedette.toml")


@pytest.fixture(autouse=True)
def _backends(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "openvino", FakeBackend(classifier()))
    put(monkeypatch, "tflite", FakeBackend(refusal="not here"))


def test_undrawn_pictures_and_announced_packs_are_told(tmp_path: Path) -> None:
    raw = {"stills": {"folder": "stills", "clean": True}, "custom": {"manifests": True, "folder": "stick"}}
    told = list(lines(parsed(tmp_path, **raw)))
    assert f"stills: the newest 1000 in {tmp_path / 'stills'}, undrawn too" in told
    assert "custom: packs of up to 256 MB that are announced at vedette/porch/custom/+ and vedette/custom/+" in told
    assert f"custom.folder: {tmp_path / 'stick'} is no folder" in "\n".join(obstacles(parsed(tmp_path, **raw)))


def test_defaults_are_told_in_full(tmp_path: Path) -> None:
    assert list(lines(parsed(tmp_path, cameras={"door": DOOR}))) == [
        f"device porch: topics vedette/porch/<camera>/<type>, data in {tmp_path / 'state'}",
        "mqtt: 127.0.0.1:1883, version 5, no TLS, no user",
        "accel: openvino, then tflite",
        "metrics: not served",
        "api: not served",
        "stills: none written",
        f"camera door: kind images, fps 5.0, path {tmp_path / 'slides'}, seconds 3.0",
        "camera door: frames count when 0.20% of the picture changes, else one every 10 s",
        "camera door: objects: everything the detector knows, from a score of 0.45",
        "camera door: faces: matched in collection 'people' from 95 % in 2 views",
        "camera door: labels: everything, every 5 s, from a score of 0.55",
        "camera door: moderation: every 2 s, an event from 0.8",
    ]


def test_what_runs_in_a_worker_process_is_told(tmp_path: Path) -> None:
    chosen = {"order": ["coral", "openvino", "tflite"], "openvino": {"device": "GPU"}}
    told = "accel: coral in a worker process, then openvino in a worker process, then tflite"
    assert told in lines(parsed(tmp_path, accel=chosen))
    chosen = {"order": ["coral", "tflite"], "coral": {"isolate": False}, "tflite": {"isolate": True}}
    assert "accel: coral, then tflite in a worker process" in lines(parsed(tmp_path, accel=chosen))


def test_what_is_set_is_what_is_told(tmp_path: Path) -> None:
    camera = DOOR | {
        "motion": {"area": 0},
        "objects": {"labels": ["Person", "Dog"], "floor": 0.6},
        "faces": {"small": True},
        "labels": {"enabled": False},
        "moderation": {"enabled": False},
        "ppe": {"enabled": True, "required": ["HEAD_COVER"]},
    }
    mqtt = {"host": "hub", "tls": True, "username": "ann", "password": "secret", "protocol": "3.1.1"}
    told = list(
        lines(
            parsed(
                tmp_path, cameras={"door": camera}, mqtt=mqtt, stills={"folder": "s", "keep": 7}, metrics={"port": 9182}
            )
        )
    )
    assert "mqtt: hub:1883, version 3.1.1, TLS, user ann" in told
    assert f"stills: the newest 7 in {tmp_path / 's'}" in told
    assert "metrics: http://127.0.0.1:9182/metrics and /healthz" in told
    assert told[-4:] == [
        "camera door: every frame counts, the motion gate is off",
        "camera door: objects: Person, Dog, from a score of 0.6",
        "camera door: faces: matched in collection 'people' from 95 % in 2 views, small ones looked for tile by tile",
        "camera door: ppe: persons need head cover, from a score of 0.8, every 2 s",
    ]
    assert "secret" not in str(told)


def test_a_network_cameras_password_is_not_told(tmp_path: Path) -> None:
    camera = {"kind": "rtsp", "url": "rtsp://ann:secret@192.168.1.10:554/stream"}
    told = list(lines(parsed(tmp_path, cameras={"door": camera})))
    assert "secret" not in str(told)


def test_what_is_there_is_no_problem(tmp_path: Path) -> None:
    for name in ("nanodet-g", "yunet", "sface", "efficientnet-lite0", "open-nsfw"):
        install(Store(tmp_path / "store"), name, "openvino")
    assert list(problems(parsed(tmp_path, cameras={"door": DOOR}))) == []


def test_an_absent_path_and_absent_models_are_told_with_their_remedy(tmp_path: Path) -> None:
    install(Store(tmp_path / "store"), "yunet", "openvino")
    quiet = {task: {"enabled": False} for task in ("objects", "moderation")}
    found = list(problems(parsed(tmp_path, cameras={"door": DOOR | {"path": "nowhere"} | quiet})))
    assert found[0] == f"cameras.door.path: {tmp_path / 'nowhere'} does not exist; put it there, or correct the path"
    assert [line.split(":")[0] for line in found[1:]] == ["models.embedding", "models.labels"]
    assert all("run 'vedette models pull " in line for line in found[1:])


def test_back_ends_none_of_which_works_are_the_problem(tmp_path: Path) -> None:
    (problem,) = problems(parsed(tmp_path, cameras={"door": DOOR}, accel={"order": ["tflite"]}))
    assert problem == "no back end of accel.order works: tflite: not here; or add 'openvino' to accel.order"


def found_by(folder: Path, **raw: Any) -> list[str]:
    """The problems that are not of the model store, which is empty here."""
    return [line for line in problems(parsed(folder, **raw)) if not line.startswith("models.")]


def test_files_in_the_place_of_folders_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("")
    cameras = {
        "film": {"kind": "file", "path": "slides"},
        "lost": {"kind": "file", "path": "film.mp4"},
        "long": {"kind": "file", "path": "x" * 300},
        "show": {"kind": "images", "path": "note"},
    }
    assert found_by(tmp_path, data="note/here", stills={"folder": "note"}, cameras=cameras) == [
        f"data: {tmp_path / 'note'} is not a folder; name a folder, or move the file away",
        f"stills.folder: {tmp_path / 'note'} is not a folder; name a folder, or move the file away",
        f'cameras.film.path: {tmp_path / "slides"} is a folder; name a video, or say kind = "images"',
        f"cameras.lost.path: {tmp_path / 'film.mp4'} does not exist; put it there, or correct the path",
        f"cameras.long.path: {tmp_path / ('x' * 300)} cannot be read: file name too long; correct the path",
        f'cameras.show.path: {tmp_path / "note"} is not a folder; name a folder, or say kind = "file"',
    ]


def test_what_this_user_may_not_read_or_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    film = tmp_path / "film.mp4"
    film.write_bytes(b"")
    real, quiet = Path.open, {"objects": {"enabled": False}}
    config_ = parsed(tmp_path, cameras={"door": DOOR | quiet, "film": {"kind": "file", "path": str(film)} | quiet})
    monkeypatch.setattr("edge.obstacles.os.access", lambda *_: False)
    monkeypatch.setattr("edge.obstacles.os.scandir", denied)
    monkeypatch.setattr(Path, "open", lambda path, mode: denied() if path == film else real(path, mode))
    told = [line for line in obstacles(config_) if "may not be" in line]
    assert [line.split(":")[0] for line in told] == ["data", "cameras.door.path", "cameras.film.path"]


def test_the_brokers_files_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "cert").write_text("")
    mqtt = {
        "tls": True,
        "username": "ann",
        "password_file": "secret",
        "ca_file": "ca",
        "cert_file": "cert",
        "key_file": "slides",
    }
    assert [line.split(";")[0] for line in found_by(tmp_path, mqtt=mqtt, cameras={"door": DOOR})] == [
        f"mqtt.password_file: {tmp_path / 'secret'} does not exist",
        f"mqtt.ca_file: {tmp_path / 'ca'} does not exist",
        f"mqtt.key_file: {tmp_path / 'slides'} is a folder",
    ]


def test_the_api_is_told_with_its_buckets_and_its_audit(tmp_path: Path) -> None:
    buckets = {"photos": "pictures", "archive": {"endpoint": "http://nas:9000", "bucket": "old"}}
    told = list(lines(parsed(tmp_path, api={"port": 8432, "buckets": buckets})))
    assert [line for line in told if line.startswith("api")] == [
        "api: http://127.0.0.1:8432, 2 requests at once and 16 in line, region us-east-1, account 000000000000",
        f"api: bucket photos: {tmp_path / 'pictures'}",
        "api: bucket archive: old at http://nas:9000",
        f"api: the audit keeps 10 files of 16 MB in {tmp_path / 'state' / 'audit'}",
    ]


def test_what_keeps_clients_out_is_a_problem(tmp_path: Path) -> None:
    tls = {"tls_certificate": "a.pem", "tls_key": "a.key"}
    settings = parsed(tmp_path, api={"port": 8432, "buckets": {"photos": "pictures"}} | tls)
    found = list(problems(settings))
    assert f"api.tls_certificate: {tmp_path / 'a.pem'} does not exist; put it there, or correct the path" in found
    assert f"api.buckets.photos: {tmp_path / 'pictures'} does not exist; put it there, or correct the path" in found
    assert "api: no access key is enabled, so nobody can ask: run 'vedette keys create NAME'" in found
    assert any(problem.startswith("models.text_boxes: ") for problem in found)
    for name in ("a.pem", "a.key"):
        (tmp_path / name).write_text("no certificate")
    (tmp_path / "pictures").mkdir()
    with closing(Keys(database.connect(settings.data), open_master(settings.data))) as keys:
        keys.create("tester")
        api = [problem for problem in problems(settings) if problem.startswith("api")]
        assert len(api) == 1
        assert "make both with 'vedette keys certificate'" in api[0]
        keys.disable("tester")
        assert "api: no access key is enabled, so nobody can ask: run 'vedette keys create NAME'" in problems(settings)
    (settings.data / "master.key").write_text("ab" * 32)
    assert any("master.key beside it is not the one it was sealed with" in problem for problem in problems(settings))
    (settings.data / "master.key").unlink()
    assert any("master.key: missing" in problem for problem in problems(settings))


def test_a_certificate_that_clients_will_refuse_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = certificate.make(tmp_path, ["localhost"])
    tls = {"tls_certificate": str(pair.certificate), "tls_key": str(pair.key)}
    settings = parsed(tmp_path, api={"port": 8432} | tls)
    assert not [problem for problem in problems(settings) if problem.startswith("api.tls")]
    monkeypatch.setattr(certificate, "SOON", timedelta(days=11 * 365))
    (told,) = [problem for problem in problems(settings) if problem.startswith("api.tls")]
    assert told.startswith(f"api.tls_certificate: {pair.certificate}: expires on ")


def test_that_others_can_read_along_is_no_problem_but_told(tmp_path: Path, vedette: Command) -> None:
    settings = parsed(tmp_path, api={"port": 8432, "host": "0.0.0.0", "skew": 300})  # noqa: S104
    (told,) = exposures(settings)
    assert told.startswith("api: http://0.0.0.0:8432 is served without TLS: anyone in the network can read pictures")
    assert "send a request again for 5 minutes; run 'vedette keys certificate', or leave out host" in told
    assert told not in problems(settings)
    assert list(exposures(parsed(tmp_path, api={"host": "0.0.0.0"}))) == []  # noqa: S104
    (tmp_path / "vedette.toml").write_text('data = "data"\n[api]\nport = 8432\nhost = "0.0.0.0"\nskew = 300\n')
    assert f"! {told}\n" in vedette("check", "vedette.toml").stdout


def test_without_a_port_nothing_of_the_api_is_missing(tmp_path: Path) -> None:
    settings = parsed(tmp_path, cameras={"door": DOOR}, api={"buckets": {"photos": "nowhere"}})
    assert not [problem for problem in problems(settings) if problem.startswith("api")]
