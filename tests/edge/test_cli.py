"""Every way to go wrong on the command line: one sentence with the place and the remedy, and its exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import Any

import cv2
import numpy as np
import pytest

from edge import cli
from tests.brokers import Mosquitto, free_port, mute

ROOT = Path(__file__).parents[2]
Command = Callable[..., "subprocess.CompletedProcess[str]"]
BARE = """
[models]
objects = []
faces = []
labels = []
moderation = []
"""
DOOR = '[cameras.door]\nkind = "images"\npath = "pictures"\nloop = true\nseconds = 0.2\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a TOML beside a folder that holds one readable picture."""
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "grey.png"), np.full((48, 64, 3), 90, np.uint8))

    def write(text: str) -> Path:
        path = tmp_path / "vedette.toml"
        path.write_text(f'device = "porch"\ndata = "data"\n{text}')
        return path

    return write


@pytest.fixture
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "no-models"))
    return tmp_path / "no-models"


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence on standard error."""
    (line,) = done.stderr.splitlines()
    assert line.startswith("vedette: "), line
    return line


def found(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {finding["part"]: finding for finding in json.loads(done.stdout)}


def test_a_misspelt_key_names_itself(vedette: Command, write: Callable[[str], Path]) -> None:
    done = vedette("--config", write(DOOR + "lop = true\n"), "run")
    assert done.returncode == 78
    assert "cameras.door.lop: unknown key; did you mean 'loop'?" in one_line(done)


def test_two_problems_are_both_told(vedette: Command, write: Callable[[str], Path]) -> None:
    done = vedette("check", write("[mqtt]\nprot = 1\n[stills]\nkep = 3\n"))
    assert done.returncode == 78
    first, second = done.stderr.splitlines()
    assert "vedette.toml: mqtt.prot: unknown key; did you mean 'port'?" in first
    assert "vedette.toml: stills.kep: unknown key; did you mean 'keep'?" in second


def test_an_absent_configuration_says_how_to_name_one(vedette: Command) -> None:
    for words in (("--config", "absent.toml", "run"), ("check", "absent.toml"), ("--config", "absent.toml", "doctor")):
        done = vedette(*words)
        assert done.returncode == 78
        assert one_line(done) == "vedette: absent.toml: no such file; name your TOML with --config FILE"


@pytest.mark.skipif(cli.DEFAULT.exists(), reason="this machine has a configuration of its own")
@pytest.mark.parametrize("command", ["run", "check"])
def test_no_configuration_and_one_without_cameras(vedette: Command, write: Callable[[str], Path], command: str) -> None:
    done = vedette(command)
    assert done.returncode == 78
    assert "name a TOML with --config FILE" in one_line(done)
    done = vedette("--config", write(""), command)
    assert done.returncode == 78
    assert re.search(r"vedette\.toml: cameras: there is none; 'vedette cameras'", one_line(done))


def test_an_unknown_command_is_a_wrong_command_line(vedette: Command) -> None:
    done = vedette("frobnicate")
    assert done.returncode == 2
    assert "invalid choice: 'frobnicate'" in done.stderr


@pytest.mark.parametrize("words", [("run",), ("compare", "pictures/grey.png", "pictures/grey.png")])
def test_an_empty_store_says_how_to_fill_it_once(
    vedette: Command, write: Callable[[str], Path], empty_store: Path, words: tuple[str, ...]
) -> None:
    done = vedette("--config", write(DOOR), *words)
    assert done.returncode == 69
    assert one_line(done) == f"vedette: no model is installed in {empty_store}: run 'vedette models pull'"


def test_a_back_end_that_is_missing_names_its_remedy(vedette: Command, write: Callable[[str], Path]) -> None:
    path = write('[accel]\norder = ["coral"]\n[accel.coral]\nlibrary = "libno_such_edgetpu.so"\n' + DOOR)
    done = vedette("--config", path, "run")
    assert done.returncode == 69
    assert "no back end of accel.order works: coral: libno_such_edgetpu.so" in one_line(done)
    assert "install libedgetpu1-std, or set `library` to its path" in one_line(done)
    done = vedette("check", path)
    assert done.returncode == 1
    assert "! no back end of accel.order works: coral: libno_such_edgetpu.so" in done.stdout
    coral = found(vedette("--config", path, "doctor", "--json"))["coral"]
    assert not coral["ok"]
    assert "install libedgetpu1-std" in coral["text"]


def test_check_says_what_each_line_does(vedette: Command, write: Callable[[str], Path]) -> None:
    done = vedette("check", write(BARE + DOOR))
    assert done.returncode == 0
    assert done.stderr == ""
    assert "device porch: topics vedette/porch/<camera>/<type>" in done.stdout
    assert "camera door: kind images" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("vedette.toml: valid")


def test_check_tells_what_is_missing(vedette: Command, write: Callable[[str], Path], empty_store: Path) -> None:
    done = vedette("check", write(DOOR.replace("pictures", "nowhere")))
    assert done.returncode == 1
    problems = [line for line in done.stdout.splitlines() if line.startswith("! ")]
    assert any("cameras.door.path: " in line and "nowhere does not exist" in line for line in problems)
    assert f"! models.objects: no model is installed in {empty_store}: run 'vedette models pull'" in problems


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows ann and her password, and nobody else."""
    people = tmp_path / "people"
    broker = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {people}")
    subprocess.run(["mosquitto_passwd", "-b", "-c", people, "ann", "right"], check=True, capture_output=True)
    with broker:
        yield broker


