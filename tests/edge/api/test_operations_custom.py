"""DetectCustomLabels and adapters: which version is asked, and how it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.api.adapting import adapted
from edge.findings import CustomLabel, Flag, Moderated
from edge.packs.custom import Label
from tests.edge.api.workshops import BUCKET, Bench, bench, line, picture

ARN = "arn:aws:rekognition:us-east-1:000000000000:project/p/version/v/1690474772815"
GROUND = "content-moderation-groundtruth"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        found = Moderated((Flag("Violence", "", 1, 0.8), Flag("Weapons", "Violence", 2, 0.8)), ())
        eyes: Any = SimpleNamespace(look=lambda *_: found)
        at.desk = replace(at.desk, abilities=replace(at.desk.abilities, moderation=eyes))
        yield at


def test_a_project_version_that_is_not_there_is_named(at: Bench) -> None:
    code, message = at.refused("DetectCustomLabels", ProjectVersionArn=ARN, Image=picture("red"))
    assert code == "ResourceNotFoundException"
    assert ARN in message


def test_a_picture_is_read_only_for_a_version_that_runs(at: Bench) -> None:
    nothing = {"S3Object": {"Bucket": BUCKET, "Name": "absent.jpg"}}
    arn = at.trained()
    assert at.refused("DetectCustomLabels", ProjectVersionArn=arn, Image=nothing)[0] == "ResourceNotReadyException"
    at.start(arn)
    assert at.refused("DetectCustomLabels", ProjectVersionArn=arn, Image=nothing)[0] == "InvalidS3ObjectException"


def asked(at: Bench, arn: str) -> str:
    code, message = at.refused("DetectCustomLabels", ProjectVersionArn=arn, Image=picture("red"))
    assert code == "ResourceNotReadyException"
    return message


def test_one_that_was_started_and_is_not_open_yet_is_worth_another_try(at: Bench) -> None:
    arn = at.trained()
    assert asked(at, arn).endswith("is TRAINING_COMPLETED, and must be RUNNING: call StartProjectVersion")
    at.ask("StartProjectVersion", ProjectVersionArn=arn, MinInferenceUnits=1)
    assert asked(at, arn).endswith("is STARTING, and is being opened: try again in a moment")
    at.projects.started(at.projects.version("colours", "v1"))  # by the command line, which has tried it out
    assert asked(at, arn).endswith("is RUNNING, and is being opened: try again in a moment")
    at.served.tend()
    assert at.ask("DetectCustomLabels", ProjectVersionArn=arn, Image=picture("red"))["CustomLabels"]


def test_one_that_cannot_be_started_is_not_said_to_be_startable(at: Bench) -> None:
    project = at.project()
    at.dataset(project, line("1.png", "red"))
    assert asked(at, at.ordered(project)).endswith("is TRAINING_IN_PROGRESS, and must be RUNNING")


def test_where_custom_models_are_off_that_is_said(at: Bench) -> None:
    arn = at.trained()
    at.start(arn)
    at.desk = replace(at.desk, abilities=replace(at.desk.abilities, custom=None, missing={"custom": "it is off"}))
    assert asked(at, arn).endswith("is RUNNING, and cannot be asked here: it is off")


def adapter(at: Bench) -> str:
    project = at.project("moderate", Feature="CONTENT_MODERATION")
    told = {"ModerationLabels": [{"Name": "Weapons"}]}
    at.dataset(project, {"source-ref": f"s3://{BUCKET}/1.png", GROUND: told})
    config = {"ContentModeration": {"ConfidenceThreshold": 60}}
    arn = at.ordered(project, FeatureConfig=config)
    assert at.described(arn)["FeatureConfig"] == config
    names = ("Alcohol", "Weapons", "Ours")
    labels = tuple(Label(name=name, threshold=0.5, parent="Theirs" if name == "Ours" else "") for name in names)
    at.work(arn, feature="CONTENT_MODERATION", labels=labels)
    return arn


def moderate(at: Bench, arn: str, colour: str) -> dict[str, float]:
    told = at.ask("DetectModerationLabels", Image=picture(colour), ProjectVersion=arn)
    assert told["ProjectVersion"] == arn
    return {flag["Name"]: flag["Confidence"] for flag in told["ModerationLabels"]}


def test_an_adapter_is_started_by_who_names_it_and_speaks_for_its_names(at: Bench) -> None:
    arn = adapter(at)
    members = {"Image": picture("blue"), "ProjectVersion": arn}
    code, message = at.refused("DetectModerationLabels", **members)
    assert code == "ResourceNotReadyException"
    assert "STARTING" in message
    at.served.tend()
    assert moderate(at, arn, "blue").keys() == {"Alcohol"}  # no weapons, for all that we would have said
    assert moderate(at, arn, "green").keys() == {"Violence", "Weapons"}
    assert moderate(at, arn, "red").keys() == {"Ours"}


def test_without_an_adapter_we_speak_for_ourselves(at: Bench) -> None:
    told = at.ask("DetectModerationLabels", Image=picture("blue"))
    assert [flag["Name"] for flag in told["ModerationLabels"]] == ["Violence", "Weapons"]
    assert "ProjectVersion" not in told


def test_a_version_for_labels_is_no_adapter(at: Bench) -> None:
    code, message = at.refused("DetectModerationLabels", Image=picture("red"), ProjectVersion=at.trained())
    assert code == "ResourceNotFoundException"
    assert "no adapter" in message


def test_an_adapter_is_trained_on_moderation_labels_and_not_copied(at: Bench) -> None:
    project = at.project("moderate", Feature="CONTENT_MODERATION")
    at.dataset(project, line("1.png", "red"))
    output = {"S3Bucket": BUCKET}
    code, message = at.refused("CreateProjectVersion", ProjectArn=project, VersionName="v1", OutputConfig=output)
    assert code == "InvalidParameterException"
    assert GROUND in message


def test_a_parent_is_as_sure_as_its_surest_child() -> None:
    found = Moderated((Flag("Violence", "", 1, 0.6), Flag("Weapons", "Violence", 2, 0.6)), ())
    told = adapted(found, [CustomLabel("Weapons", 0.9), CustomLabel("Graphic Violence", 0.2)], 0.5)
    assert [(flag.name, flag.score) for flag in told.flags] == [("Violence", 0.9), ("Weapons", 0.9)]
