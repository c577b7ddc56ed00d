"""Write edge/api/service-model.json: botocore's description of Rekognition without its prose.

usage: tools/service-model   (to take a newer model: .venv/bin/pip install --upgrade boto3, then this)

What stays of botocore's model (Apache-2.0, see NOTICE): each operation with its shapes and errors, each shape with its
type, members and constraints. One a line, so that a newer model shows as a diff that can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader

OUT = Path(__file__).resolve().parents[1] / "edge" / "api" / "service-model.json"
CONSTRAINTS = ("min", "max", "enum", "pattern")

Json = Mapping[str, Any]


def main() -> None:
    model = stripped(Loader().load_service_model("rekognition", "service-2"))
    source = {"botocore": botocore.__version__, **model["source"]}
    OUT.write_text(written({**model, "source": source}), "utf-8")
    print(f"{OUT.name}: {len(model['operations'])} operations, {len(model['shapes'])} shapes")


def stripped(model: Json) -> dict[str, Any]:
    """Of a whole service model what a server obeys; without botocore's version, which alone changes nothing."""
    operations = {name: operation(given) for name, given in model["operations"].items()}
    ends = {end for one in operations.values() for end in (one["input"], one["output"])}
    reached = {name for end in ends for name in below(end, model["shapes"])}
    return {
        "source": {"apiVersion": model["metadata"]["apiVersion"]},
        "operations": dict(sorted(operations.items())),
        "shapes": {name: shape(model["shapes"][name]) for name in sorted(reached)},
    }


def operation(given: Json) -> dict[str, Any]:
    errors = [error["shape"] for error in given["errors"]]
    return {"input": given["input"]["shape"], "output": given["output"]["shape"], "errors": errors}


def below(name: str, shapes: Json) -> Iterator[str]:
    """A shape and all that it is made of: never itself, nor an exception."""
    yield name
    for reference in references(shapes[name]):
        yield from below(reference, shapes)


def references(given: Json) -> Iterator[str]:
    yield from (member["shape"] for member in given.get("members", {}).values())
    yield from (given[role]["shape"] for role in ("member", "key", "value") if role in given)


def shape(given: Json) -> dict[str, Any]:
    kept: dict[str, Any] = {"type": given["type"]}
    if "members" in given:
        kept["members"] = {name: member["shape"] for name, member in given["members"].items()}
    if given.get("required"):
        kept["required"] = list(given["required"])
    kept |= {role: given[role]["shape"] for role in ("member", "key", "value") if role in given}
    return kept | {name: given[name] for name in CONSTRAINTS if name in given}


def written(model: Json) -> str:
    """One operation and one shape a line."""
    parts = [f'"source": {json.dumps(model["source"])}']
    for part in ("operations", "shapes"):
        lines = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in model[part].items()]
        parts.append(f'"{part}": {{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
