"""A workstation serves a device over HTTP: orders, pictures, the pack; and what it does when things go wrong."""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import pytest
from rich.console import Console

from edge.custom import orders as kept
from edge.errors import DeniedError, InputError, StorageError, UnavailableError
from edge.keys.policy import ready
from edge.packs import custom as packs
from tests.edge import customs
from tests.edge.api import workshops
from tests.edge.api.workshops import BUCKET, Bench, Open, bench, boxed, line, served

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import device, nameplate, orders, state
from training.datasets import Sample
from training.device import Workstation
from training.orders import Device
from training.settings import Job, Progress


class Place:
    """A device that is served, and a key for workstations."""

    def __init__(self, at: Bench, door: Open) -> None:
        self.at = at
        self.url = door.url
        self.keys = door.keys
        self.key_id, self.secret = door.key("bench", "train")

    def device(self, **how: Any) -> Device:
        return Device(**{"url": self.url, "key_id": self.key_id, "secret": self.secret, "pause": lambda _: None} | how)

    def station(self, train: Any, folder: str = "bench") -> Workstation:
        """One of several on a machine, each in a folder of its own."""
        home = self.at.folder / f"work-{folder}"
        key = self.at.folder / "signing.key"
        key.write_text(bytes(range(32)).hex())
        return Workstation(self.device(), home, key, Console(file=io.StringIO()), train, host="bench")

    def serve(self, home: Path) -> str:
        """What a service says until it is ended, which it is where it would wait for orders."""
        wanted = argparse.Namespace(key=self.at.folder / "own.key", out=home, minutes=None, seed=1)
        console = Console(file=io.StringIO(), soft_wrap=True)
        with suppress(KeyboardInterrupt):
            device.serve(self.url, self.key_id, self.secret, console, wanted)
        return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    def at_work(self) -> str:
        """Who is at the only order there is."""
        (order,) = self.at.train("ListOrders")["Orders"]
        return str(order.get("Worker", ""))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with bench(tmp_path, monkeypatch) as at, served(at) as door:
        packs.trust(at.desk.workshop.store, workshops.SIGNER)
        yield Place(at, door)


def ordered(at: Bench, count: int = 4) -> str:
    """A version of three colours, with a test set; one picture of each is not in the bucket."""
    for name in customs.COLOURS:
        for number in range(1, count):
            cv2.imwrite(str(at.bucket / f"{name}{number}.png"), customs.colour(name, 64 + number, 80))
    project = at.project()
    lines = [line(f"{name}{number}.png", name) for name in customs.COLOURS for number in range(count)]
    at.dataset(project, *lines[1:])
    at.dataset(project, lines[1], kind="TEST")
    return at.ordered(project)


class Trainer:
    """Has the pack at hand, once it has been told of the samples; `fault` is raised instead of that."""

    def __init__(self, fault: BaseException | None = None, **how: Any) -> None:
        self.fault = fault
        self.how = how
        self.samples: Sequence[Sample] = ()
        self.absent = 0
        self.jobs: list[Job] = []

    def __call__(self, samples: Sequence[Sample], _root: Path, job: Job, progress: Progress) -> Path:
        self.samples = samples
        self.absent = sum(not sample.path.is_file() for sample in samples)
        self.jobs.append(job)
        progress("learning", 0.5, "loss 0.1")
        if self.fault:
            raise self.fault
        file = job.out / packs.file_name(job.project, job.version)
        return file if file.exists() else customs.pack(job.out, f"{job.project}/{job.version}", job.task, **self.how)


