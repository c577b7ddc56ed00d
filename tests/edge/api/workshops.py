"""A desk with projects: everything is real but the pictures' models, which tests/edge/customs.py makes on the spot."""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import pytest

from edge import database
from edge.abilities import Abilities
from edge.api import faults, naming, training, wire
from edge.api.audit import Audit
from edge.api.buckets import Buckets
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.api.images import Images
from edge.api.limits import Line
from edge.api.operations import OPERATIONS
from edge.api.server import Server
from edge.api.service import Service
from edge.api.tokens import Tokens
from edge.api.workshop import Workshop
from edge.custom import Projects
from edge.custom.uploads import Uploads
from edge.customs import ServedCustoms
from edge.endpoint import ApiSettings, BucketSettings
from edge.engine import AccelSettings, ModelSettings
from edge.errors import InputError, MissingError
from edge.keys import Keys, open_master
from edge.keys.policy import ready
from edge.packs import custom as packs
from edge.packs.sealed import fingerprint
from edge.packs.store import Store
from tests.edge import customs
from tests.edge.api import desks
from tests.edge.api.strictly import strict, strict_fault

BUCKET = "my-bucket"
OUTPUT = {"S3Bucket": BUCKET, "S3KeyPrefix": "results"}
SIGNER = fingerprint(customs.KEY.public)


def line(picture: str, label: str | None, name: str = "colour") -> dict[str, Any]:
    """An entry of a picture of one colour; without a label it says nothing of it."""
    told: dict[str, Any] = {"source-ref": f"s3://{BUCKET}/{picture}"}
    if label is not None:
        about = {"class-name": label, "confidence": 1, "type": "groundtruth/image-classification"}
        told |= {name: 1, f"{name}-metadata": about}
    return told


def boxed(picture: str, *boxes: tuple[int, int, int, int], size: int = 64) -> dict[str, Any]:
    """An entry with squares: left, top, width and height in pixels."""
    marks = [
        {"class_id": 0, "left": left, "top": top, "width": width, "height": height}
        for left, top, width, height in boxes
    ]
    return {
        "source-ref": f"s3://{BUCKET}/{picture}",
        "box": {"image_size": [{"width": size, "height": size, "depth": 3}], "annotations": marks},
        "box-metadata": {"class-map": {"0": "square"}, "type": "groundtruth/object-detection"},
    }


def manifest(*lines: Mapping[str, Any] | str) -> bytes:
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines).encode()


