"""The demo: models and media are fetched, one man is enrolled, three cameras are watched, events arrive over MQTT."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import cv2
import media
import paho.mqtt.client as mqtt

from edge import cameras
from edge.commands.run import seconds
from edge.errors import EXPECTED, EdgeError, exit_code
from edge.events.mqtt import MqttSettings, check

OUTPUT = media.ROOT / "demo-output"
DATA = media.ROOT / ".demo" / "data"
DEVICE, MAN = "demo", "man-in-the-car"
PHOTOS = (
    "sample1.jpg",
    "astronaut.png",
    "sample3.jpg",
    "motorcycle_left.png",
    "sample5.jpg",
    "chelsea.png",
    "coffee.png",
)
VEDETTE = [sys.executable, "-m", "edge.cli"]


def main() -> int:
    args = _arguments()
    try:
        with ExitStack() as opened:
            return show(args.seconds, args.camera, opened)
    except EXPECTED as error:
        print(f"demo: {error}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__)
    parser.add_argument("--seconds", type=seconds, default=60.0, help="how long to watch (default: 60)")
    parser.add_argument("--camera", metavar="DEVICE|URL", help="watch your own camera, file or folder instead")
    return parser.parse_args()


def show(length: float, camera: str | None, opened: ExitStack) -> int:
    """Run the demo; 0 if the events it promises were seen."""
    began = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    with _step("models", began):
        _vedette("models", "pull")
    if camera:
        table = {"mine": _own(camera)}
    else:
        with _step("photos and clips", began):
            table = _three_cameras()
    with _step("broker", began):
        port, which = broker(opened)
        print(f"  {which}")
    config = _write_config(table, port)
    if not camera:
        with _step("enrolment", began):
            _enrol(config)
    print(f"\nWatching {', '.join(table)} for {length:g} s; events as they arrive over MQTT:\n")
    seen, people = _watch(config, port, length, began)
    return _report(seen, people, config, promised=not camera)


@contextmanager
def _step(name: str, began: float) -> Iterator[None]:
    started = time.monotonic()
    print(f"{name} …", flush=True)
    yield
    now = time.monotonic()
    print(f"{name}: {now - started:.1f} s (at {now - began:.1f} s)", flush=True)


def _vedette(*arguments: str) -> None:
    done = subprocess.run([*VEDETTE, "--log", "WARNING", *arguments], cwd=media.ROOT, check=False)
    if done.returncode:
        raise EdgeError(f"'vedette {' '.join(arguments)}' failed, see above")


def _own(text: str) -> dict[str, Any]:
    """Settings of the user's own camera, as the TOML has them."""
    settings = cameras.parse(text)
    plain = json.loads(settings.model_dump_json(exclude_defaults=True)) | {"kind": settings.kind}
    if settings.kind == "rtsp":
        plain["url"] = text
    return plain


def _three_cameras() -> dict[str, dict[str, Any]]:
    slides = media.folder() / "slides"
    slides.mkdir(parents=True, exist_ok=True)
    for number, photo in enumerate(media.get(*PHOTOS)):
        shutil.copyfile(photo, slides / f"{number}-{photo.name}")
    (phone,) = media.get("carphone_pristine.mp4")
    return {
        "square": {"kind": "file", "path": str(media.street()), "loop": True, "fps": 5.0},
        "car": {"kind": "file", "path": str(phone), "loop": True, "fps": 5.0, "size": [352, 288]},
        "photos": {"kind": "images", "path": str(slides), "loop": True, "seconds": 4.0, "fps": 5.0},
    }


def broker(opened: ExitStack) -> tuple[int, str]:
    """The port of a broker on this machine: the one that runs, else mosquitto started here, else amqtt inside."""
    with suppress(EdgeError):
        check(MqttSettings(timeout=3.0), DEVICE)
        return 1883, "a broker already answers on port 1883"
    port = _free_port()
    if program := shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        process = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        opened.callback(process.wait)
        opened.callback(process.terminate)
        _wait(lambda: _answers(port))
        return port, f"mosquitto, started here on port {port}"
    opened.callback(_embedded(port))
    _wait(lambda: _answers(port))
    return port, f"none installed: an embedded one (amqtt, MQTT 3.1.1) on port {port}"


def _embedded(port: int) -> Callable[[], None]:
    """Start amqtt in a thread of its own; gives what stops it."""
    import logging

    from amqtt.broker import Broker

    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()

    async def start() -> Broker:
        listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        broker = Broker({"listeners": listeners, "plugins": plugins}, loop)
        await broker.start()
        return broker

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(10)

    def stop() -> None:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)

    return stop


def protocol() -> str:
    """The MQTT version that the broker of `broker` speaks."""
    return "3.1.1" if "amqtt" in sys.modules else "5"