def test_an_order_is_seen_through(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "CHUNK", 1000)
    arn = ordered(place.at)
    train = Trainer()
    station = place.station(train)
    assert station.look()
    told = place.at.described(arn)
    assert (told["Status"], told["StatusMessage"]) == ("TRAINING_COMPLETED", "The model is ready to run.")
    (job,) = train.jobs
    assert (job.project, job.version, job.task, job.multi, job.feature) == (
        "colours", "v1", "classify", False, "CUSTOM_LABELS",
    )  # fmt: skip
    assert sorted({(sample.labels[0], sample.test) for sample in train.samples}) == [
        ("blue", False), ("blue", True), ("green", False), ("red", False),
    ]  # fmt: skip
    assert len(train.samples) == 12
    assert train.samples[0].path.name.endswith("-blue1.png")
    assert train.absent == 2  # which the check will name
    assert not station.look()
    assert not list(job.out.glob("data-*"))
    place.at.start(arn)
    found = place.at.ask("DetectCustomLabels", ProjectVersionArn=arn, Image=workshops.picture("red"))["CustomLabels"]
    assert found[0]["Name"] == "red"


def test_boxes_are_trained_on_as_boxes(place: Place) -> None:
    project = place.at.project("squares")
    cv2.imwrite(str(place.at.bucket / "1.png"), customs.square(1, 1))
    place.at.dataset(project, boxed("1.png", (8, 8, 8, 8)), boxed("2.png"))
    arn = place.at.ordered(project)
    train = Trainer()
    assert place.station(train).look()
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"
    with_box, without = train.samples
    assert (with_box.marks[0].label, with_box.marks[0].x1, with_box.test) == ("square", 8 / 64, None)
    assert without.marks == ()


def test_an_adapter_is_trained_on_several_labels_at_once(place: Place) -> None:
    project = place.at.project("moderate", Feature="CONTENT_MODERATION")
    names = (["Weapons", "Alcohol"], [], ["Alcohol"])
    lines = [
        {
            "source-ref": f"s3://{BUCKET}/{number}.png",
            "content-moderation-groundtruth": {"ModerationLabels": [{"Name": name} for name in found]},
        }
        for number, found in enumerate(names)
    ]
    cv2.imwrite(str(place.at.bucket / "0.png"), customs.colour("red", 64, 80))
    place.at.dataset(project, *lines)
    arn = place.at.ordered(project)
    train = Trainer(feature="CONTENT_MODERATION")
    assert place.station(train).look()
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"
    assert [sample.labels for sample in train.samples] == [("Alcohol", "Weapons"), (), ("Alcohol",)]
    assert (train.jobs[0].multi, train.jobs[0].feature) == (True, "CONTENT_MODERATION")


def test_what_is_wrong_with_the_data_is_told_the_device(place: Place) -> None:
    arn = ordered(place.at)
    assert place.station(Trainer(InputError("too few pictures of red; add some"))).look()
    told = place.at.described(arn)
    assert (told["Status"], told["StatusMessage"]) == ("TRAINING_FAILED", "too few pictures of red; add some")


@pytest.mark.parametrize("kind", ["TRAIN", "TEST"])
def test_pictures_that_cannot_be_had_are_what_is_wrong(place: Place, kind: str) -> None:
    project = place.at.project()
    cv2.imwrite(str(place.at.bucket / "red.png"), customs.colour("red", 64, 80))
    for one in ("TRAIN", "TEST"):
        absent = [line(f"nope/{number}.jpg", "red") for number in range(12)]
        place.at.dataset(project, *(absent if one == kind else [line("red.png", "red")]), kind=one)
    arn = place.at.ordered(project)
    assert place.station(device.trained).look()
    told = place.at.described(arn)
    reason = f"none of the 12 pictures of the {kind.lower()}ing data could be read: s3://{BUCKET}/nope/0.jpg: Unable to"
    assert (told["Status"], told["StatusMessage"][: len(reason)]) == ("TRAINING_FAILED", reason)


def test_a_picture_that_is_too_large_is_left_out_and_no_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = ordered(place.at)
    (place.at.bucket / "red1.png").write_bytes(bytes(5000))
    monkeypatch.setattr("edge.api.training.MOST_STORED", 4000)
    train = Trainer()
    assert place.station(train).look()
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"
    assert train.absent == 3


