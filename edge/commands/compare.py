"""`vedette compare SOURCE TARGET`: is the largest face of one picture among the faces of another?"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge.commands.arguments import filtered, place, tiled, upto

if TYPE_CHECKING:
    from edge.comparison import Compared, Comparison


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    comparing = commands.add_parser(
        "compare", help="whether the largest face of one picture is in another; exit 1 if it is not"
    )
    comparing.add_argument("source", type=place, metavar="SOURCE")
    comparing.add_argument("target", type=place, metavar="TARGET")
    comparing.add_argument("--threshold", type=upto(100.0), default=80.0, metavar="P", help="least percent (80)")
    filtered(comparing, "NONE")
    tiled(comparing)
    comparing.add_argument("--json", action="store_true", help="one JSON document")
    comparing.set_defaults(handler=compare, log_level="ERROR")


def compare(args: argparse.Namespace) -> int:
    """Exit 0 if a face of the target matches, 1 if none does."""
    from edge import comparison, config, pictures
    from edge.vision.faces import open_faces

    analyzer = open_faces(config.load(args.config))
    try:
        source, target = (
            analyzer.analyze(pictures.read(path), small=args.small) for path in (args.source, args.target)
        )
    finally:
        analyzer.close()
    places = str(args.source), str(args.target)
    found = comparison.compare(source, target, args.threshold, args.quality, places)
    if len(source) > 1 and not args.json:
        box = found.source.face.box
        print(f"{args.source}: {len(source)} faces; the largest that is fit was taken, at {box.x1:.2f} {box.y1:.2f}")
    print(json.dumps(document(args, found)) if args.json else "\n".join(lines(args, found)))
    return 0 if found.matches else 1


def document(args: argparse.Namespace, found: Comparison) -> dict[str, Any]:
    return {
        "source": {"image": str(args.source), **_face(found.source.face.box, found.source.face.score)},
        "target": str(args.target),
        "matches": [_compared(one) for one in found.matches],
        "unmatched": [_compared(one) for one in found.unmatched],
    }


def _compared(one: Compared) -> dict[str, Any]:
    return {"similarity": round(one.similarity, 2), **_face(one.view.face.box, one.view.face.score)}


def _face(box: Any, score: float) -> dict[str, Any]:
    return {"score": round(score, 4), "box": {side: round(value, 4) for side, value in asdict(box).items()}}


def lines(args: argparse.Namespace, found: Comparison) -> list[str]:
    told = [(one, "match") for one in found.matches] + [(one, "no match") for one in found.unmatched]
    return [
        f"{args.target}: {word:<8}  {one.similarity:6.2f} %  the face at {one.view.face.box.x1:.2f} "
        f"{one.view.face.box.y1:.2f}"
        for one, word in told
    ]