def test_a_wrong_password_is_denied_in_a_sentence(
    vedette: Command, write: Callable[[str], Path], locked: Mosquitto
) -> None:
    def broker(password: str) -> dict[str, Any]:
        mqtt = f'[mqtt]\nport = {locked.port}\nusername = "ann"\npassword = "{password}"\n'
        done = vedette("--config", write(mqtt + BARE), "doctor", "--json")
        assert done.returncode == (0 if all(one["ok"] for one in found(done).values()) else 1)
        assert done.stderr == ""
        return found(done)["broker"]

    assert broker("right")["ok"]
    denied = broker("wrong")
    assert not denied["ok"]
    assert "check mqtt.username, its password and the broker's rights" in denied["text"]
    assert "wrong" not in denied["text"]


def test_a_run_with_a_wrong_password_says_so_and_keeps_its_events(
    vedette: Command, write: Callable[[str], Path], locked: Mosquitto
) -> None:
    mqtt = f'[mqtt]\nport = {locked.port}\nusername = "ann"\npassword = "wrong"\n'
    path = write(mqtt + BARE + DOOR)
    done = vedette("--config", path, "run", "--seconds", 1.5)
    assert done.returncode == 0
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line for line in told if "check mqtt.username" in line["message"]]
    kept = vedette("--config", path, "events", "tail", "--json")
    assert '"camera_online"' in kept.stdout


def test_a_port_that_is_held_by_no_broker(vedette: Command, write: Callable[[str], Path]) -> None:
    with mute() as port:
        silent = found(vedette("--config", write(f"[mqtt]\nport = {port}\ntimeout = 0.5\n{BARE}"), "doctor", "--json"))
    assert silent["broker"]["text"].endswith("accepts connections but does not answer; is this an MQTT broker?")
    port = free_port()
    absent = found(vedette("--config", write(f"[mqtt]\nport = {port}\n{BARE}"), "doctor", "--json"))
    assert f"127.0.0.1:{port}" in absent["broker"]["text"]
    assert "start the broker, or correct mqtt.host and mqtt.port" in absent["broker"]["text"]


def test_a_port_held_by_a_web_server(vedette: Command, write: Callable[[str], Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            wire, _ = server.accept()
            with wire:
                wire.recv(100)
                wire.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        told = found(vedette("--config", write(f"[mqtt]\nport = {port}\ntimeout = 2\n{BARE}"), "doctor", "--json"))
        thread.join()
    assert not told["broker"]["ok"]
    assert f"127.0.0.1:{port}" in told["broker"]["text"]


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_an_unreadable_picture_does_not_keep_the_others_from_analysis(
    vedette: Command, write: Callable[[str], Path], tmp_path: Path
) -> None:
    path = write("")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    pictures = ["broken.jpg", "pictures/grey.png"]
    done = vedette("--config", path, "analyze", "--tasks", "labels", "--json", *pictures)
    assert done.returncode == 65
    assert "broken.jpg: " in one_line(done)
    assert json.loads(done.stdout)["image"] == "pictures/grey.png"
    done = vedette("--config", path, "analyze", "--tasks", "labels", "absent.jpg")
    assert done.returncode == 66
    assert "absent.jpg: no such file" in one_line(done)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_well(write: Callable[[str], Path], number: signal.Signals) -> None:
    path = write(f"[mqtt]\nport = {free_port()}\n{BARE}{DOOR}")
    run = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "--config", path, "run"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    with run:
        assert run.stderr
        lines = [run.stderr.readline()]  # the camera or the unreachable broker is told: the threads are running
        run.send_signal(number)
        for _ in range(200):  # who is impatient leaves nothing half closed
            run.send_signal(number)
            sleep(0.001)
        lines += run.stderr.read().splitlines()
    assert run.returncode == 0
    assert "camera door: online" in lines[0] or "connection refused" in lines[0]
    assert not [line for line in lines if "traceback" in line.lower()]
    assert [line for line in lines if f"stopping on {number.name}" in line]


def test_a_camera_that_ends_the_run_is_told_once(
    vedette: Command, write: Callable[[str], Path], tmp_path: Path
) -> None:
    path = write(f"[mqtt]\nport = {free_port()}\n{BARE}{DOOR}")
    (tmp_path / "pictures" / "grey.png").unlink()
    done = vedette("--log", "ERROR", "--config", path, "run")
    assert done.returncode == 69
    assert "no readable picture in this folder; put JPEG or PNG files there" in one_line(done)


@pytest.mark.parametrize("words", [("models", "list"), ("check", "vedette.toml"), ("events", "schema")])
def test_a_reader_who_leaves_is_no_error(write: Callable[[str], Path], words: tuple[str, ...]) -> None:
    folder = write(BARE + DOOR).parent
    reading, writing = os.pipe()
    os.close(reading)  # what `head` does after its last line
    with os.fdopen(writing, "w") as closed:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "edge.cli", *words]
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_name_that_is_no_utf_8_is_refused(vedette: Command, write: Callable[[str], Path]) -> None:
    done = vedette("--config", write(BARE), "users", "create", "\udcff", "who")
    assert done.returncode == 65
    assert "'\\udcff': not text in UTF-8; write it in UTF-8" in one_line(done)


def test_a_defect_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr("edge.config.load", broken)
    assert cli.main(["doctor"]) == 70
    told = capsys.readouterr().err
    assert told.startswith("vedette: a defect of ours (ZeroDivisionError: nobody thought of it); please report")


def test_the_exit_statuses_of_the_help_are_those_of_the_errors() -> None:
    from edge import errors

    text = cli.parser().epilog or ""
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EdgeError)]
    assert {kind.exit_code for kind in classes} <= {int(number) for number in re.findall(r"\b\d+\b", text)}