@contextmanager
def subscribed(port: int, topic: str, heard: Callable[[str, bytes], None]) -> Iterator[None]:
    """Hear every message of a topic, from a thread of the client's."""
    version = mqtt.MQTTv311 if protocol() == "3.1.1" else mqtt.MQTTv5
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=version)
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_message = lambda _client, _data, message: heard(message.topic, message.payload)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(ready: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise EdgeError(f"the broker did not answer within {seconds:g} s; start mosquitto and try again")
        time.sleep(0.05)


def _write_config(table: dict[str, dict[str, Any]], port: int) -> Path:
    """A TOML as a user would write it; it stays, to be read and changed."""
    text = f'device = "{DEVICE}"\ndata = "{DATA}"\n\n[mqtt]\nport = {port}\nprotocol = "{protocol()}"\n\n'
    text += f'[stills]\nfolder = "{OUTPUT / "stills"}"\nkeep = 200\n'
    for name, settings in table.items():
        text += f"\n[cameras.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in settings.items())
        text += f"\n[cameras.{name}.labels]\nevery = 2.0\n"
    path = OUTPUT / "vedette.toml"
    path.write_text(text, "utf-8")
    return path


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # strings, numbers, booleans and lists are the same in both


def _enrol(config: Path) -> None:
    """An early frame of the man in the car, twice its size, becomes a face of the collection "people"."""
    (clip,) = media.get("carphone_pristine.mp4")
    video = cv2.VideoCapture(str(clip))
    for _ in range(6):
        _, frame = video.read()
    video.release()
    picture = OUTPUT / "enrolled.jpg"
    cv2.imwrite(str(picture), cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR))
    shutil.rmtree(DATA, ignore_errors=True)
    _vedette("--config", str(config), "collections", "create", "people")
    _vedette("--config", str(config), "faces", "index", "people", str(picture), "--external-image-id", MAN)


def _watch(config: Path, port: int, length: float, began: float) -> tuple[Counter[str], Counter[str]]:
    """Run the daemon and print what a subscriber hears."""
    heard: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    seen: Counter[str] = Counter()
    people: Counter[str] = Counter()
    command = [*VEDETTE, "--log", "WARNING", "--config", str(config), "run", "--seconds", str(length)]
    with subscribed(port, f"vedette/{DEVICE}/#", lambda topic, payload: heard.put((topic, payload))):
        daemon = subprocess.Popen(command, cwd=media.ROOT)
        try:
            while daemon.poll() is None or not heard.empty():
                with suppress(Empty):
                    topic, payload = heard.get(timeout=0.2)
                    _tell(topic, json.loads(payload), (seen, people), began)
        finally:
            daemon.terminate()
            daemon.wait(30)
    if daemon.returncode:
        raise EdgeError(f"the daemon ended with {daemon.returncode}, see above")
    return seen, people


def _tell(topic: str, event: dict[str, Any], counts: tuple[Counter[str], Counter[str]], began: float) -> None:
    """Print an event and count it; the retained status is no event."""
    if "type" not in event:
        return
    seen, people = counts
    if not seen:
        print(f"  (first event {time.monotonic() - began:.1f} s after the command)\n")
    seen[event["type"]] += 1
    if event["type"] == "face_matched":
        people[event["values"]["person"]] += 1
    print(f"  {_line(topic, event)}", flush=True)


def _line(topic: str, event: dict[str, Any]) -> str:
    values = event["values"]
    match event["type"]:
        case "track_started":
            said = f"{values['label']} {values['score']:.0%}, track {values['track']}"
        case "track_ended":
            said = f"{values['label']} after {values['duration']:.1f} s, track {values['track']} ({values['reason']})"
        case "face_matched":
            said = f"{values['person']}, {values['similarity']:.1f} % alike (cosine {values['cosine']:.2f})"
        case "face_unknown":
            said = f"nobody known, best {values['best_similarity']:.1f} %"
        case "labels":
            best = max(values["labels"], key=lambda label: len(label["parents"]))
            said = f"{best['name']} {best['score']:.0%} < {' < '.join(best['parents'][:3])}"
        case _:
            said = json.dumps(values)
    return f"{topic:<38} {said}"


def _report(seen: Counter[str], people: Counter[str], config: Path, promised: bool) -> int:
    shown = config.relative_to(media.ROOT)
    print(f"\n{seen.total()} events: {', '.join(f'{count} {kind}' for kind, count in seen.most_common()) or 'none'}")
    print(f"recognised: {', '.join(people) or 'nobody'}")
    print(f"annotated stills: {OUTPUT.relative_to(media.ROOT)}/stills, configuration: {shown}\n")
    print("What to try next:")
    print(f"  .venv/bin/vedette --config {shown} events search --type face_matched")
    print(f"  .venv/bin/vedette --config {shown} faces search people demo-output/enrolled.jpg")
    print("  .venv/bin/vedette analyze demo-output/enrolled.jpg")
    print(f"  .venv/bin/vedette --config {shown} keys create me && .venv/bin/vedette --config {shown} serve")
    print("                                   (Rekognition's API, for boto3 and the AWS CLI: docs/REKOGNITION.md)")
    print("  tools/demo --camera 0            (your own webcam; or rtsp://…, or a file)")
    print(f"  .venv/bin/vedette check {shown}      (what each line does)")
    if not promised:
        return 0
    absent = [kind for kind in ("track_started", "face_matched", "face_unknown", "labels") if not seen[kind]]
    absent += [MAN] if not people[MAN] else []
    strangers = [person for person in people if person != MAN]
    if absent or strangers:
        print(
            f"\nNot as promised: no {', '.join(absent) or '—'}; wrongly recognised: {', '.join(strangers) or 'nobody'}"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
