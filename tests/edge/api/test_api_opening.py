"""The API put together from a configuration: beside cameras, alone, and twice on one data folder."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge import daemon, database
from edge.abilities import Abilities
from edge.api import chain, faults, folders
from edge.api.messages import Head
from edge.api.opening import audited, opened
from edge.collections import Collections
from edge.config import Config, parse
from edge.errors import ConfigError, DiskError, MasterKeyError, UnavailableError
from edge.keys import Keys, open_master
from edge.metrics import render
from edge.pipeline import Pipeline
from tests.brokers import free_port, until
from tests.edge.api.doors import SECONDS, sign

OFF = {"enabled": False}


def configured(folder: Path, **api: Any) -> Config:
    """One camera that looks for nothing, in a loop, and the API."""
    (folder / "yard").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "yard" / "0.png"), np.zeros((48, 64, 3), np.uint8))
    camera = {"kind": "images", "path": "yard", "loop": True, "seconds": 0.01} | dict.fromkeys(
        ("objects", "faces", "labels", "moderation"), OFF
    )
    raw = {"data": "data", "mqtt": {"port": 1}, "cameras": {"yard": camera}, "api": {"port": free_port()} | api}
    return parse(raw, folder / "vedette.toml")


def lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


def ask(config: Config, operation: str, body: bytes) -> Any:
    """With a key that is made for it."""
    with closing(Keys(database.connect(config.data), open_master(config.data))) as keys:
        key, secret = keys.create(f"for-{operation}")
    host = f"{config.api.host}:{config.api.port}"
    with closing(HTTPConnection(config.api.host, config.api.port, timeout=SECONDS)) as connection:
        connection.request("POST", "/", body, dict(sign(key.id, secret, operation, body, host)))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_the_daemon_serves_the_api_beside_its_cameras(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with daemon.parts(config, Abilities()) as parts:
        pipeline = Pipeline(config, parts)
        running = threading.Thread(target=pipeline.run)
        running.start()
        try:
            until(lambda: pipeline.picture()["cameras"]["yard"]["frames"]["analysed"])
            status, told = ask(config, "CreateCollection", b'{"CollectionId":"people"}')
            assert (status, told["StatusCode"]) == (200, 200)
            assert told["CollectionArn"] == "arn:aws:rekognition:us-east-1:000000000000:collection/people"
            metrics = render(pipeline.picture()).decode()
            assert 'vedette_api_request_seconds_count{operation="CreateCollection",outcome="ok"}' in metrics
        finally:
            pipeline.stop()
            running.join()
        assert [one.name for one in parts.collections.list_collections()] == ["people"]


def test_two_may_serve_one_folder_each_with_an_audit_of_its_own(tmp_path: Path) -> None:
    first, second = configured(tmp_path), configured(tmp_path)
    with ExitStack() as stack:
        collections = Collections(database.connect(first.data))
        stack.callback(collections.close)
        for config in (first, second):
            server = stack.enter_context(opened(config, Abilities(), collections))
            stop = threading.Event()
            serving = threading.Thread(target=server.serve, args=(lambda: {"models": {}}, stop))
            serving.start()
            stack.callback(serving.join)
            stack.callback(stop.set)
        assert ask(first, "CreateCollection", b'{"CollectionId":"people"}')[0] == 200
        assert ask(second, "DescribeCollection", b'{"CollectionId":"people"}')[0] == 200
    names = {
        folder.name: [json.loads(line)["eventName"] for file in folder.glob("*.jsonl") for line in lines(file)]
        for folder in sorted(first.data.glob("audit*"))
    }
    assert "CreateCollection" in names["audit"]
    assert "DescribeCollection" in names["audit-2"]
    key, usual = chain.key_of(open_master(first.data)), first.api.audit.folders(first.data)
    verdicts = dict(folders.verify_all(first.data, key, usual))
    assert [folder.name for folder in verdicts] == ["audit", "audit-2"]
    assert [(verdict.findings, verdict.notes) for verdict in verdicts.values()] == [([], [])] * 2
    shutil.rmtree(first.data / "audit-2")
    with audited(first, open_master(first.data)):
        pass
    assert (
        "audit-2 was gone when this was started, though it held records up to"
        in lines(first.data / "audit" / "audit-000000000001.jsonl")[-1]
    )


def test_an_audit_folder_that_was_named_is_for_one_process_alone(tmp_path: Path) -> None:
    config = configured(tmp_path, audit={"folder": "told"})
    master = open_master(config.data)
    with (
        audited(config, master),
        pytest.raises(UnavailableError, match="another process writes its audit there"),
        audited(config, master),
    ):
        pass


def test_a_database_that_takes_no_note_of_the_audit_keeps_nobody_from_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise DiskError("vedette.db: no space left")

    config = configured(tmp_path)
    monkeypatch.setattr("edge.api.folders.connect", full)
    with audited(config, open_master(config.data)) as audit:
        audit.write({"eventName": "x"})
    assert caplog.messages == ["audit: its folder is not noted: vedette.db: no space left"] * 2


def test_who_was_refused_last_is_told_at_the_end(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with (
        closing(Collections(database.connect(config.data))) as collections,
        opened(config, Abilities(), collections) as server,
    ):
        server._service.refuse(server._service.begin(Head("GET", "/", "", (), "192.0.2.7")), faults.unknown_operation())
    (told,) = lines(config.data / "audit" / "audit-000000000001.jsonl")
    assert "from 192.0.2.7" in told


def test_what_only_a_lost_master_key_opens_keeps_the_api_from_being_served(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with closing(Keys(database.connect(config.data), open_master(config.data))) as keys:
        keys.create("tester")
    (config.data / "master.key").unlink()
    with (
        closing(Collections(database.connect(config.data))) as collections,
        pytest.raises(MasterKeyError, match="put it back, or delete each"),
        opened(config, Abilities(), collections),
    ):
        pass


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    config = configured(tmp_path, tls_certificate="a.pem", tls_key="a.key")
    with (
        closing(Collections(database.connect(config.data))) as collections,
        pytest.raises(ConfigError),
        opened(config, Abilities(), collections),
    ):
        pass
    with audited(config, open_master(config.data)) as audit:
        assert audit.folder == config.data / "audit"
