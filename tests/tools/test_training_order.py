"""A real training, ordered through the API with boto3 and done by `tools/train --serve-device`: about five minutes.

It needs the trainer's environment, which the first `tools/train` makes, and is skipped without it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from edge.packs.sealed import fingerprint
from edge.packs.signing import open_key
from tests.edge.api.serving import ROOT, Home, Key, Server

sys.path.append(str(ROOT / "tools"))

log = logging.getLogger(__name__)

MADE = ROOT / ".venv-train" / ".made-for-train"
BUCKET = "my-bucket"
PICTURES = 12  # of each label
PATIENCE = {"Delay": 2, "MaxAttempts": 600}

pytestmark = [
    pytest.mark.skipif(not MADE.exists(), reason="the trainer's environment is not made: run tools/train once"),
    pytest.mark.usefixtures("pulled"),
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With photos of five labels in the bucket."""
    from training import cuts

    cuts.write(tmp_path / "photos")
    home = Home(tmp_path, media=tmp_path)
    (tmp_path / "photos" / "labels").rename(home.bucket / "photos")
    return home


@contextmanager
def workstation(home: Home, url: str, key: Key) -> Iterator[subprocess.Popen[bytes]]:
    command = [ROOT / "tools" / "train", "--serve-device", url, "--key-id", key.id]
    command += ["--key", home.folder / "signing.key", "--out", home.folder / "work"]
    with (home.folder / "train.log").open("ab") as log:
        process = subprocess.Popen(
            [*map(str, command)],
            cwd=home.folder,
            env=os.environ | {"VEDETTE_SECRET": key.secret},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def manifest(home: Home, part: str, count: int) -> dict[str, Any]:
    lines = []
    for folder in sorted((home.bucket / "photos" / part).iterdir()):
        for picture in sorted(folder.iterdir())[:count]:
            about = {"class-name": folder.name, "confidence": 1, "type": "groundtruth/image-classification"}
            source = f"s3://{BUCKET}/{picture.relative_to(home.bucket)}"
            lines.append(json.dumps({"source-ref": source, "thing": 1, "thing-metadata": about}))
    (home.bucket / f"{part}.manifest").write_text("\n".join(lines))
    return {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": f"{part}.manifest"}}}


def test_a_model_is_ordered_trained_started_and_asked(home: Home) -> None:
    trained = open_key(home.folder / "signing.key")[0]
    home.vedette("custom", "trust", fingerprint(trained.public))
    app, bench = home.key("app"), home.key("bench", "--policy", "train")
    with Server(home, "http") as server:
        session = boto3.Session(app.id, app.secret, region_name="us-east-1")
        client = session.client("rekognition", endpoint_url=server.url, config=Config(proxies={}))
        project = client.create_project(ProjectName="things")["ProjectArn"]
        for kind, part, count in (("TRAIN", "train", PICTURES), ("TEST", "test", PICTURES // 3)):
            client.create_dataset(ProjectArn=project, DatasetType=kind, DatasetSource=manifest(home, part, count))
        version = client.create_project_version(
            ProjectArn=project, VersionName="v1", OutputConfig={"S3Bucket": BUCKET, "S3KeyPrefix": "results"}
        )["ProjectVersionArn"]
        named = {"ProjectArn": project, "VersionNames": ["v1"], "WaiterConfig": PATIENCE}
        began = time.monotonic()
        with workstation(home, server.url, bench):
            _until_learning(client, project)
        # Killed in the middle of it; another one in the same folder goes on.
        with workstation(home, server.url, bench):
            client.get_waiter("project_version_training_completed").wait(**named)
        took = time.monotonic() - began
        client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
        client.get_waiter("project_version_running").wait(**named)
        (told,) = client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"]
        f1 = told["EvaluationResult"]["F1Score"]
        seen = {
            folder.name: client.detect_custom_labels(
                ProjectVersionArn=version,
                Image={"S3Object": {"Bucket": BUCKET, "Name": str(_last(folder).relative_to(home.bucket))}},
                MinConfidence=0,
                MaxResults=1,
            )["CustomLabels"][0]
            for folder in sorted((home.bucket / "photos" / "test").iterdir())
        }
        log.info("ordered, killed once, and trained in %.0f s; F1 %.3f", took, f1)
        log.info("%s", ", ".join(f"{name}: {one['Name']} {one['Confidence']:.1f}" for name, one in seen.items()))
        client.close()
    assert told["Status"] == "RUNNING"
    assert f1 > 0.8
    summary = told["EvaluationResult"]["Summary"]["S3Object"]
    evaluation = json.loads((home.bucket / summary["Name"]).read_text())
    assert evaluation["AggregatedEvaluationResults"]["F1Score"] == pytest.approx(f1)
    assert evaluation["EvaluationDetails"]["ProjectVersionArn"] == version
    assert sum(best["Name"] == name for name, best in seen.items()) >= 4


def _last(folder: Path) -> Path:
    """A picture that was in neither set."""
    return max(folder.iterdir())


def _until_learning(client: Any, project: str) -> None:
    """Until the workstation is past getting the pictures."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        (told,) = client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"]
        assert told["Status"] == "TRAINING_IN_PROGRESS", told
        if "trained by" in told["StatusMessage"] and "begun" not in told["StatusMessage"]:
            return
        time.sleep(1)
    raise AssertionError("no workstation took the order")