def test_pictures_that_are_broken_are_named_as_the_bucket_does(place: Place) -> None:
    project = place.at.project()
    for number in range(3):
        (place.at.bucket / f"{number}.png").write_bytes(b"no picture")
    place.at.dataset(project, *(line(f"{number}.png", "red") for number in range(3)))
    arn = place.at.ordered(project)
    assert place.station(device.trained).look()
    told = place.at.described(arn)["StatusMessage"]
    assert "the data set of colours/v1: " in told
    assert f"3 of its 3 pictures were left out, such as s3://{BUCKET}/0.png: " in told


def test_a_defect_is_told_too_and_not_hidden(place: Place) -> None:
    arn = ordered(place.at)
    with pytest.raises(ZeroDivisionError):
        place.station(Trainer(ZeroDivisionError("0"))).look()
    assert place.at.described(arn)["StatusMessage"] == "the workstation has a defect: ZeroDivisionError: 0"


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_who_was_ended_goes_on_without_asking_for_pictures_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    arn = ordered(place.at)
    with pytest.raises(type(fault)):
        place.station(Trainer(fault)).look()
    assert place.at.described(arn)["Status"] == "TRAINING_IN_PROGRESS"
    asked: list[int] = []
    once = Device._once

    def watched(self: Device, operation: str, body: bytes) -> Any:
        if operation == "GetImage":
            asked.append(json.loads(body)["Id"])
        return once(self, operation, body)

    monkeypatch.setattr(Device, "_once", watched)
    assert not place.station(Trainer(), "another").look()
    assert place.station(Trainer()).look()
    assert len(asked) == 2  # those that the device could not get
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"


