"""The demo keeps its promises, with mosquitto and without."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.config import parse
from tests.brokers import MOSQUITTO

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]

Command = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "demo-output"
SHOW = ["tools/show.py", "--seconds", "20"]
# The demo on a machine where no broker runs and none is installed.
ALONE = """
import runpy, shutil, sys
import edge.events.mqtt
from edge.errors import UnavailableError

def nobody(settings, device):
    raise UnavailableError("nobody answers")

found = shutil.which
shutil.which = lambda name, *more, **named: None if name == "mosquitto" else found(name, *more, **named)
edge.events.mqtt.check = nobody
sys.path.insert(0, "tools")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def demo(photos: Callable[..., list[Path]]) -> Callable[..., str]:
    """Run the demo; gives what it printed."""
    photos("astronaut.png", "sample1.jpg", "carphone_pristine.mp4")

    def demo(*words: str) -> str:
        shutil.rmtree(OUTPUT / "stills", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    return demo


def shows_what_was_promised(told: str) -> None:
    for topic, said in (
        ("square/track_started", r"(Person|Bicycle|Car) \d+%, track \d+"),
        ("car/face_matched", r"man-in-the-car, \d+\.\d % alike"),
        ("photos/face_unknown", "nobody known, best "),
        ("photos/labels", ".+ < .+"),
    ):
        assert re.search(rf"vedette/demo/{topic} +{said}", told), f"no {topic} in:\n{told}"
    assert "recognised: man-in-the-car\n" in told
    assert re.search(r"first event \d+\.\d s after the command", told)


def test_the_demo_shows_what_it_promises_and_its_advice_works(demo: Callable[..., str], vedette: Command) -> None:
    if not Path(MOSQUITTO).exists():
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    told = demo(*SHOW)
    shows_what_was_promised(told)
    assert re.search(r"mosquitto, started here on port|a broker already answers on port 1883", told)
    assert "What to try next:" in told
    stills = sorted((OUTPUT / "stills").glob("*.jpg"))
    assert any("car-face_matched" in still.name for still in stills)
    assert all(still.read_bytes()[:2] == b"\xff\xd8" for still in stills)
    text = (OUTPUT / "vedette.toml").read_text("utf-8")
    assert parse(tomllib.loads(text), OUTPUT / "vedette.toml").cameras.keys() == {"square", "car", "photos"}

    config, picture = OUTPUT / "vedette.toml", OUTPUT / "enrolled.jpg"
    assert "man-in-the-car" in vedette("--config", config, "events", "search", "--type", "face_matched").stdout
    assert "man-in-the-car" in vedette("--config", config, "faces", "search", "people", picture).stdout
    assert "Person" in vedette("analyze", picture).stdout
    checked = vedette("check", config)
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, f"{config}: valid")


def test_the_demo_brings_its_own_broker_where_there_is_none(demo: Callable[..., str]) -> None:
    pytest.importorskip("amqtt")
    told = demo("-c", ALONE, *SHOW)
    assert "an embedded one (amqtt, MQTT 3.1.1) on port" in told
    shows_what_was_promised(told)
    assert 'protocol = "3.1.1"' in (OUTPUT / "vedette.toml").read_text("utf-8")


def test_your_own_camera_instead(demo: Callable[..., str], photos: Callable[..., list[Path]]) -> None:
    (clip,) = photos("carphone_pristine.mp4")
    told = demo("tools/show.py", "--seconds", "6", "--camera", str(clip))
    assert "Watching mine for 6 s" in told
    assert re.search(r"vedette/demo/mine/track_started +Person", told)
