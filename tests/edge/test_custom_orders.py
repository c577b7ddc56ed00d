"""Entries of manifests, training orders, packs on their way in: what is kept, what is refused, what a kill leaves."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import database
from edge.custom import NewVersion, Projects, entries
from edge.custom.datasets import part
from edge.custom.entries import bucket_of, entry, shown, told
from edge.custom.orders import LEASE, LostError
from edge.custom.uploads import Uploads
from edge.errors import DiskError, InputError, UnavailableError

ROOT = Path(__file__).parents[2]
LINE = {
    "source-ref": "s3://photos/1.png",
    "c": 1,
    "c-metadata": {"class-name": "red", "type": "groundtruth/image-classification"},
}


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Projects]:
    with closing(Projects(database.connect(tmp_path))) as made:
        made.create_project("p")
        yield made


@given(st.text(max_size=300) | st.dictionaries(st.sampled_from([*LINE, "b"]), st.text() | st.none()).map(json.dumps))
def test_whatever_a_line_is_it_can_be_listed(line: str) -> None:
    for found in entries.read(line.encode("utf-8", "replace")):
        listed = json.loads(shown(found.line, labeled=bool(found.labels), problems=told(found.problems)))
        assert isinstance(listed["cl-metadata"], dict)
        assert found.kind or found.problems or not found.labels
        again = entry(found.line)
        assert (again.line, again.kind, again.problems) == (found.line, found.kind, found.problems)


def test_a_long_line_is_cut_and_told_of() -> None:
    found = entry(json.dumps(LINE | {"note": "ä" * 60_000}))
    assert len(found.line) < 100_000
    assert [one.code for one in found.problems] == ["ERROR_INVALID_JSON_LINE"]


@pytest.mark.parametrize("source", ["", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "photos/1.png"])
def test_a_picture_lies_in_a_bucket(source: str) -> None:
    assert bucket_of(source) == ("", "")


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_a_fifth_is_drawn_of_each_group(sizes: list[int]) -> None:
    groups = [[(100 * at + number, f"{at}-{number}") for number in range(size)] for at, size in enumerate(sizes)]
    moved = part(groups)
    assert len(set(moved)) == len(moved)
    assert abs(len(moved) - sum(sizes) / 5) <= 1
    for at, size in enumerate(sizes):
        assert abs(sum(number // 100 == at for number in moved) - size / 5) <= 1


def test_a_claim_holds_while_it_is_used(projects: Projects) -> None:
    version = projects.order(NewVersion("p", "v1"), [(None, entry(json.dumps(LINE)))])
    claim = projects.claim(version, "bench", 0.0).claim
    projects.held(version, claim, LEASE * 3)  # nobody else was there
    other = projects.claim(version, "other", LEASE * 4 + 1).claim
    with pytest.raises(LostError):
        projects.held(version, claim, LEASE * 4 + 2)
    projects.fail_training(version, "no")
    with pytest.raises(LostError):
        projects.held(version, other, LEASE * 4 + 3)
    assert projects.orders() == []


def test_an_order_that_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from edge import database
from edge.custom import NewVersion, Projects, entries
projects = Projects(database.connect(Path({str(tmp_path)!r})))
projects.create_project("p")
line = {json.dumps(LINE)!r}
train = projects.create_dataset("p", "TRAIN", entries.read(line.encode()))
version = projects.order(NewVersion("p", "v1"), [(False, one) for one in projects.entries(train)])
claim = projects.claim(version, "bench", 1.0)
print(claim.claim, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(Projects(database.connect(tmp_path))) as seen:
        assert seen.dataset_stats(seen.dataset("p", "TRAIN")).labeled == 1
        (order,) = seen.orders()
        version = seen.version_by_key(order.version)
        assert [json.loads(one.line) for one in seen.ordered(order, 0, 10)] == [LINE]
        seen.held(version, done.stdout.strip(), 2.0)


def test_what_belongs_to_no_order_is_swept(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "training")
    uploads.sweep({1})  # before there is a folder
    for version in (1, 12):
        uploads.add(version, "ab", 0, b"piece")
    uploads.sweep({1})
    assert (uploads.received(1, "ab"), uploads.received(12, "ab"), uploads.newest(1)) == (5, 0, 5)


@given(st.lists(st.integers(0, 30), max_size=20))
def test_pieces_in_any_order_make_the_whole_or_tell_what_is_missing(
    tmp_path_factory: pytest.TempPathFactory, offsets: list[int]
) -> None:
    data = os.urandom(40)
    digest = hashlib.sha256(data).hexdigest()
    uploads = Uploads(tmp_path_factory.mktemp("uploads"))
    for offset in offsets:
        there = uploads.received(1, digest)
        now = uploads.add(1, digest, offset, data[offset : offset + 10])
        assert now == (max(there, offset + 10) if offset <= there else there)
    while (there := uploads.received(1, digest)) < len(data):
        uploads.add(1, digest, there, data[there : there + 10])
    assert uploads.whole(1, digest).read_bytes() == data


def test_what_arrived_otherwise_is_forgotten(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    uploads.add(1, "0" * 64, 0, b"another")
    with pytest.raises(InputError, match="send it again"):
        uploads.whole(1, "0" * 64)
    assert uploads.newest(1) == 0
    with pytest.raises(UnavailableError, match="ask again"):
        uploads.whole(1, "0" * 64)


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "training").write_text("in the way")
    with pytest.raises(DiskError, match="training"):
        Uploads(tmp_path / "training").add(1, "ab", 0, b"piece")


def test_who_reads_waits_for_nobody_who_writes(projects: Projects) -> None:
    with projects._writing() as connection:
        connection.execute("UPDATE projects SET status = 'DELETING'")
        assert projects.project("p").status == "CREATED"
    assert projects.project("p").status == "DELETING"
