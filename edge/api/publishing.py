"""What a training leaves in the bucket that its version names: the evaluation's summary, and what it was trained on."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from edge.api import faults, naming
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.api.workshop import asset, loaded
from edge.custom import Version
from edge.errors import MissingError

log = logging.getLogger(__name__)

PAGE = 1000
ASIDE = ("", ".", "..")


def place(desk: Desk, config: Mapping[str, Any]) -> dict[str, Any]:
    """An OutputConfig that can be written to; raises Fault for any other."""
    bucket, prefix = config.get("S3Bucket"), config.get("S3KeyPrefix", "")
    if bucket is None:
        raise faults.invalid_parameter(
            "Request has invalid parameters: OutputConfig.S3Bucket is missing: name a bucket of this device"
        )
    if bucket not in desk.workshop.buckets:
        raise faults.invalid_parameter(
            f"Request has invalid parameters: OutputConfig.S3Bucket: {bucket} is no bucket of this device"
        )
    if prefix and set(prefix.strip("/").split("/")) & set(ASIDE):
        raise faults.invalid_parameter("Request has invalid parameters: OutputConfig.S3KeyPrefix is no plain path")
    return dict(config)


def publish(desk: Desk, version: Version) -> Version:
    """Write all of it and note where; a bucket that refuses is told of in the version's message, and no more.

    Doing so again puts the same there again.
    """
    output = loaded(version.output)
    bucket, prefix = output["Config"]["S3Bucket"], output["Config"].get("S3KeyPrefix", "").strip("/")
    folder = f"{prefix}/" if prefix else ""
    name = f"{version.project}-{version.name}"
    message = ""
    try:
        if version.evaluation:
            key = f"{folder}EvaluationResultSummary-{name}.json"
            desk.workshop.buckets.write(bucket, key, _summary(desk, version))
            output["Summary"] = {"S3Object": {"Bucket": bucket, "Name": key}}
        for kind, lines in _manifests(desk, version).items():
            key = f"{folder}{name}-{kind.lower()}.manifest"
            desk.workshop.buckets.write(bucket, key, lines)
            output[kind] = {"Assets": [asset(bucket, key)]}
    except Fault as fault:
        log.warning("%s: what came of it cannot be put into bucket %s: %s", version.place, bucket, fault)
        message = f"The results could not be written to bucket {bucket}."
    return desk.workshop.projects.note_output(version, json.dumps(output), message)


def _summary(desk: Desk, version: Version) -> bytes:
    """The evaluation, under the name that the version has here."""
    told = loaded(version.evaluation)
    if isinstance(details := told.get("EvaluationDetails"), dict):
        details["ProjectVersionArn"] = naming.version_arn(desk, version)
    return json.dumps(told).encode()


def _manifests(desk: Desk, version: Version) -> dict[str, bytes]:
    """The lines of the order, by what they were for."""
    found: dict[str, list[str]] = {}
    for test, line in _lines(desk, version):
        found.setdefault("Testing" if test else "Training", []).append(line)
    return {kind: "".join(f"{line}\n" for line in lines).encode() for kind, lines in found.items()}


def _lines(desk: Desk, version: Version) -> Iterator[tuple[bool | None, str]]:
    try:
        order = desk.workshop.projects.order_of(version)
    except MissingError:  # a copy, or a pack that was brought
        return
    after = 0
    while part := desk.workshop.projects.ordered(order, after, PAGE):
        yield from ((one.test, one.line) for one in part)
        after = part[-1].id
