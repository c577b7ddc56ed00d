"""`vedette custom announce`: tell devices over MQTT where a pack lies, that they fetch and install it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge.errors import InputError


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    announcing = actions.add_parser("announce", help="tell devices over MQTT where a pack lies, to be installed")
    announcing.add_argument("pack", type=Path, metavar="PACK", help="a copy of it here, to be read")
    place = announcing.add_mutually_exclusive_group(required=True)
    place.add_argument("--url", metavar="URL", help="where devices fetch it: http:// or https://")
    place.add_argument("--file", metavar="NAME", help="where it lies in their custom.folder")
    announcing.add_argument("--device", default="", metavar="NAME", help="only this one (default: all that listen)")
    announcing.add_argument("--start", action="store_true", help="have them start it as well")
    announcing.set_defaults(handler=announce)


def announce(args: argparse.Namespace) -> int:
    from edge import config
    from edge.custom import manifests
    from edge.custom.records import check_name
    from edge.events.announcing import keep

    settings = config.load(args.config)
    if args.device:
        check_name("--device", args.device)
    _check_place(args)
    told = _manifest(args)
    payload = json.dumps(told)
    project = manifests.read(str(told["project"]), payload.encode()).project
    shared, own = manifests.topics(settings.mqtt.prefix, args.device)
    topic = f"{own if args.device else shared}/{project}"
    keep(settings.mqtt, settings.device, topic, payload)
    print(f"{topic}: {payload}")
    return 0


def _check_place(args: argparse.Namespace) -> None:
    """Raises InputError for a place that every device would refuse."""
    from edge.custom import manifests

    if args.url is not None:
        if reason := manifests.no_url(args.url):
            raise InputError(f"--url {args.url!r}: {reason}; write where devices fetch the pack")
    elif reason := manifests.no_file(args.file):
        raise InputError(f"--file {args.file!r}: {reason}; write its name within their custom.folder")


def _manifest(args: argparse.Namespace) -> dict[str, Any]:
    """Of a pack whose every byte was checked; whether its signer is trusted is for the devices to say."""
    from edge.packs import custom as packs

    with packs.KIND.open_file(args.pack, packs.MOST_BYTES + packs.KIND.most_index) as stream:
        signer = packs.KIND.open(stream, args.pack).signer
    pack = packs.read(args.pack, {signer})
    place = {"url": args.url} if args.url is not None else {"file": args.file}
    sealed = {"sha256": pack.digest, "bytes": args.pack.stat().st_size, "start": args.start}
    return {"project": pack.index.project, "version": pack.index.version, **place, **sealed}