@dataclass
class Bench:
    """Where a client asks, and a workstation; whatever is answered is held against botocore's own model."""

    desk: Desk
    folder: Path
    served: ServedCustoms

    @property
    def projects(self) -> Projects:
        return self.desk.workshop.projects

    @property
    def bucket(self) -> Path:
        return self.folder / "bucket"

    def ask(self, operation: str, /, **members: Any) -> dict[str, Any]:
        told = desks.ask(OPERATIONS[operation], self.desk, operation, **members)  # type: ignore[arg-type]
        strict(operation, json.dumps(told).encode())
        return told

    def refused(self, operation: str, /, **members: Any) -> tuple[str, str]:
        """Code and message of the refusal that the operation answers."""
        with pytest.raises((Fault, InputError, MissingError)) as told:
            desks.ask(OPERATIONS[operation], self.desk, operation, **members)  # type: ignore[arg-type]
        fault = fault_of(told.value)
        return strict_fault(operation, fault.status, wire.fault_body(fault, "id"))

    def train(self, operation: str, /, **members: Any) -> dict[str, Any]:
        """What a workstation is answered."""
        model = wire.training_operations()[operation]
        body = json.dumps(members, default=lambda data: b64encode(data).decode()).encode()
        answer = training.OPERATIONS[operation](self.desk, wire.decode(model, body))
        told: dict[str, Any] = json.loads(wire.encode(model, answer))
        return told

    def untrained(self, operation: str, /, **members: Any) -> tuple[str, str]:
        """How a workstation is refused."""
        with pytest.raises((Fault, InputError, MissingError)) as told:
            self.train(operation, **members)
        fault = fault_of(told.value)
        return fault.code, fault.message

    def project(self, name: str = "colours", **how: Any) -> str:
        arn: str = self.ask("CreateProject", ProjectName=name, **how)["ProjectArn"]
        return arn

    def put(self, name: str, *lines: Mapping[str, Any] | str) -> dict[str, Any]:
        """A manifest in the bucket, as a request names it."""
        (self.bucket / name).write_bytes(manifest(*lines))
        return {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": name}}}

    def dataset(self, project: str, *lines: Mapping[str, Any] | str, kind: str = "TRAIN") -> str:
        source = self.put(f"{kind}.manifest", *lines)
        arn: str = self.ask("CreateDataset", ProjectArn=project, DatasetType=kind, DatasetSource=source)["DatasetArn"]
        return arn

    def listed(self, dataset: str, **how: Any) -> list[dict[str, Any]]:
        told = self.ask("ListDatasetEntries", DatasetArn=dataset, **how)
        return [json.loads(one) for one in told["DatasetEntries"]]

    def ordered(self, project: str, version: str = "v1", **how: Any) -> str:
        """A version of a project whose training set is there."""
        members = {"ProjectArn": project, "VersionName": version, "OutputConfig": OUTPUT} | how
        arn: str = self.ask("CreateProjectVersion", **members)["ProjectVersionArn"]
        return arn

    def trained(self, name: str = "colours", version: str = "v1", **how: Any) -> str:
        """A version whose pack a workstation has returned."""
        project = self.project(name)
        self.dataset(project, *(line(f"{one}.png", one) for one in customs.COLOURS))
        arn = self.ordered(project, version)
        self.work(arn, **how)
        return arn

    def work(self, arn: str, **how: Any) -> dict[str, Any]:
        """Do what a workstation does, with a pack that is made up."""
        packs.trust(self.desk.workshop.store, SIGNER)
        claim = self.train("ClaimOrder", ProjectVersionArn=arn, Worker="bench", Signer=SIGNER)
        order = claim["Order"]
        place = f"{order['ProjectName']}/{order['VersionName']}"
        file = customs.pack(self.folder / "made", place, order["Task"], **how)
        return self.send(arn, claim["Claim"], file.read_bytes())

    def send(self, arn: str, claim: str, data: bytes, pieces: int = 3) -> dict[str, Any]:
        """A pack in pieces; the answer to the last."""
        told: dict[str, Any] = {}
        size = -(-len(data) // pieces)
        for offset in range(0, len(data), size):
            told = self.train(
                "PutPack",
                ProjectVersionArn=arn,
                Claim=claim,
                Offset=offset,
                Size=len(data),
                Sha256=hashlib.sha256(data).hexdigest(),
                Bytes=data[offset : offset + size],
            )
        return told

    def described(self, version: str) -> dict[str, Any]:
        found = naming.version_of(self.desk, version)
        project = naming.project_arn(self.desk, self.projects.project(found.project))
        (told,) = self.ask("DescribeProjectVersions", ProjectArn=project, VersionNames=[found.name])[
            "ProjectVersionDescriptions"
        ]
        return told  # type: ignore[no-any-return]

    def start(self, version: str) -> None:
        self.ask("StartProjectVersion", ProjectVersionArn=version, MinInferenceUnits=1)
        self.served.tend()

    def later(self, seconds: float) -> Bench:
        """The same place some time later."""
        then = self.desk.now() + seconds
        return replace(self, desk=replace(self.desk, now=lambda: then))


@dataclass(frozen=True)
class Open:
    """A bench that is served over HTTP."""

    url: str
    keys: Keys

    def key(self, name: str, policy: str) -> tuple[str, str]:
        """A new one's id and secret."""
        key, secret = self.keys.create(name, [ready(policy)])
        return key.id, secret


@contextmanager
def served(at: Bench) -> Iterator[Open]:
    data, settings = at.folder / "data", ApiSettings()
    master = open_master(data)
    operations = {**OPERATIONS, **training.OPERATIONS}
    with (
        closing(Keys(database.connect(data), master)) as keys,
        closing(Audit(data / "audit", master.derive(b"audit"))) as audit,
        closing(Server(Service(at.desk, keys, audit, settings, operations, Line(2, 16)))) as server,
    ):
        stop, url = threading.Event(), f"http://127.0.0.1:{server.port}"
        thread = threading.Thread(target=server.serve, args=(lambda: {"models": {}}, stop))
        thread.start()
        try:
            yield Open(url, keys)
        finally:
            stop.set()
            thread.join()


def fault_of(error: BaseException) -> Fault:
    """What the service makes of it."""
    if isinstance(error, Fault):
        return error
    made = faults.resource_not_found if isinstance(error, MissingError) else faults.invalid_parameter
    return made(str(error))


def picture(name: str) -> dict[str, bytes]:
    """An Image of one colour."""
    return {"Bytes": cv2.imencode(".png", customs.colour(name, 96, 80))[1].tobytes()}


@contextmanager
def bench(folder: Path, monkeypatch: pytest.MonkeyPatch, buckets: Sequence[str] = (BUCKET,)) -> Iterator[Bench]:
    monkeypatch.setattr("edge.customs.LOOK", 0.0)
    (folder / "bucket").mkdir(exist_ok=True)
    store, data = Store(folder / "store"), folder / "data"
    settings: Any = SimpleNamespace(models=ModelSettings(store=store.root), accel=AccelSettings(), data=data)
    projects, served = Projects(database.connect(data)), ServedCustoms(settings)
    opened = Buckets({name: BucketSettings(folder=folder / "bucket") for name in buckets})
    workshop = Workshop(projects, store, Uploads(data / "training"), opened)
    desk = Desk(
        Abilities(custom=served),
        None,  # type: ignore[arg-type]
        Images(opened),
        Tokens(b"secret"),
        workshop,
        "us-east-1",
        "0" * 12,
    )
    try:
        yield Bench(desk, folder, served)
    finally:
        served.close()
        projects.close()
