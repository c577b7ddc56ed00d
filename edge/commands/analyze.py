"""`vedette analyze IMAGE…`: everything the models see in a picture."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import InputError, MissingError, exit_code
from edge.settings import TASKS

if TYPE_CHECKING:
    from edge.abilities import Abilities
    from edge.values import Image


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    analyze = commands.add_parser("analyze", help="say what is in pictures")
    analyze.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    analyze.add_argument(
        "--tasks", type=_tasks, default=frozenset(TASKS), metavar="TASK,…", help=f"of: {', '.join(TASKS)}"
    )
    analyze.add_argument("--json", action="store_true", help="one JSON document a picture and line")
    analyze.set_defaults(handler=_analyze)


def _analyze(args: argparse.Namespace) -> int:
    from edge import config, pictures
    from edge.abilities import open_abilities

    settings = config.load(args.config)
    logging.getLogger().setLevel("ERROR")
    abilities = open_abilities(settings, args.tasks)
    status = 0
    try:
        for path in args.images:
            try:
                seen = describe(pictures.read(path), abilities)
            except (InputError, MissingError) as error:
                print(f"vedette: {error}", file=sys.stderr)
                status = exit_code(error)
                continue
            document = {"image": str(path), **seen}
            print(json.dumps(document) if args.json else _human(document))
    finally:
        abilities.close()
    return status


def _tasks(text: str) -> frozenset[str]:
    tasks = frozenset(filter(None, text.split(",")))
    if unknown := tasks - set(TASKS):
        raise argparse.ArgumentTypeError(f"no task {', '.join(sorted(unknown))}; there is {', '.join(TASKS)}")
    if not tasks:
        raise argparse.ArgumentTypeError(f"names no task; there is {', '.join(TASKS)}")
    return tasks


def describe(image: Image, abilities: Abilities) -> dict[str, Any]:
    """What each opened ability says of uint8 [H,W,3] BGR `image`; a task that cannot be had says why."""
    from edge.events import rules
    from edge.settings import Tasks
    from edge.vision.objects import detections

    tasks = Tasks()
    seen: dict[str, Any] = {"width": image.shape[1], "height": image.shape[0]}
    if model := abilities.objects:
        found = detections(model.detect(image, tasks.objects.floor), model.labels, image.shape)
        seen["objects"] = [
            {"label": item.label, "score": round(item.score, rules.ROUND), "box": rules.box(item.box)} for item in found
        ]
    if abilities.faces:
        seen["faces"] = [
            {
                "score": round(view.face.score, rules.ROUND),
                "quality": round(view.quality, rules.ROUND),
                "box": rules.box(view.face.box),
                "landmarks": [[round(x, rules.ROUND), round(y, rules.ROUND)] for x, y in view.face.landmarks],
            }
            for view in abilities.faces.analyze(image, tasks.faces.floor)
        ]
    if abilities.labels:
        values, _ = rules.labels(abilities.labels.look(image, tasks.labels.floor), frozenset())
        seen["labels"] = values["labels"] if values else []
    if abilities.moderation:
        seen["moderation"] = {"Explicit": round(abilities.moderation.score(image), rules.ROUND)}
    if abilities.missing:
        seen["missing"] = abilities.missing
    return seen


def _human(document: dict[str, Any]) -> str:
    lines = [f"{document['image']}  {document['width']}x{document['height']}"]
    lines += [f"  object  {item['score']:.2f}  {item['label']}  {_where(item)}" for item in document.get("objects", [])]
    lines += [
        f"  face    {item['score']:.2f}  quality {item['quality']:.2f}  {_where(item)}"
        for item in document.get("faces", [])
    ]
    lines += [
        f"  label   {item['score']:.2f}  {' < '.join([item['name'], *item['parents']])}"
        for item in document.get("labels", [])
    ]
    lines += [f"  flag    {score:.2f}  {name}" for name, score in document.get("moderation", {}).items()]
    lines += [f"  no {task}: {reason}" for task, reason in document.get("missing", {}).items()]
    return "\n".join(lines)


def _where(item: dict[str, Any]) -> str:
    box = item["box"]
    return f"[{box['x1']:.3f} {box['y1']:.3f} {box['x2']:.3f} {box['y2']:.3f}]"
