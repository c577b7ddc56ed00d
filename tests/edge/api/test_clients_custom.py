"""boto3 has a model trained and asks it, as a program written for Custom Labels does; a made-up pack is what comes."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import cv2
import pytest
from botocore.config import Config
from botocore.exceptions import WaiterError
from rich.console import Console

from edge.packs import custom as packs
from tests.edge import customs
from tests.edge.api.workshops import BUCKET, OUTPUT, SIGNER, Bench, Open, bench, line, manifest, picture, served

sys.path.append(str(Path(__file__).parents[3] / "tools"))

from training.device import Workstation
from training.orders import Device

FAST = {"Delay": 1, "MaxAttempts": 60}  # a client's own choice; boto3's is every two minutes


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        yield at


@pytest.fixture
def door(at: Bench) -> Iterator[Open]:
    with served(at) as door:
        yield door


@pytest.fixture
def client(door: Open) -> Iterator[Any]:
    key_id, secret = door.key("app", "full")
    session = boto3.Session(key_id, secret, region_name="us-east-1")
    client = session.client("rekognition", endpoint_url=door.url, config=Config(proxies={}))
    yield client
    client.close()


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Again and again, as a daemon does."""
    over = threading.Event()

    def going() -> None:
        while not over.wait(0.05):
            act()

    thread = threading.Thread(target=going)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def workstation(at: Bench, door: Open, **how: Any) -> Workstation:
    key = at.folder / "signing.key"
    key.write_text(bytes(range(32)).hex())
    packs.trust(at.desk.workshop.store, SIGNER)

    def train(_samples: Any, _root: Path, job: Any, _progress: Any) -> Path:
        return customs.pack(job.out, f"{job.project}/{job.version}", job.task, **how)

    device = Device(door.url, *door.key("bench", "train"))
    return Workstation(device, at.folder / "work", key, Console(file=io.StringIO()), train)


def ordered(at: Bench, client: Any) -> tuple[str, str]:
    """A project and a version of it, from photos in a bucket on."""
    lines = []
    for number in range(10):
        for name in customs.COLOURS:
            cv2.imwrite(str(at.bucket / f"{name}{number}.png"), customs.colour(name, 64 + number, 80))
            lines.append(line(f"{name}{number}.png", name))
    (at.bucket / "photos.manifest").write_bytes(manifest(*lines[:-1]))
    project = client.create_project(ProjectName="colours")["ProjectArn"]
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": "photos.manifest"}}}
    train = client.create_dataset(ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    client.update_dataset_entries(DatasetArn=train, Changes={"GroundTruth": json.dumps(lines[-1]).encode()})
    test = client.create_dataset(ProjectArn=project, DatasetType="TEST")["DatasetArn"]
    client.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
    stats = [
        client.describe_dataset(DatasetArn=arn)["DatasetDescription"]["DatasetStats"]["TotalEntries"]
        for arn in (train, test)
    ]
    assert stats == [24, 6]
    entries = client.get_paginator("list_dataset_entries").paginate(DatasetArn=train, PaginationConfig={"PageSize": 7})
    assert len([one for page in entries for one in page["DatasetEntries"]]) == 24
    version = client.create_project_version(ProjectArn=project, VersionName="v1", OutputConfig=OUTPUT)
    return project, version["ProjectVersionArn"]


def test_from_photos_in_a_bucket_to_labels(at: Bench, door: Open, client: Any) -> None:
    project, version = ordered(at, client)
    named = {"ProjectArn": project, "VersionNames": ["v1"], "WaiterConfig": FAST}
    with meanwhile(workstation(at, door).look):
        client.get_waiter("project_version_training_completed").wait(**named)
    pages = client.get_paginator("describe_project_versions").paginate(ProjectArn=project)
    (told,) = [one for page in pages for one in page["ProjectVersionDescriptions"]]
    assert told["EvaluationResult"]["F1Score"] == pytest.approx(0.9)
    with pytest.raises(client.exceptions.ResourceNotReadyException):
        client.detect_custom_labels(ProjectVersionArn=version, Image=picture("red"))
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    with meanwhile(at.served.tend):
        client.get_waiter("project_version_running").wait(**named)
    stored = {"S3Object": {"Bucket": BUCKET, "Name": "green1.png"}}
    for image, name in ((picture("red"), "red"), (stored, "green")):
        found = client.detect_custom_labels(ProjectVersionArn=version, Image=image, MinConfidence=80)["CustomLabels"]
        assert [one["Name"] for one in found] == [name]
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_project(ProjectArn=project)
    client.stop_project_version(ProjectVersionArn=version)
    at.served.tend()
    client.delete_project_version(ProjectVersionArn=version)
    assert client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"] == []


def test_the_waiters_tell_of_a_training_and_of_a_start_that_failed(at: Bench, door: Open, client: Any) -> None:
    project, version = ordered(at, client)
    named = {"ProjectArn": project, "VersionNames": ["v1"], "WaiterConfig": FAST}
    with meanwhile(workstation(at, door, sound=False).look):
        client.get_waiter("project_version_training_completed").wait(**named)
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    with meanwhile(at.served.tend), pytest.raises(WaiterError, match="FAILED"):
        client.get_waiter("project_version_running").wait(**named)
    client.create_project_version(ProjectArn=project, VersionName="v2", OutputConfig=OUTPUT)
    at.projects.fail_training(at.projects.version("colours", "v2"), "the pictures are too few")
    with pytest.raises(WaiterError, match="TRAINING_FAILED"):
        client.get_waiter("project_version_training_completed").wait(**named | {"VersionNames": ["v2"]})
