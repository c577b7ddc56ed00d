"""Data sets as a client fills, reads, splits and deletes them, and what is told of lines that are no good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge import database
from edge.custom import Projects
from tests.edge.api.workshops import BUCKET, Bench, bench, boxed, line, manifest


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        yield at


@pytest.fixture
def project(at: Bench) -> str:
    return at.project()


def stats(at: Bench, dataset: str) -> dict[str, int]:
    told = at.ask("DescribeDataset", DatasetArn=dataset)["DatasetDescription"]
    found: dict[str, int] = told["DatasetStats"]
    return found


def test_a_manifest_in_a_bucket_becomes_a_dataset(at: Bench, project: str) -> None:
    dataset = at.dataset(project, line("1.png", "red"), line("2.png", "blue"), line("3.png", None))
    told = at.ask("DescribeDataset", DatasetArn=dataset)["DatasetDescription"]
    assert (told["Status"], told["StatusMessageCode"]) == ("CREATE_COMPLETE", "SUCCESS")
    assert told["DatasetStats"] == {"LabeledEntries": 2, "TotalEntries": 3, "TotalLabels": 2, "ErrorEntries": 0}
    assert at.listed(dataset)[0] == line("1.png", "red") | {"cl-metadata": {"is_labeled": True}}


def test_a_project_has_one_of_each_kind(at: Bench, project: str) -> None:
    at.dataset(project, line("1.png", "red"))
    assert at.refused("CreateDataset", ProjectArn=project, DatasetType="TRAIN")[0] == "ResourceAlreadyExistsException"
    assert at.ask("CreateDataset", ProjectArn=project, DatasetType="TEST")["DatasetArn"].split("/")[-2] == "test"


def test_a_dataset_may_be_a_copy(at: Bench, project: str) -> None:
    dataset = at.dataset(project, line("1.png", "red"), "no JSON")
    copy = at.ask(
        "CreateDataset",
        ProjectArn=at.project("other"),
        DatasetType="TEST",
        DatasetSource={"DatasetArn": dataset},
        Tags={"of": "colours"},
    )["DatasetArn"]
    assert at.listed(copy) == at.listed(dataset)
    assert stats(at, copy) == stats(at, dataset)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": "none.manifest"}}}, "InvalidS3Object"),
        ({"GroundTruthManifest": {"S3Object": {"Bucket": "nowhere", "Name": "m"}}}, "InvalidS3Object"),
        ({"GroundTruthManifest": {"S3Object": {"Bucket": BUCKET, "Name": "m", "Version": "1"}}}, "InvalidS3Object"),
        ({"GroundTruthManifest": {}}, "InvalidParameter"),
        (
            {"DatasetArn": "arn:aws:rekognition:us-east-1:000000000000:project/colours/dataset/train/17"},
            "ResourceNotFound",
        ),
    ],
)
def test_a_source_that_cannot_be_had_makes_none(at: Bench, project: str, source: Any, code: str) -> None:
    told, _ = at.refused("CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)
    assert told == f"{code}Exception"
    (described,) = at.ask("DescribeProjects")["ProjectDescriptions"]
    assert described["Datasets"] == []


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({}, "S3Object"),
        ({"S3Object": {"Name": "m"}}, "S3Object.Bucket"),
        ({"S3Object": {"Bucket": BUCKET}}, "S3Object.Name"),
    ],
)
def test_what_a_manifests_place_lacks_is_named(at: Bench, project: str, given: Any, lacks: str) -> None:
    source = {"GroundTruthManifest": given}
    _, message = at.refused("CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)
    assert message.endswith(f"GroundTruthManifest.{lacks} is missing")


def test_a_line_takes_the_place_of_the_one_with_its_picture(at: Bench, project: str) -> None:
    dataset = at.dataset(project, line("1.png", "red"), line("2.png", "blue"))
    at.ask(
        "UpdateDatasetEntries",
        DatasetArn=dataset,
        Changes={"GroundTruth": manifest(line("1.png", "green"), line("3.png", "red"))},
    )
    labels = [(one["source-ref"][-5:], one["colour-metadata"]["class-name"]) for one in at.listed(dataset)]
    assert labels == [("1.png", "green"), ("2.png", "blue"), ("3.png", "red")]
    told = at.ask("DescribeDataset", DatasetArn=dataset)["DatasetDescription"]
    assert told["Status"] == "UPDATE_COMPLETE"
    assert told["LastUpdatedTimestamp"] >= told["CreationTimestamp"]
    assert at.refused("UpdateDatasetEntries", DatasetArn=dataset, Changes={"GroundTruth": b"\n \n"})[0] == (
        "InvalidParameterException"
    )


WRONG = {
    "ERROR_INVALID_JSON_LINE": "no JSON",
    "ERROR_MISSING_SOURCE_REF": {"colour": 1},
    "ERROR_INVALID_SOURCE_REF_FORMAT": {"source-ref": "https://here/1.png"},
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": line("1.png", "red") | {"colour-metadata": "red"},
    "ERROR_INVALID_LABEL_NAME_LENGTH": line("2.png", "x" * 256),
    "ERROR_UNSUPPORTED_USE_CASE_TYPE": line("3.png", "red") | {"s": 1, "s-metadata": {"type": "groundtruth/text"}},
    "ERROR_INVALID_BOUNDING_BOX": boxed("4.png", (0, 0, 8, 8), (60, 60, 8, 8)),
    "ERROR_BOUNDING_BOX_TOO_SMALL": boxed("5.png", (0, 0, 8, 8), (8, 8, 0, 8)),
    "ERROR_INVALID_IMAGE_DIMENSION": boxed("6.png", (0, 0, 8, 8), size=0),
    "ERROR_MISSING_CLASS_MAP_ID": boxed("7.png", (0, 0, 8, 8))
    | {"box-metadata": {"type": "groundtruth/object-detection"}},
}


BOX = '{"source-ref":"s3://b/1.png","b":{"image_size":[{"width":%s,"height":9}],"annotations":[{"class_id":%s,\
"left":%s,"top":0,"width":1,"height":1}]},"b-metadata":{"type":"groundtruth/object-detection","class-map":{"0":"x"}}}'
HUGE = "9" * 400
HOSTILE = {
    "nested": '{"source-ref":"s3://b/1.png","a":' + "[" * 900 + "]" * 900 + "}",
    "nested deeper": '{"source-ref":"s3://b/1.png","a":' + "[" * 40_000 + "]" * 40_000 + "}",
    "not closed": "[" * 90_000,
    "a number of 5000 digits": '{"source-ref":"s3://b/1.png","a":' + "9" * 5000 + "}",
    "a width of 400 digits": BOX % (HUGE, 0, 0),
    "a class of 400 digits": BOX % (9, HUGE, 0),
    "a place of 400 digits": BOX % (9, 0, HUGE),
    "infinite": '{"source-ref":"s3://b/1.png","a":1e999}',
    "no number": '{"source-ref":"s3://b/1.png","a":NaN}',
    "a null character": '{"source-ref":"s3://b/1.png\x00"}',
    "an escaped null character": '{"source-ref":"s3://b/1\\u0000.png"}',
    "a null character in a label": json.dumps(line("1.png", "re\x00d")),
    "half a surrogate pair": '{"source-ref":"s3://b/\\ud800.png"}',
    "half a pair in a label": json.dumps(line("1.png", "\ud800")),
    "longer when escaped": json.dumps(line("1.png", "red") | {"note": "é" * 60_000}, ensure_ascii=False),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_line_meant_to_do_harm_is_an_entry_that_is_wrong(at: Bench, project: str, text: str) -> None:
    dataset = at.dataset(project, line("good.png", "red"))
    at.ask("UpdateDatasetEntries", DatasetArn=dataset, Changes={"GroundTruth": manifest(text)})
    assert stats(at, dataset) == {"LabeledEntries": 1, "TotalEntries": 2, "TotalLabels": 1, "ErrorEntries": 1}
    (wrong,) = at.listed(dataset, HasErrors=True)
    assert not wrong["cl-metadata"]["is_labeled"]
    (told,) = at.ask("ListDatasetEntries", DatasetArn=dataset, HasErrors=True)["DatasetEntries"]
    assert len(told) <= 100_000


def test_only_line_feeds_end_a_line(at: Bench, project: str) -> None:
    notes = ["a\u2028b", "a\x85b"]
    lines = [line(f"{number}.png", "red") | {"note": note} for number, note in enumerate(notes)]
    dataset = at.dataset(project, *(json.dumps(one, ensure_ascii=False) for one in lines))
    assert [one["note"] for one in at.listed(dataset)] == notes


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_with_a_line_is_told_of_it(at: Bench, project: str, code: str) -> None:
    dataset = at.dataset(project, line("good.png", "red"), WRONG[code])
    assert stats(at, dataset)["ErrorEntries"] == 1
    (wrong,) = at.listed(dataset, HasErrors=True)
    codes = [one["code"] for one in wrong["cl-metadata"]["errors"]]
    assert code in codes
    assert all(one["message"] for one in wrong["cl-metadata"]["errors"])


def test_entries_are_found_by_their_labels_their_place_and_whether_they_have_any(at: Bench, project: str) -> None:
    dataset = at.dataset(
        project,
        line("day/1.png", "red"),
        line("day/2.png", "blue") | line("day/2.png", "bright", "light"),
        line("night/3.png", None),
        boxed("night/4.png"),
    )

    def found(**how: Any) -> list[str]:
        return [one["source-ref"].removeprefix(f"s3://{BUCKET}/") for one in at.listed(dataset, **how)]

    assert found(ContainsLabels=["bright", "red"]) == ["day/1.png", "day/2.png"]
    assert found(ContainsLabels=["violet"]) == []
    assert found(Labeled=True) == ["day/1.png", "day/2.png"]
    assert found(Labeled=False) == ["night/3.png", "night/4.png"]
    assert found(SourceRefContains="night/") == ["night/3.png", "night/4.png"]
    assert found(SourceRefContains="Night") == []
    assert found(HasErrors=True) == []
    assert len(found(HasErrors=False)) == 4


def test_entries_and_labels_come_in_pages(at: Bench, project: str) -> None:
    dataset = at.dataset(project, *(boxed(f"{number}.png", (0, 0, 8, 8), (8, 8, 8, 8)) for number in range(5)))
    at.ask(
        "UpdateDatasetEntries", DatasetArn=dataset, Changes={"GroundTruth": manifest(line("a", "b"), line("c", "d"))}
    )
    first = at.ask("ListDatasetEntries", DatasetArn=dataset, MaxResults=4)
    rest = at.ask("ListDatasetEntries", DatasetArn=dataset, MaxResults=4, NextToken=first["NextToken"])
    listed = [json.loads(one)["source-ref"] for one in first["DatasetEntries"] + rest["DatasetEntries"]]
    assert len(set(listed)) == 7
    assert "NextToken" not in rest
    labels = at.ask("ListDatasetLabels", DatasetArn=dataset, MaxResults=2)
    more = at.ask("ListDatasetLabels", DatasetArn=dataset, MaxResults=2, NextToken=labels["NextToken"])
    assert labels["DatasetLabelDescriptions"] + more["DatasetLabelDescriptions"] == [
        {"LabelName": "b", "LabelStats": {"EntryCount": 1, "BoundingBoxCount": 0}},
        {"LabelName": "d", "LabelStats": {"EntryCount": 1, "BoundingBoxCount": 0}},
        {"LabelName": "square", "LabelStats": {"EntryCount": 5, "BoundingBoxCount": 10}},
    ]
    assert at.refused("ListDatasetLabels", DatasetArn=dataset, NextToken="forged")[0] == (
        "InvalidPaginationTokenException"
    )


def test_a_fifth_goes_to_the_test_set_evenly_over_the_labels(at: Bench, project: str) -> None:
    entries = [line(f"{colour}{number}.png", colour) for colour in ("red", "blue") for number in range(20)]
    train = at.dataset(project, *entries)
    test = at.ask("CreateDataset", ProjectArn=project, DatasetType="TEST")["DatasetArn"]
    datasets = [{"Arn": train}, {"Arn": test}]
    assert at.ask("DistributeDatasetEntries", Datasets=datasets) == {}
    assert (stats(at, train)["TotalEntries"], stats(at, test)["TotalEntries"]) == (32, 8)
    assert [len(at.listed(test, ContainsLabels=[colour])) for colour in ("red", "blue")] == [4, 4]
    code, message = at.refused("DistributeDatasetEntries", Datasets=datasets)
    assert code == "InvalidParameterException"
    assert "must be empty" in message


def test_entries_are_distributed_between_the_two_sets_of_a_project(at: Bench, project: str) -> None:
    train = at.dataset(project, line("1.png", "red"))
    other = at.ask("CreateDataset", ProjectArn=at.project("other"), DatasetType="TEST")["DatasetArn"]
    test = at.ask("CreateDataset", ProjectArn=project, DatasetType="TEST")["DatasetArn"]
    for named in ([train, other], [train, train], [train, test]):  # too few, at last
        datasets = [{"Arn": arn} for arn in named]
        assert at.refused("DistributeDatasetEntries", Datasets=datasets)[0] == "InvalidParameterException"


def test_a_deleted_dataset_is_gone(at: Bench, project: str) -> None:
    dataset = at.dataset(project, line("1.png", "red"))
    assert at.ask("DeleteDataset", DatasetArn=dataset) == {}
    for operation in ("DescribeDataset", "ListDatasetEntries", "ListDatasetLabels", "DeleteDataset"):
        assert at.refused(operation, DatasetArn=dataset)[0] == "ResourceNotFoundException"
    assert at.dataset(project, line("2.png", "red")) != dataset


def test_what_was_answered_is_there_after_a_kill(at: Bench, project: str) -> None:
    """A second connection sees all of it while the first is never closed."""
    at.dataset(project, line("1.png", "red"))
    version = at.ordered(project)
    with closing(Projects(database.connect(at.folder / "data"))) as seen:
        (dataset,) = seen.datasets("colours")
        assert seen.dataset_stats(dataset).entries == 1
        (order,) = seen.orders()
        assert version.split("/")[3] == seen.version_by_key(order.version).name
        assert seen.count_entries(order.version) == 1
