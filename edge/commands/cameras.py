"""`vedette cameras`: the cameras plugged into this machine, each with the TOML that watches it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from edge.errors import CameraError

NONE = (
    "No camera is plugged into this machine. A network camera needs no cable here:\n\n"
    '[cameras.door]\nkind = "rtsp"\nurl = "rtsp://user:password@192.168.1.10:554/stream"'
)


@dataclass(frozen=True, slots=True)
class Found:
    """A camera of this machine. `fault` says why it may not work."""

    kind: str
    name: str
    place: str
    toml: str
    fault: str = ""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cameras = commands.add_parser("cameras", help="list the cameras of this machine")
    cameras.add_argument("--json", action="store_true", help="one JSON document")
    cameras.set_defaults(handler=_list)


def _list(args: argparse.Namespace) -> int:
    found = [*_webcams()]
    note = ""
    try:
        found += _ribbon()
    except CameraError as error:
        note = str(error)
    if args.json:
        print(json.dumps({"cameras": [asdict(one) for one in found], "picamera2": note}))
        return 0
    for one in found:
        fault = f"  ({one.fault})" if one.fault else ""
        print(f"# {one.name} at {one.place}{fault}\n{one.toml}\n")
    if not found:
        print(NONE)
    if note:
        print(f"\nRaspberry Pi ribbon cameras were not looked for: {note}.")
    return 0


def _webcams() -> Iterator[Found]:
    from edge.cameras import v4l2

    for number, device in enumerate(v4l2.devices(), 1):
        toml = f'[cameras.webcam{number}]\nkind = "v4l2"\ndevice = {json.dumps(device.path, ensure_ascii=False)}'
        yield Found("v4l2", device.name, device.path, toml, device.fault)


def _ribbon() -> Iterator[Found]:
    from edge.cameras import picamera

    for number, sensor in picamera.cameras():
        toml = f'[cameras.ribbon{number}]\nkind = "picamera"\nnumber = {number}'
        yield Found("picamera", sensor, f"picamera {number}", toml)
