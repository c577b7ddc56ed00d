"""What operations on custom models work with: what there is, and where files come from and go to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.api import faults
from edge.api.buckets import Buckets
from edge.api.faults import Fault
from edge.custom import Projects
from edge.custom.uploads import Uploads
from edge.packs.store import Store

MOST_MANIFEST = 64 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Workshop:
    projects: Projects
    store: Store
    uploads: Uploads
    buckets: Buckets

    def manifest(self, stored: Mapping[str, Any]) -> bytes:
        """The text of a GroundTruthManifest; raises Fault, an S3Object that cannot be read among them."""
        given = stored.get("S3Object") or {}
        bucket, key = given.get("Bucket"), given.get("Name")
        if not bucket or not key:
            lacks = "S3Object" if not given else "S3Object.Name" if bucket else "S3Object.Bucket"
            raise faults.invalid_parameter(f"Request has invalid parameters: GroundTruthManifest.{lacks} is missing")
        if given.get("Version") is not None:
            raise faults.invalid_s3_object()
        try:
            return self.buckets.read(bucket, key, MOST_MANIFEST)
        except Fault as fault:
            if fault.code == "ImageTooLargeException":
                raise faults.limit_exceeded(f"The manifest is larger than {MOST_MANIFEST >> 20} MiB") from fault
            raise


def asset(bucket: str, key: str) -> dict[str, Any]:
    return {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": key}}}


def loaded(text: str) -> dict[str, Any]:
    """JSON of ours, that may be none yet."""
    told: dict[str, Any] = json.loads(text) if text else {}
    return told
