"""What a workstation asks: orders, entries, pictures, how it keeps hold of an order, and how it returns a pack."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.api.buckets import AwayFault, Buckets
from edge.custom.orders import LEASE
from edge.packs import custom as packs
from tests.edge import customs
from tests.edge.api.workshops import SIGNER, Bench, bench, line

LINES = tuple(line(f"{name}.png", name) for name in customs.COLOURS)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, monkeypatch) as at:
        yield at


@pytest.fixture
def arn(at: Bench) -> str:
    packs.trust(at.desk.workshop.store, SIGNER)
    project = at.project()
    at.dataset(project, *LINES)
    at.dataset(project, line("test.png", "red"), kind="TEST")
    return at.ordered(project)


def claimed(at: Bench, arn: str, worker: str = "bench") -> str:
    claim: str = at.train("ClaimOrder", ProjectVersionArn=arn, Worker=worker, Signer=SIGNER)["Claim"]
    return claim


def made(at: Bench, name: str = "colours/v1", **how: Any) -> bytes:
    return customs.pack(at.folder / "made", name, **how).read_bytes()


def test_orders_are_listed_of_all_projects_or_one(at: Bench, arn: str) -> None:
    (order,) = at.train("ListOrders", ProjectName="colours")["Orders"]
    assert (order["ProjectVersionArn"], order["Feature"], order["Entries"]) == (arn, "CUSTOM_LABELS", 4)
    assert "Worker" not in order
    assert at.train("ListOrders", ProjectName="others") == {"Orders": []}
    claimed(at, arn)
    (order,) = at.train("ListOrders")["Orders"]
    assert order["Worker"] == "bench"
    assert order["HeldUntil"] > at.desk.now()


def test_a_workstation_gets_lines_and_pictures(at: Bench, arn: str) -> None:
    claim = claimed(at, arn)
    (at.bucket / "red.png").write_bytes(b"picture")
    first = at.train("GetEntries", ProjectVersionArn=arn, Claim=claim, MaxResults=3)["Entries"]
    rest = at.train("GetEntries", ProjectVersionArn=arn, Claim=claim, After=first[-1]["Id"])["Entries"]
    assert [(one["SourceRef"].split("/")[-1], one["Test"]) for one in first + rest] == [
        ("blue.png", False),
        ("green.png", False),
        ("red.png", False),
        ("test.png", True),
    ]
    got = at.train("GetImage", ProjectVersionArn=arn, Claim=claim, Id=first[2]["Id"])
    assert b64decode(got["Bytes"]) == b"picture"
    assert at.untrained("GetImage", ProjectVersionArn=arn, Claim=claim, Id=first[0]["Id"])[0] == (
        "InvalidS3ObjectException"
    )
    assert at.untrained("GetImage", ProjectVersionArn=arn, Claim=claim, Id=99)[0] == "ResourceNotFoundException"


def test_a_picture_whose_server_is_away_is_to_be_asked_for_again(
    at: Bench, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bytes:
        raise AwayFault("InvalidS3ObjectException", "it cannot be had")

    claim = claimed(at, arn)
    (entry, *_) = at.train("GetEntries", ProjectVersionArn=arn, Claim=claim)["Entries"]
    monkeypatch.setattr(Buckets, "read", away)
    code, message = at.untrained("GetImage", ProjectVersionArn=arn, Claim=claim, Id=entry["Id"])
    assert code == "ThrottlingException"
    assert message == "The server of bucket my-bucket does not answer now"


def test_an_order_is_one_workstations_until_it_is_silent(at: Bench, arn: str) -> None:
    first = claimed(at, arn)
    other = {"ProjectVersionArn": arn, "Worker": "other", "Signer": SIGNER}
    code, message = at.untrained("ClaimOrder", **other)
    assert code == "ResourceInUseException"
    assert "bench" in message
    half = at.later(LEASE * 0.9)
    half.train("ReportProgress", ProjectVersionArn=arn, Claim=first, Stage="learning", Done=0.25)
    assert at.later(LEASE * 1.5).untrained("ClaimOrder", **other)[0] == "ResourceInUseException"
    assert "bench: learning, 25%" in half.described(arn)["StatusMessage"]
    late = at.later(LEASE * 2)
    late.train("ClaimOrder", **other)
    code, _ = late.untrained("ReportProgress", ProjectVersionArn=arn, Claim=first, Stage="learning", Done=0.5)
    assert code == "ConflictException"


def test_a_workstation_that_was_killed_takes_its_order_up_again(at: Bench, arn: str) -> None:
    first, second = claimed(at, arn), claimed(at, arn)
    members = {"ProjectVersionArn": arn, "Stage": "learning", "Done": 0.5}
    assert at.untrained("ReportProgress", Claim=first, **members)[0] == "ConflictException"
    assert at.train("ReportProgress", Claim=second, **members) == {"LeaseSeconds": LEASE}


def test_whose_packs_are_not_trusted_learns_so_before_training(at: Bench, arn: str) -> None:
    stranger = "0" * 64
    code, message = at.untrained("ClaimOrder", ProjectVersionArn=arn, Worker="bench", Signer=stranger)
    assert code == "InvalidParameterException"
    assert f"vedette custom trust {stranger}" in message


def test_a_pack_goes_on_where_it_ended(at: Bench, arn: str) -> None:
    claim, data = claimed(at, arn), made(at)
    piece = {"ProjectVersionArn": arn, "Size": len(data), "Sha256": sha256(data).hexdigest()}
    told = at.train("PutPack", **piece, Claim=claim, Offset=0, Bytes=data[:1000])
    assert told == {"Received": 1000, "Status": "TRAINING_IN_PROGRESS"}
    # One that was sent already, and one too early: it tells from where to go on.
    assert at.train("PutPack", **piece, Claim=claim, Offset=0, Bytes=data[:500])["Received"] == 1000
    assert at.train("PutPack", **piece, Claim=claim, Offset=2000, Bytes=data[2000:])["Received"] == 1000
    again = at.train("ClaimOrder", ProjectVersionArn=arn, Worker="bench", Signer=SIGNER)
    assert again["Received"] == 1000
    last = {"Claim": again["Claim"], "Offset": 1000, "Bytes": data[1000:]}
    assert at.train("PutPack", **piece, **last) == {"Received": len(data), "Status": "TRAINING_COMPLETED"}
    assert at.train("PutPack", **piece, **last)["Status"] == "TRAINING_COMPLETED"  # whose answer was lost
    assert at.train("ListOrders") == {"Orders": []}
    assert list((at.folder / "data" / "training").iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-1] + b"?", "digest"),
        (lambda _: b"no pack at all", "pack"),
    ],
)
def test_a_pack_that_is_no_good_may_be_sent_again(at: Bench, arn: str, spoil: Any, reason: str) -> None:
    claim, data = claimed(at, arn), made(at)
    spoilt = spoil(data)
    members = {"ProjectVersionArn": arn, "Claim": claim, "Offset": 0, "Size": len(spoilt), "Bytes": spoilt}
    code, message = at.untrained("PutPack", **members, Sha256=sha256(spoilt).hexdigest())
    assert code == "InvalidParameterException"
    assert reason in message
    code, message = at.untrained("PutPack", **members, Sha256=sha256(data).hexdigest())
    assert "did not arrive as it was sent" in message
    assert at.send(arn, claim, data)["Status"] == "TRAINING_COMPLETED"


def test_a_pack_is_of_the_version_that_was_ordered(at: Bench, arn: str) -> None:
    claim = claimed(at, arn)
    other = made(at, "colours/v2")
    code, message = at.untrained(
        "PutPack",
        ProjectVersionArn=arn,
        Claim=claim,
        Offset=0,
        Size=len(other),
        Sha256=sha256(other).hexdigest(),
        Bytes=other,
    )
    assert code == "InvalidParameterException"
    assert "colours/v2" in message
    assert at.described(arn)["Status"] == "TRAINING_IN_PROGRESS"


def test_a_training_that_failed_says_why(at: Bench, arn: str) -> None:
    claim = claimed(at, arn)
    assert at.train("FailOrder", ProjectVersionArn=arn, Claim=claim, Message="too few pictures of red") == {}
    told = at.described(arn)
    assert (told["Status"], told["StatusMessage"]) == ("TRAINING_FAILED", "too few pictures of red")
    assert at.untrained("ClaimOrder", ProjectVersionArn=arn, Worker="bench", Signer=SIGNER)[0] == "ConflictException"
    assert at.ask("DeleteProjectVersion", ProjectVersionArn=arn) == {"Status": "DELETING"}


def test_an_order_keeps_its_entries_whatever_becomes_of_the_dataset(at: Bench, arn: str) -> None:
    (project,) = at.ask("DescribeProjects")["ProjectDescriptions"]
    for dataset in project["Datasets"]:
        at.ask("DeleteDataset", DatasetArn=dataset["DatasetArn"])
    entries = at.train("GetEntries", ProjectVersionArn=arn, Claim=claimed(at, arn))["Entries"]
    assert len(entries) == 4
