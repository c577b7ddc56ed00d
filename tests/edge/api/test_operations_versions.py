"""Versions as a client orders, watches, starts, asks, copies, stops and deletes them; a test plays the workstation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.api import naming, publishing
from edge.custom.orders import LEASE
from edge.packs import custom as packs
from tests.edge import customs
from tests.edge.api.workshops import BUCKET, OUTPUT, SIGNER, Bench, bench, boxed, line, picture

LINES = tuple(line(f"{name}.png", name) for name in customs.COLOURS)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        yield at


def test_an_order_waits_for_a_workstation(at: Bench) -> None:
    project = at.project()
    at.dataset(project, *LINES, line("unlabelled.png", None), "no JSON")
    arn = at.ordered(project, VersionDescription="the first", KmsKeyId="k1", Tags={"team": "door"})
    told = at.described(arn)
    assert told["Status"] == "TRAINING_IN_PROGRESS"
    assert "tools/train --serve-device" in told["StatusMessage"]
    assert (told["VersionDescription"], told["KmsKeyId"], told["OutputConfig"]) == ("the first", "k1", OUTPUT)
    assert "EvaluationResult" not in told
    (order,) = at.train("ListOrders")["Orders"]
    assert (order["ProjectVersionArn"], order["Task"], order["Entries"]) == (arn, "classify", 3)


def test_a_name_is_given_once(at: Bench) -> None:
    project = at.project()
    at.dataset(project, *LINES)
    at.ordered(project)
    code, _ = at.refused("CreateProjectVersion", ProjectArn=project, VersionName="v1", OutputConfig=OUTPUT)
    assert code == "ResourceInUseException"


@pytest.mark.parametrize(
    ("lines", "how", "reason"),
    [
        ((), {}, "no training dataset"),
        ((line("1.png", None), "no JSON"), {}, "no valid entries"),
        ((line("1.png", "red"), boxed("2.png", (0, 0, 8, 8))), {}, "mix"),
        (LINES, {"OutputConfig": {"S3Bucket": "nowhere"}}, "nowhere is no bucket"),
        (LINES, {"OutputConfig": {}}, "OutputConfig.S3Bucket is missing"),
        (LINES, {"VersionName": "."}, "not dots alone"),
        (LINES, {"VersionName": ".."}, "not dots alone"),
        (LINES, {"OutputConfig": {"S3Bucket": BUCKET, "S3KeyPrefix": "a/../b"}}, "plain path"),
        (LINES, {"TrainingData": {"Assets": []}}, "need each other"),
        (LINES, {"TrainingData": {"Assets": []}, "TestingData": {"AutoCreate": True}}, "has datasets"),
        (LINES, {"FeatureConfig": {"ContentModeration": {"ConfidenceThreshold": 50}}}, "CONTENT_MODERATION"),
    ],
)
def test_what_cannot_be_trained_is_refused(at: Bench, lines: Any, how: Any, reason: str) -> None:
    project = at.project()
    if lines:
        at.dataset(project, *lines)
    members = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT} | how
    code, message = at.refused("CreateProjectVersion", **members)
    assert code == "InvalidParameterException"
    assert reason in message
    assert at.train("ListOrders") == {"Orders": []}


@pytest.mark.parametrize("automatic", [True, False])
def test_manifests_may_be_named_instead_of_datasets(at: Bench, *, automatic: bool) -> None:
    project = at.project()
    training, testing = at.put("a.manifest", *LINES), at.put("b.manifest", line("t.png", "red"))
    arn = at.ordered(
        project,
        TrainingData={"Assets": [training]},
        TestingData={"AutoCreate": True} if automatic else {"Assets": [testing]},
    )
    told = at.described(arn)
    assert told["TrainingDataResult"]["Input"] == {"Assets": [training]}
    assert told["TestingDataResult"]["Input"] == ({"AutoCreate": True} if automatic else {"Assets": [testing]})
    claim = at.work(arn)
    assert claim["Status"] == "TRAINING_COMPLETED"


def test_an_absent_manifest_is_told_of(at: Bench) -> None:
    absent = {"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": "absent"}}}
    members = {"ProjectArn": at.project(), "VersionName": "v1", "OutputConfig": OUTPUT}
    members |= {"TrainingData": {"Assets": [absent]}, "TestingData": {"AutoCreate": True}}
    assert at.refused("CreateProjectVersion", **members)[0] == "InvalidParameterException"


def test_a_trained_version_tells_how_well_it_does_and_where_its_results_are(at: Bench) -> None:
    arn = at.trained()
    told = at.described(arn)
    assert told["Status"] == "TRAINING_COMPLETED"
    assert told["StatusMessage"] == "The model is ready to run."
    assert told["BillableTrainingTimeInSeconds"] == 60
    assert told["EvaluationResult"]["F1Score"] == pytest.approx(0.9)
    assert told["TrainingEndTimestamp"]
    (asset,) = told["TrainingDataResult"]["Output"]["Assets"]
    place = asset["GroundTruthManifest"]["S3Object"]
    assert place == {"Bucket": BUCKET, "Name": "results/colours-v1-training.manifest"}
    lines = (at.bucket / place["Name"]).read_text().splitlines()
    assert [json.loads(one) for one in lines] == [*LINES]


def test_the_summary_is_put_into_the_bucket_under_the_versions_own_name(at: Bench) -> None:
    arn = at.trained()
    told = {
        "EvaluationDetails": {"ProjectVersionArn": "arn:elsewhere"},
        "AggregatedEvaluationResults": {"F1Score": 0.9},
    }
    version = naming.version_of(at.desk, arn)
    publishing.publish(at.desk, replace(version, evaluation=json.dumps(told)))
    place = at.described(arn)["EvaluationResult"]["Summary"]["S3Object"]
    assert place == {"Bucket": BUCKET, "Name": "results/EvaluationResultSummary-colours-v1.json"}
    told["EvaluationDetails"] = {"ProjectVersionArn": arn}
    assert json.loads((at.bucket / place["Name"]).read_text()) == told


def test_a_bucket_that_refuses_the_results_is_told_of(at: Bench) -> None:
    project = at.project()
    at.dataset(project, *LINES)
    arn = at.ordered(project)
    (at.bucket / "results").write_text("a file in the way")
    at.work(arn)
    told = at.described(arn)
    assert told["Status"] == "TRAINING_COMPLETED"
    assert told["StatusMessage"] == f"The results could not be written to bucket {BUCKET}."


def test_a_version_runs_once_it_has_passed_its_test(at: Bench) -> None:
    arn = at.trained()
    members = {"ProjectVersionArn": arn, "Image": picture("red")}
    code, message = at.refused("DetectCustomLabels", **members)
    assert code == "ResourceNotReadyException"
    assert "TRAINING_COMPLETED" in message
    started = at.ask("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1, MaxInferenceUnits=2)
    assert started == {"Status": "STARTING"}
    assert at.refused("DetectCustomLabels", **members)[0] == "ResourceNotReadyException"
    at.served.tend()
    told = at.described(arn)
    assert (told["Status"], told["MinInferenceUnits"], told["MaxInferenceUnits"]) == ("RUNNING", 1, 2)
    (best,) = at.ask("DetectCustomLabels", **members)["CustomLabels"]
    assert best["Name"] == "red"
    assert best["Confidence"] > 90
    assert "Geometry" not in best


def test_a_version_that_fails_its_test_is_failed(at: Bench) -> None:
    arn = at.trained(sound=False)
    at.start(arn)
    told = at.described(arn)
    assert told["Status"] == "FAILED"
    assert told["StatusMessage"]


def test_labels_are_cut_by_confidence_and_number(at: Bench) -> None:
    arn = at.trained()
    at.start(arn)
    members = {"ProjectVersionArn": arn, "Image": picture("green")}
    found = at.ask("DetectCustomLabels", **members, MinConfidence=0)["CustomLabels"]
    assert found[0]["Name"] == "green"
    assert len(found) == 3
    assert [one["Confidence"] for one in found] == sorted((one["Confidence"] for one in found), reverse=True)
    assert len(at.ask("DetectCustomLabels", **members, MinConfidence=0, MaxResults=2)["CustomLabels"]) == 2
    assert at.ask("DetectCustomLabels", **members, MinConfidence=100)["CustomLabels"] == []


def test_boxes_come_with_their_place(at: Bench) -> None:
    project = at.project("squares")
    at.dataset(project, *(boxed(f"{number}.png", (8, 8, 8, 8)) for number in range(4)))
    arn = at.ordered(project)
    at.work(arn)
    at.start(arn)
    seen = {"Bytes": cv2.imencode(".png", customs.square(5, 2))[1].tobytes()}
    (found,) = at.ask("DetectCustomLabels", ProjectVersionArn=arn, Image=seen)["CustomLabels"]
    assert found["Name"] == "square"
    box = found["Geometry"]["BoundingBox"]
    assert (box["Left"], box["Top"]) == (pytest.approx(36 / 64), pytest.approx(12 / 64))


def test_a_stopped_version_is_not_asked(at: Bench) -> None:
    arn = at.trained()
    assert at.refused("StopProjectVersion", ProjectVersionArn=arn)[0] == "ResourceInUseException"
    at.start(arn)
    assert at.refused("DeleteProjectVersion", ProjectVersionArn=arn)[0] == "ResourceInUseException"
    assert at.ask("StopProjectVersion", ProjectVersionArn=arn) == {"Status": "STOPPING"}
    at.served.tend()
    assert at.described(arn)["Status"] == "STOPPED"
    assert at.refused("DetectCustomLabels", ProjectVersionArn=arn, Image=picture("red"))[0] == (
        "ResourceNotReadyException"
    )
    assert at.ask("DeleteProjectVersion", ProjectVersionArn=arn) == {"Status": "DELETING"}
    assert at.refused("DetectCustomLabels", ProjectVersionArn=arn, Image=picture("red"))[0] == (
        "ResourceNotFoundException"
    )
    left = [path for path in (at.desk.workshop.store.root / "custom").iterdir() if path.is_dir()]
    assert left == []


def test_what_is_not_trained_is_not_started(at: Bench) -> None:
    project = at.project()
    at.dataset(project, *LINES)
    arn = at.ordered(project)
    assert at.refused("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)[0] == "ResourceInUseException"
    code, _ = at.refused("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=3, MaxInferenceUnits=2)
    assert code == "InvalidParameterException"


def test_an_order_that_somebody_is_at_is_not_withdrawn(at: Bench) -> None:
    project = at.project()
    at.dataset(project, *LINES)
    arn = at.ordered(project)
    packs.trust(at.desk.workshop.store, SIGNER)
    at.train("ClaimOrder", ProjectVersionArn=arn, Worker="bench", Signer=SIGNER)
    assert at.refused("DeleteProjectVersion", ProjectVersionArn=arn)[0] == "ResourceInUseException"
    later = at.later(LEASE + 1)
    assert later.ask("DeleteProjectVersion", ProjectVersionArn=arn) == {"Status": "DELETING"}
    assert at.train("ListOrders") == {"Orders": []}


def test_versions_come_in_pages_the_newest_first(at: Bench) -> None:
    project = at.project()
    at.dataset(project, *LINES)
    for number in range(3):
        at.ordered(project, f"v{number}")

    def page(**how: Any) -> tuple[list[str], str]:
        told = at.ask("DescribeProjectVersions", ProjectArn=project, **how)
        arns = [one["ProjectVersionArn"].split("/")[3] for one in told["ProjectVersionDescriptions"]]
        return arns, told.get("NextToken", "")

    names, token = page(MaxResults=2)
    assert names == ["v2", "v1"]
    assert page(MaxResults=2, NextToken=token) == (["v0"], "")
    assert page(VersionNames=["v0", "v2", "vx"])[0] == ["v2", "v0"]


def test_a_copy_is_ready_at_once_and_outlives_its_source(at: Bench) -> None:
    arn = at.trained()
    (told,) = at.ask("DescribeProjects")["ProjectDescriptions"]
    copy = at.ask(
        "CopyProjectVersion",
        SourceProjectArn=told["ProjectArn"],
        SourceProjectVersionArn=arn,
        DestinationProjectArn=at.project("others"),
        VersionName="v7",
        OutputConfig=OUTPUT,
        Tags={"of": "colours"},
    )["ProjectVersionArn"]
    told = at.described(copy)
    assert (told["Status"], told["SourceProjectVersionArn"]) == ("COPYING_COMPLETED", arn)
    assert told["EvaluationResult"]["F1Score"] == pytest.approx(0.9)
    at.ask("DeleteProjectVersion", ProjectVersionArn=arn)
    at.start(copy)
    (found,) = at.ask("DetectCustomLabels", ProjectVersionArn=copy, Image=picture("blue"))["CustomLabels"]
    assert found["Name"] == "blue"


def test_a_copy_is_of_a_version_of_the_project_named(at: Bench) -> None:
    arn = at.trained()
    other = at.project("others")
    members = {
        "SourceProjectVersionArn": arn,
        "DestinationProjectArn": other,
        "VersionName": "v1",
        "OutputConfig": OUTPUT,
    }
    assert at.refused("CopyProjectVersion", SourceProjectArn=other, **members)[0] == "InvalidParameterException"


@pytest.mark.parametrize("name", [".", ".."])
def test_a_copy_is_not_called_as_a_folder_above(at: Bench, name: str) -> None:
    arn = at.trained()
    project = naming.project_arn(at.desk, at.projects.project("colours"))
    code, message = at.refused(
        "CopyProjectVersion",
        SourceProjectArn=project,
        SourceProjectVersionArn=arn,
        DestinationProjectArn=project,
        VersionName=name,
        OutputConfig=OUTPUT,
    )
    assert (code, "not dots alone" in message) == ("InvalidParameterException", True)
    assert [version.name for version in at.projects.versions("colours")] == ["v1"]
