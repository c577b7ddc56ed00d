"""Projects as a client makes, lists, tags and deletes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.api.workshops import Bench, bench, line


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        yield at


def test_a_project_is_made_once(at: Bench) -> None:
    arn = at.project("colours", Tags={"team": "door"})
    assert arn.startswith("arn:aws:rekognition:us-east-1:000000000000:project/colours/")
    code, message = at.refused("CreateProject", ProjectName="colours")
    assert code == "ResourceInUseException"
    assert "colours" in message
    assert at.ask("ListTagsForResource", ResourceArn=arn) == {"Tags": {"team": "door"}}


def test_it_is_described_with_its_datasets(at: Bench) -> None:
    arn = at.project()
    dataset = at.dataset(arn, line("red.png", "red"))
    (told,) = at.ask("DescribeProjects")["ProjectDescriptions"]
    assert {name: told[name] for name in ("ProjectArn", "Status", "Feature", "AutoUpdate")} == {
        "ProjectArn": arn,
        "Status": "CREATED",
        "Feature": "CUSTOM_LABELS",
        "AutoUpdate": "DISABLED",
    }
    assert [(one["DatasetArn"], one["DatasetType"], one["Status"]) for one in told["Datasets"]] == [
        (dataset, "TRAIN", "CREATE_COMPLETE")
    ]


def test_projects_come_in_pages_and_by_name_and_feature(at: Bench) -> None:
    for name in ("a", "b", "c"):
        at.project(name)
    at.project("d", Feature="CONTENT_MODERATION", AutoUpdate="ENABLED")

    def names(**how: object) -> list[str]:
        told = at.ask("DescribeProjects", **how)
        return [one["ProjectArn"].split("/")[1] for one in told["ProjectDescriptions"]]

    assert names() == ["d", "c", "b", "a"]
    assert names(ProjectNames=["a", "c", "x"]) == ["c", "a"]
    assert names(Features=["CONTENT_MODERATION"]) == ["d"]
    token = at.ask("DescribeProjects", MaxResults=3)["NextToken"]
    assert names(MaxResults=3, NextToken=token) == ["a"]
    code, _ = at.refused("DescribeProjects", NextToken="forged")
    assert code == "InvalidPaginationTokenException"


def test_one_that_holds_something_is_not_deleted(at: Bench) -> None:
    arn = at.project()
    dataset = at.dataset(arn, line("red.png", "red"))
    version = at.ordered(arn)
    assert at.refused("DeleteProject", ProjectArn=arn)[0] == "ResourceInUseException"
    at.ask("DeleteDataset", DatasetArn=dataset)
    assert at.refused("DeleteProject", ProjectArn=arn)[0] == "ResourceInUseException"
    at.ask("DeleteProjectVersion", ProjectVersionArn=version)
    assert at.ask("DeleteProject", ProjectArn=arn) == {"Status": "DELETING"}
    assert at.ask("DescribeProjects") == {"ProjectDescriptions": []}


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:rekognition:us-east-1:000000000000:project/colours/1",
        "arn:aws:rekognition:us-east-1:000000000000:project/nothing/1795883740630",
        "arn:aws:rekognition:us-east-1:111111111111:project/colours/1795883740630",
    ],
)
def test_an_arn_is_of_one_project_of_one_age(at: Bench, arn: str) -> None:
    at.project()
    code, message = at.refused("DeleteProject", ProjectArn=arn)
    assert code == "ResourceNotFoundException"
    assert arn in message


def test_a_client_may_put_its_own_region_into_an_arn(at: Bench) -> None:
    arn = at.project()
    at.ask("DeleteProject", ProjectArn=arn.replace("us-east-1", "eu-central-1"))


def test_projects_versions_and_datasets_bear_tags(at: Bench) -> None:
    project = at.project()
    dataset = at.dataset(project, line("red.png", "red"))
    for arn in (project, dataset, at.ordered(project, Tags={"old": "1"})):
        at.ask("TagResource", ResourceArn=arn, Tags={"team": "door", "old": "2"})
        at.ask("UntagResource", ResourceArn=arn, TagKeys=["old", "unknown"])
        assert at.ask("ListTagsForResource", ResourceArn=arn) == {"Tags": {"team": "door"}}
    gone = project.replace("colours", "nothing")
    assert at.refused("ListTagsForResource", ResourceArn=gone)[0] == "ResourceNotFoundException"
    many = {f"t{number}": "" for number in range(200)}
    assert at.refused("TagResource", ResourceArn=project, Tags=many)[0] == "ServiceQuotaExceededException"


@pytest.mark.parametrize("name", [".", "..", "...."])
def test_a_project_is_not_called_as_a_folder_above(at: Bench, name: str) -> None:
    code, message = at.refused("CreateProject", ProjectName=name)
    assert (code, f"project name '{name}'" in message, "not dots alone" in message) == (
        "InvalidParameterException", True, True,
    )  # fmt: skip
    assert at.ask("DescribeProjects") == {"ProjectDescriptions": []}