def test_who_is_silent_for_too_long_loses_the_order_and_stops(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TELL", 0.01)
    monkeypatch.setattr(kept, "LEASE", 0.0)
    arn = ordered(place.at)
    other = place.station(Trainer(), "another")

    def slowly(_samples: Any, _root: Any, _job: Any, progress: Progress) -> Path:
        assert other.look()
        for _ in range(10_000):
            progress("learning", 0.5)
            threading.Event().wait(0.01)
        raise AssertionError("it never heard of it")

    station = place.station(slowly)
    assert station.look()
    assert "let go" in station.console.file.getvalue()  # type: ignore[attr-defined]
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"


def test_a_version_that_is_deleted_meanwhile_is_let_go(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LEASE", 0.0)
    arn = ordered(place.at)

    def deleting(*_: Any) -> Path:
        place.at.ask("DeleteProjectVersion", ProjectVersionArn=arn)
        return customs.pack(place.at.folder / "made")

    assert place.station(deleting).look()
    assert not place.station(Trainer()).look()


def test_a_device_that_is_away_for_a_moment_is_asked_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered(place.at)
    once, tries = Device._once, iter([OSError("away"), OSError("away")])

    def sometimes(self: Device, operation: str, body: bytes) -> Any:
        if operation == "PutPack" and (error := next(tries, None)):
            raise error
        return once(self, operation, body)

    monkeypatch.setattr(Device, "_once", sometimes)
    assert place.station(Trainer()).look()
    assert place.at.train("ListOrders") == {"Orders": []}


def test_a_key_may_do_this_and_nothing_else(place: Place) -> None:
    key, secret = place.keys.create("reader", [ready("read")])
    with pytest.raises(DeniedError, match="vedette:Train"):
        place.device(key_id=key.id, secret=secret).orders()
    with pytest.raises(DeniedError, match="signature"):
        place.device(secret="wrong").orders()


def test_what_is_no_device_is_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "PATIENCE", 0.0)
    for url in ("porch.lan:8432", "ftp://porch.lan", "http://porch.lan/api", "http://porch.lan:99999", "http://[::1"):
        with pytest.raises(InputError, match="no address of a device"):
            place.device(url=url)
    with pytest.raises(InputError, match="VEDETTE_SECRET"):
        place.device(secret="")
    with pytest.raises(UnavailableError, match="is the device on"):
        place.device(url="http://127.0.0.1:9").ask("ListOrders", patience=0.0)


def test_a_workstation_whose_packs_are_not_trusted_says_what_to_do(place: Place) -> None:
    ordered(place.at)
    station = place.station(Trainer())
    station.key.write_text(bytes(range(1, 33)).hex())
    with pytest.raises(InputError, match=r"vedette custom trust [0-9a-f]{64}"):
        station.look()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that would wait is ended."""

    def enough(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(device.time, "sleep", enough)


@pytest.mark.usefixtures("impatient")
def test_the_service_goes_on_while_there_are_no_orders(place: Place) -> None:
    assert "packs are signed by" in place.serve(place.at.folder / "work")


def test_two_on_one_host_do_not_fight_over_an_order(place: Place) -> None:
    arn = ordered(place.at)
    other = place.station(Trainer(), "another")

    def meanwhile(samples: Any, root: Any, job: Job, progress: Progress) -> Path:
        assert not other.look()
        return Trainer()(samples, root, job, progress)

    station = place.station(meanwhile)
    assert station.look()
    assert "let go" not in station.console.file.getvalue()  # type: ignore[attr-defined]
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"


def test_a_copy_of_a_work_folder_takes_an_order_once_and_no_more(place: Place) -> None:
    arn = ordered(place.at)
    twin = place.station(Trainer(), "twin")

    def first(_samples: Any, _root: Any, _job: Any, _progress: Any) -> Path:
        shutil.copy(station.home / nameplate.FILE, twin.home)
        assert twin.worker == station.worker
        twin.train = second
        assert twin.look()
        raise orders.LostError("The order is another one's by now")

    def second(samples: Any, root: Any, job: Job, progress: Progress) -> Path:
        claims.append(place.at_work())
        return Trainer()(samples, root, job, progress)

    claims: list[str] = []
    twin.home.mkdir()
    station = place.station(first)
    name = station.worker
    assert station.look()
    assert claims == [name]
    assert twin.worker == name != station.worker
    assert place.at.described(arn)["Status"] == "TRAINING_COMPLETED"


def test_a_workstation_is_known_by_its_host_and_by_its_folder(place: Place) -> None:
    first, other = place.station(Trainer()), place.station(Trainer(), "another")
    assert re.fullmatch(r"bench \([0-9a-f]{12}\)", first.worker)
    assert first.worker == place.station(Trainer()).worker != other.worker
    assert len(nameplate.name("h" * 1000, first.home)) <= 128  # as a device takes it
    for damaged in ("", "[]", '{"token": ', '{"token": "../.."}', '{"token": 1}'):
        (first.home / nameplate.FILE).write_text(damaged)
        assert re.fullmatch(r"bench \([0-9a-f]{12}\)", first.worker)


@pytest.mark.usefixtures("impatient")
def test_a_second_service_in_a_folder_ends_and_claims_nothing(place: Place) -> None:
    ordered(place.at)
    home = place.at.folder / "work"
    with state.locked(home), pytest.raises(UnavailableError) as refused:
        place.serve(home)
    assert str(refused.value) == (
        f"{home}: another workstation works there; wait until it has ended, or name another folder with --out"
    )
    assert place.at_work() == ""


@pytest.mark.usefixtures("impatient")
def test_a_work_folder_that_is_a_file_is_told_of_before_anything_is_claimed(place: Place) -> None:
    ordered(place.at)
    file = place.at.folder / "notes.txt"
    file.write_text("mine")
    with pytest.raises(StorageError, match=r"notes.txt: it is a file, .*; name another folder with --out"):
        place.serve(file)
    with pytest.raises(StorageError, match=r"notes.txt/work: Not a directory; name another folder with --out"):
        place.serve(file / "work")
    assert place.at_work() == ""
    assert file.read_text() == "mine"


def test_an_order_waits_while_another_training_works_in_its_folder(place: Place) -> None:
    ordered(place.at)
    station = place.station(Trainer())
    with state.locked(station.home / "colours" / "v1"):
        assert not station.look()
        assert not station.look()
    assert place.at_work() == ""
    said = station.console.file.getvalue()  # type: ignore[attr-defined]
    assert " ".join(said.split()).count("colours/v1: another training works in") == 1
    assert station.look()
