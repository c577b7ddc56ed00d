"""Policies of projects as a client puts, lists and deletes them; what they forbid is forbidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from edge.api.faults import Fault
from edge.api.sharing import check_shared
from edge.keys.policy import parse
from tests.edge.api.workshops import OUTPUT, Bench, Open, bench, picture, served

USER = "arn:aws:iam::000000000000:user/app"


def document(effect: str = "Allow", principal: Any = "*", resource: str = "*", **more: Any) -> str:
    statement = {
        "Effect": effect,
        "Principal": principal,
        "Action": "rekognition:CopyProjectVersion",
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        yield at


@pytest.fixture
def project(at: Bench) -> str:
    return at.project()


def put(at: Bench, project: str, text: str, name: str = "copies", **how: Any) -> str:
    revision: str = at.ask("PutProjectPolicy", ProjectArn=project, PolicyName=name, PolicyDocument=text, **how)[
        "PolicyRevisionId"
    ]
    return revision


def test_a_policy_is_changed_by_who_knows_its_revision(at: Bench, project: str) -> None:
    first = put(at, project, document())
    members = {"ProjectArn": project, "PolicyName": "copies", "PolicyDocument": document("Deny")}
    assert at.refused("PutProjectPolicy", **members)[0] == "ResourceAlreadyExistsException"
    second = put(at, project, document("Deny"), PolicyRevisionId=first)
    assert second != first
    assert at.refused("PutProjectPolicy", **members, PolicyRevisionId=first)[0] == "InvalidPolicyRevisionIdException"
    (told,) = at.ask("ListProjectPolicies", ProjectArn=project)["ProjectPolicies"]
    assert {name: told[name] for name in ("ProjectArn", "PolicyName", "PolicyRevisionId", "PolicyDocument")} == {
        "ProjectArn": project,
        "PolicyName": "copies",
        "PolicyRevisionId": second,
        "PolicyDocument": document("Deny"),
    }
    assert told["LastUpdatedTimestamp"] >= told["CreationTimestamp"]


def test_a_policy_is_deleted_with_or_without_its_revision(at: Bench, project: str) -> None:
    members = {"ProjectArn": project, "PolicyName": "copies"}
    put(at, project, document())
    assert at.refused("DeleteProjectPolicy", **members, PolicyRevisionId="abc")[0] == "InvalidPolicyRevisionIdException"
    assert at.ask("DeleteProjectPolicy", **members) == {}
    assert at.refused("DeleteProjectPolicy", **members)[0] == "ResourceNotFoundException"
    revision = put(at, project, document())
    assert at.ask("DeleteProjectPolicy", **members, PolicyRevisionId=revision) == {}


def test_they_come_in_pages_and_are_five_at_most(at: Bench, project: str) -> None:
    for number in range(5):
        put(at, project, document(), f"p{number}")
    first = at.ask("ListProjectPolicies", ProjectArn=project, MaxResults=3)
    rest = at.ask("ListProjectPolicies", ProjectArn=project, MaxResults=3, NextToken=first["NextToken"])
    names = [one["PolicyName"] for one in first["ProjectPolicies"] + rest["ProjectPolicies"]]
    assert names == ["p0", "p1", "p2", "p3", "p4"]
    members = {"ProjectArn": project, "PolicyName": "p5", "PolicyDocument": document()}
    assert at.refused("PutProjectPolicy", **members)[0] == "ServiceQuotaExceededException"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("no JSON", "Expecting value"),
        ("{}", "Statement"),
        (document("Perhaps"), "Effect"),
        (document(principal=None), "Principal"),
        (document(principal={"Service": "x"}), "Principal"),
        (document(Resource="nothing"), "Statement 1"),
        (document(Sort="odd"), "Sort"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_place(at: Bench, project: str, text: str, word: str) -> None:
    members = {"ProjectArn": project, "PolicyName": "copies", "PolicyDocument": text}
    code, message = at.refused("PutProjectPolicy", **members)
    assert code == "MalformedPolicyDocumentException"
    assert word in message


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        (document("Deny"), True),
        (document("Deny", {"AWS": [USER]}), True),
        (document("Deny", {"AWS": "arn:aws:iam::000000000000:root"}), True),
        (document("Deny", {"AWS": "000000000000"}), True),
        (document("Deny", {"AWS": "arn:aws:iam::000000000000:user/another"}), False),
        (document("Deny", resource="arn:aws:rekognition:us-east-1:000000000000:project/colours/version/v1/*"), True),
        (document("Deny", resource="arn:aws:rekognition:us-east-1:000000000000:project/colours/version/v2/*"), False),
        (document("Deny", Condition={"StringEquals": {"aws:username": "app"}}), True),
        (document("Deny", Condition={"StringEquals": {"aws:username": "another"}}), False),
        (document("Allow", {"AWS": "arn:aws:iam::000000000000:user/another"}), False),
    ],
)
def test_what_a_policy_denies_is_denied(at: Bench, text: str, *, forbidden: bool) -> None:
    version = at.trained()
    (told,) = at.ask("DescribeProjects")["ProjectDescriptions"]
    put(at, told["ProjectArn"], text)
    members = {
        "SourceProjectArn": told["ProjectArn"],
        "SourceProjectVersionArn": version,
        "DestinationProjectArn": told["ProjectArn"],
        "VersionName": "v2",
        "OutputConfig": OUTPUT,
    }
    context = {"aws:username": "app"}
    if forbidden:
        with pytest.raises(Fault) as refused:
            check_shared(at.desk, "CopyProjectVersion", members, USER, context)
        assert refused.value.code == "AccessDeniedException"
    else:
        check_shared(at.desk, "CopyProjectVersion", members, USER, context)
    check_shared(at.desk, "DetectCustomLabels", members, USER, context)


def test_a_policy_speaks_to_who_asks_over_http(at: Bench) -> None:
    version = at.trained()
    (told,) = at.ask("DescribeProjects")["ProjectDescriptions"]
    put(at, told["ProjectArn"], document("Deny", {"AWS": USER}))
    members = {
        "SourceProjectArn": told["ProjectArn"],
        "SourceProjectVersionArn": version,
        "DestinationProjectArn": told["ProjectArn"],
        "OutputConfig": OUTPUT,
    }
    with served(at) as door:
        denied, allowed = (client_of(door, name) for name in ("app", "another"))
        with pytest.raises(denied.exceptions.AccessDeniedException, match="CopyProjectVersion"):
            denied.copy_project_version(**members, VersionName="v2")
        allowed.copy_project_version(**members, VersionName="v2")
        for client in (denied, allowed):
            client.close()


def test_a_key_may_be_for_one_project_or_for_what_bears_a_tag(at: Bench) -> None:
    version = at.trained()
    at.project("others")
    statement = {"Effect": "Allow", "Action": ["rekognition:DetectCustomLabels", "vedette:Train"]}
    by_name = statement | {"Resource": "arn:aws:rekognition:us-east-1:000000000000:project/colours/*"}
    by_tag = statement | {"Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "door"}}}
    at.start(version)
    members = {"ProjectVersionArn": version, "Image": picture("red")}
    with served(at) as door:
        for name, one in (("name", by_name), ("tag", by_tag)):
            client = client_of(door, name, json.dumps({"Statement": [one]}))
            with pytest.raises(client.exceptions.AccessDeniedException):
                client.describe_projects()
            if name == "tag":
                with pytest.raises(client.exceptions.AccessDeniedException):
                    client.detect_custom_labels(**members)
                at.ask("TagResource", ResourceArn=version, Tags={"team": "door"})
            assert client.detect_custom_labels(**members)["CustomLabels"]
            client.close()


def client_of(door: Open, name: str, document: str = "") -> Any:
    granted = [parse(name, document)] if document else None
    key, secret = door.keys.create(name, granted)
    session = boto3.Session(key.id, secret, region_name="us-east-1")
    return session.client("rekognition", endpoint_url=door.url, config=Config(proxies={}))
