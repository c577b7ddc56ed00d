"""The audit: what a record says, and that nothing in the files can be altered, taken away or left unfinished unseen."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.api import audit, chain, ends, trail
from edge.api.audit import Audit
from edge.api.trail import Call, record
from edge.api.verifying import Verdict, verify
from edge.errors import DiskError, MissingError, UnavailableError

KEY = bytes(range(32))
CALL = Call(
    "4ee3f1a2-0000-4000-8000-000000000001",
    1772600767.5,
    "192.0.2.7",
    "us-east-1",
    "123456789012",
    operation="IndexFaces",
    agent="Boto3/1.40",
    key_id="AKIAABCDEFGHIJKLMNOP",
    user="door",
    members={
        "CollectionId": "people",
        "Image": {"Bytes": b"picture"},
        "Tags": {"Where": "Door"},
        "DetectionAttributes": ["ALL"],
    },
    answer={"FaceModelVersion": "1", "FaceRecords": [{"Face": {"Confidence": 99.5}}]},
    resources=["arn:aws:rekognition:us-east-1:123456789012:collection/people"],
)


def test_a_record_tells_whose_operation_it_is() -> None:
    assert record(CALL)["eventSource"] == "rekognition.amazonaws.com"
    assert record(replace(CALL, operation="PutPack", members={"Bytes": b"pack"}))["eventSource"] == "training.vedette"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Audit]]:
    """Audits of one folder, closed at the end."""
    made: list[Audit] = []

    def opened(**settings: Any) -> Audit:
        made.append(Audit(tmp_path / "audit", KEY, **settings))
        return made[-1]

    yield opened
    for one in made:
        one.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def written(folder: Path, count: int, **settings: Any) -> None:
    """Has so many records, `IndexFaces` each."""
    one = Audit(folder, KEY, **settings)
    for _ in range(count):
        one.write(record(CALL))
    one.close()


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in chain.files(folder) for line in file.read_text().splitlines()]


def test_a_record_has_cloudtrails_shape() -> None:
    told = record(CALL)
    assert told.pop("eventID")
    assert told == {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AKIAABCDEFGHIJKLMNOP",
            "arn": "arn:aws:iam::123456789012:user/door",
            "accountId": "123456789012",
            "accessKeyId": "AKIAABCDEFGHIJKLMNOP",
            "userName": "door",
        },
        "eventTime": "2026-03-04T05:06:07Z",
        "eventSource": "rekognition.amazonaws.com",
        "eventName": "IndexFaces",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "Boto3/1.40",
        "requestParameters": {
            "collectionId": "people",
            "image": {"bytes": {"size": 7, "sha256": hashlib.sha256(b"picture").hexdigest()}},
            "tags": {"Where": "Door"},
            "detectionAttributes": ["ALL"],
        },
        "responseElements": {"faceModelVersion": "1", "faceRecords": [{"face": {"confidence": 99.5}}]},
        "requestID": "4ee3f1a2-0000-4000-8000-000000000001",
        "readOnly": False,
        "resources": [
            {"accountId": "123456789012", "ARN": "arn:aws:rekognition:us-east-1:123456789012:collection/people"}
        ],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    }


def test_what_only_reads_tells_no_answer() -> None:
    told = record(Call("1", 0.0, "::1", "us-east-1", "123456789012", "DetectFaces", user="ada", answer={"A": 1}))
    assert told["readOnly"]
    assert told["responseElements"] is None


def test_a_refused_request_tells_why_and_claims_nobody() -> None:
    told = record(
        Call("1", 0.0, "::1", "r", "1", "TagResource", key_id="AKIA", error="InvalidSignatureException", message="m")
    )
    assert told["userIdentity"] == {"type": "Unknown", "accessKeyId": "AKIA"}
    assert (told["errorCode"], told["errorMessage"]) == ("InvalidSignatureException", "m")
    assert told["requestParameters"] is None


def test_tls_is_told_where_there_was_any() -> None:
    told = record(
        Call("1", 0.0, "::1", "r", "1", tls={"version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "host": "box"})
    )
    assert told["tlsDetails"] == {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": "box",
    }


def test_a_long_part_is_told_by_its_hash() -> None:
    told = record(Call("1", 0.0, "::1", "r", "1", members={"FaceIds": ["a" * 36] * 4096}, agent="x" * 9999))
    assert set(told["requestParameters"]) == {"omitted"}
    assert len(told["userAgent"]) == 256


def test_records_follow_each_other(folder: Path) -> None:
    written(folder, 3)
    found = [one["chain"] for one in records(folder)]
    assert [one["number"] for one in found] == [1, 2, 3]
    assert [one["previous"] for one in found] == [chain.BEGINNING, found[0]["hash"], found[1]["hash"]]
    verdict = verify(folder, KEY)
    assert (verdict.records, verdict.findings, verdict.notes) == (3, [], [])
    assert verdict.last == chain.Link(3, found[2]["hash"])


def test_nobody_else_may_read_it(folder: Path) -> None:
    written(folder, 1)
    assert [path.stat().st_mode & 0o777 for path in (folder, *chain.files(folder), folder / ends.HEAD)] == [
        0o700,
        0o600,
        0o600,
    ]


def test_the_chain_goes_on_over_starts_and_files(folder: Path) -> None:
    for _ in range(3):
        written(folder, 10, size=4000)
    assert len(chain.files(folder)) > 5
    verdict = verify(folder, KEY)
    assert (verdict.records, verdict.first, verdict.findings) == (30, 1, [])


def test_the_oldest_files_go_and_are_not_missed(folder: Path) -> None:
    written(folder, 30, size=4000, keep=3)
    files = chain.files(folder)
    assert len(files) == 3
    verdict = verify(folder, KEY)
    assert verdict.findings == []
    assert verdict.first == chain.first_of(files[0]) > 1
    written(folder, 1, size=4000, keep=1)
    assert (len(chain.files(folder)), verify(folder, KEY).findings) == (1, [])


def lines(folder: Path) -> tuple[Path, list[bytes]]:
    (file,) = chain.files(folder)
    return file, file.read_bytes().splitlines(keepends=True)


def test_an_altered_record_is_found(folder: Path) -> None:
    written(folder, 5)
    file, five = lines(folder)
    five[2] = five[2].replace(b"192.0.2.7", b"192.0.2.8")
    file.write_bytes(b"".join(five))
    assert verify(folder, KEY).findings == [
        "audit-000000000001.jsonl: line 3: altered: its hash is not that of what it says"
    ]


@given(place=st.integers(0, 5000), byte=st.integers(0, 255))
def test_no_byte_can_be_altered(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    folder = tmp_path_factory.mktemp("audit")
    written(folder, 3)
    (file,) = chain.files(folder)
    data = bytearray(file.read_bytes())
    before = data[place % len(data)]
    data[place % len(data)] = byte
    file.write_bytes(data)
    assert bool(verify(folder, KEY).findings) == (before != byte)


def test_a_key_that_stands_twice_is_an_alteration(folder: Path) -> None:
    written(folder, 1)
    file, (line,) = lines(folder)
    file.write_bytes(b'{"eventName":"DetectFaces",' + line[1:])
    assert "line 1: altered" in verify(folder, KEY).findings[0]


def test_a_removed_record_is_found(folder: Path) -> None:
    written(folder, 5)
    file, five = lines(folder)
    file.write_bytes(b"".join(five[:1] + five[3:]))
    assert verify(folder, KEY).findings == ["audit-000000000001.jsonl: line 2: records 2 to 3 are missing before it"]


def test_records_in_another_order_are_found(folder: Path) -> None:
    written(folder, 3)
    file, (one, two, three) = lines(folder)
    file.write_bytes(one + three + two)
    assert "line 2: record 2 is missing before it" in verify(folder, KEY).findings[0]
    file.write_bytes(one + one + two + three)
    assert "line 2: record 1 stands here again" in verify(folder, KEY).findings[0]


@pytest.mark.parametrize("left", [0, 3])
def test_a_cut_end_is_found(folder: Path, left: int) -> None:
    written(folder, 5)
    file, five = lines(folder)
    file.write_bytes(b"".join(five[:left]))
    assert verify(folder, KEY).findings == [f"the end: records {left + 1} to 5 are missing, though written once"]
    written(folder, 1)
    verdict = verify(folder, KEY)
    assert verdict.findings[0].endswith(
        f"records {left + 1} to 5 are missing before it" + ": a file was taken away" * (not left)
    )
    assert verdict.notes == [f"records {left + 1} to 5 were missing when this was started"]


@pytest.mark.parametrize("at", [0, 1, -1])
def test_a_missing_file_is_found(folder: Path, at: int) -> None:
    written(folder, 12, size=4000)
    files = chain.files(folder)
    gone = files[at]
    gone.unlink()
    (finding,) = verify(folder, KEY).findings
    first = chain.first_of(gone)
    assert f" {first} " in finding
    assert "missing" in finding


def test_a_missing_or_forged_head_is_found(folder: Path) -> None:
    written(folder, 3)
    head = folder / ends.HEAD
    raw = json.loads(head.read_text())
    head.write_text(json.dumps(raw | {"number": 2}))
    assert "head.json: missing or altered" in verify(folder, KEY).findings[0]
    head.unlink()
    assert "head.json: missing or altered" in verify(folder, KEY).findings[0]
    written(folder, 1)
    verdict = verify(folder, KEY)
    assert verdict.findings == []
    assert "head.json was missing or altered" in verdict.notes[0]


def test_without_the_key_nothing_can_be_chained_anew(folder: Path) -> None:
    written(folder, 3)
    head = (folder / ends.HEAD).read_bytes()
    file, three = lines(folder)
    forger = Audit(folder, bytes(32))
    forger.write({"eventName": "Harmless"})
    forger.close()
    altered = "audit-000000000001.jsonl: lines 4 to 5: altered: their hashes are not those of what they say"
    unsure = "missing or altered: whether the {} records were cut off cannot be told"
    assert verify(folder, KEY).findings == [f"head.json: {unsure.format('newest')}", altered]
    (folder / ends.HEAD).write_bytes(head)
    assert verify(folder, KEY).findings == [f"newest.json: {unsure.format('last')}", altered]
    file.write_bytes(b"".join(three))
    assert verify(folder, KEY).findings == [f"newest.json: {unsure.format('last')}"]


def test_another_master_key_is_told_as_such(folder: Path) -> None:
    written(folder, 3)
    said = "all of it was written under another master.key: put that back, without which nobody can tell"
    assert verify(folder, bytes(32)).findings == [said]
    one = Audit(folder, bytes(32))
    one.write({"eventName": "after"})
    one.close()
    after = verify(folder, bytes(32))
    assert after.findings == [
        "audit-000000000001.jsonl: lines 1 to 3: altered: their hashes are not those of what they say"
    ]
    assert after.notes == [
        "the records before this one were written under another master.key, which alone verifies them"
    ]
    assert after.last
    assert after.last.number == 5


def test_a_head_that_claims_another_key_hides_nothing(folder: Path) -> None:
    written(folder, 3)
    head = folder / ends.HEAD
    head.write_text(json.dumps(json.loads(head.read_text()) | {"key": "0" * 16}))
    assert verify(folder, KEY).findings == [
        "head.json: missing or altered: whether the newest records were cut off cannot be told"
    ]


# The end of a process


@pytest.fixture
def killed(folder: Path) -> Path:
    """Of five records whose process was killed at once, long before it would have forced them to disk."""
    code = (
        "import os, sys; from pathlib import Path; from edge.api.audit import Audit\n"
        "audit = Audit(Path(sys.argv[1]), bytes(range(32)))\n"
        "for number in range(5):\n"
        "    audit.write({'eventName': str(number)})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == -signal.SIGKILL
    head = ends.read_head(folder, KEY)
    assert head
    assert head.last.number == 0
    return folder


def test_after_a_kill_no_record_is_missing_and_none_can_be_taken_away(killed: Path) -> None:
    assert verify(killed, KEY) == Verdict(5, 1, verify(killed, KEY).last)
    file, five = lines(killed)
    file.write_bytes(b"".join(five[:3]))
    assert verify(killed, KEY).findings == ["the end: records 4 to 5 are missing, though written once"]
    written(killed, 1)
    verdict = verify(killed, KEY)
    assert verdict.findings[0].endswith("line 4: records 4 to 5 are missing before it")
    assert verdict.notes == ["records 4 to 5 were missing when this was started"]


@pytest.mark.parametrize("boot", ["another", ""])
def test_what_a_power_cut_may_have_taken_is_told_and_no_finding(
    killed: Path, monkeypatch: pytest.MonkeyPatch, boot: str
) -> None:
    file, five = lines(killed)
    file.write_bytes(b"".join(five[:3]))
    monkeypatch.setattr(ends, "boot", lambda: boot)
    said = (
        "records 4 to 5 of the second before the machine last went down are not there: they were lost with its power,"
        " or taken away"
    )
    verdict = verify(killed, KEY)
    assert (verdict.findings, verdict.notes) == ([], [said])
    written(killed, 1)
    verdict = verify(killed, KEY)
    assert (verdict.findings, verdict.notes, verdict.records) == ([], [said], 5)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("{}")])
def test_without_the_word_of_the_last_record_its_absence_is_not_ruled_out(
    killed: Path, spoil: Callable[[Path], object]
) -> None:
    file, five = lines(killed)
    file.write_bytes(b"".join(five[:3]))
    spoil(killed / ends.NEWEST)
    assert verify(killed, KEY).findings == [
        "newest.json: missing or altered: whether the last records were cut off cannot be told"
    ]
    written(killed, 1)
    verdict = verify(killed, KEY)
    assert verdict.findings == []
    assert verdict.notes == ["newest.json was missing or altered: records may have been cut off before this one"]


def test_the_word_of_the_last_record_has_one_size(opened: Callable[..., Audit], folder: Path) -> None:
    one = opened()
    sizes = {(folder / ends.NEWEST).stat().st_size}
    for _ in range(3):
        one.write({"eventName": "x"})
        sizes.add((folder / ends.NEWEST).stat().st_size)
    assert sizes == {ends.SIZE}
    newest = ends.read_newest(folder, KEY)
    assert newest
    assert (newest.last.number, newest.binding) == (3, ends.boot() != "")


def test_a_folder_that_is_taken_away_while_it_is_written_to_ends_the_service(
    opened: Callable[..., Audit], folder: Path
) -> None:
    one = opened()
    one.write({"eventName": "x"})
    shutil.rmtree(folder)
    with pytest.raises(DiskError, match="its file was taken away; start this anew"):
        one.write({"eventName": "y"})
    with pytest.raises(DiskError):
        one.check()
    folder.mkdir()  # where it may say so at its end


def test_where_nothing_was_written_there_is_nothing_to_verify(folder: Path) -> None:
    with pytest.raises(MissingError, match="no audit here"):
        verify(folder, KEY)


@pytest.mark.parametrize("cut", [1, 40, 500])
def test_an_unfinished_record_is_told_and_cut_off(folder: Path, cut: int) -> None:
    written(folder, 3)
    (file,) = chain.files(folder)
    half = chain.seal(record(CALL), verify(folder, KEY).last or chain.Link(0, ""), KEY)[0][:-cut]
    with file.open("ab") as stream:
        stream.write(half)
    before = verify(folder, KEY)
    whole = cut == 1  # it lacks nothing but its end
    assert (before.findings, before.records, len(before.notes)) == ([], 3 + whole, 1 - whole)
    written(folder, 1)
    after = verify(folder, KEY)
    assert (after.findings, after.records) == ([], 5)
    assert after.notes == [f"{file.name}: {len(half)} bytes of an unfinished record were cut off"] * (1 - whole)


def test_a_killed_process_loses_no_record_that_was_written(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edge.api.audit import Audit\n"
        "audit = Audit(Path(sys.argv[1]), bytes(range(32)), size=20000)\n"
        "for number in range(1, 10**9):\n"
        "    audit.write({'eventName': str(number)}); print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout as told:
        for line in told:
            if int(line) == 300:
                process.send_signal(signal.SIGKILL)
                break
        acknowledged = int((told.read().split() or ["300"])[-1])
    process.wait()
    written(folder, 1)
    verdict = verify(folder, KEY)
    assert verdict.findings == []
    assert verdict.records + verdict.first - 1 >= acknowledged + 1
    assert [int(one["eventName"]) for one in records(folder)[:-1] if one["eventName"].isdecimal()][-1] >= acknowledged


def test_many_threads_make_one_chain(opened: Callable[..., Audit], folder: Path) -> None:
    one = opened(size=20_000, keep=1000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: one.write(record(CALL)), range(200)))
    one.sync()
    verdict = verify(folder, KEY)
    assert (verdict.records, verdict.findings) == (200, [])


def test_one_process_writes_at_a_time(opened: Callable[..., Audit]) -> None:
    opened()
    with pytest.raises(UnavailableError, match="another process writes its audit there"):
        opened()


class Disk:
    """Takes so many bytes more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 1 << 40
        self._write = os.write
        monkeypatch.setattr(audit.os, "write", self.write)  # type: ignore[attr-defined]

    def write(self, file: int, data: bytes) -> int:
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._write(file, data[: self.left])
        self.left -= taken
        return taken


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_a_required_audit_that_cannot_be_written_refuses_until_it_can(
    opened: Callable[..., Audit], disk: Disk, folder: Path
) -> None:
    one = opened()
    one.write({"eventName": "before"})
    one.check()
    disk.left = 30
    with pytest.raises(DiskError, match="No space left on device; make room there"):
        one.write({"eventName": "during"})
    with pytest.raises(DiskError):
        one.check()
    disk.left = 1 << 40
    assert one.fault.endswith("No space left on device; make room there")
    one.check()
    assert one.fault == ""
    one.write({"eventName": "after"})
    assert [each["eventName"] for each in records(folder)] == ["before", "during", "after"]
    assert verify(folder, KEY).findings == []


def test_what_waits_is_written_without_being_asked_and_the_log_tells_once(
    opened: Callable[..., Audit], disk: Disk, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = opened()
    disk.left = 0
    for _ in range(audit.OWED + 2):
        with pytest.raises(DiskError):
            one.write({"eventName": "x"})
    for _ in range(2):
        with pytest.raises(DiskError):
            one.sync()
    disk.left = 1 << 40
    one.sync()
    assert len(records(folder)) == audit.OWED + 1
    assert verify(folder, KEY).notes == ["2 records were lost while the audit could not be written"]
    assert [message.rpartition(": ")[2] for message in caplog.messages] == [
        "No space left on device; make room there",
        "it can be written again",
    ]


def test_an_audit_that_is_not_required_counts_what_it_loses(
    opened: Callable[..., Audit], disk: Disk, folder: Path
) -> None:
    one = opened(required=False)
    disk.left = 0
    for number in range(audit.OWED + 3):
        one.write({"eventName": str(number)})
        one.check()
    assert one.fault == ""
    disk.left = 1 << 40
    one.check()
    assert len(records(folder)) == audit.OWED + 1
    verdict = verify(folder, KEY)
    assert (verdict.findings, verdict.notes) == ([], ["3 records were lost while the audit could not be written"])


def test_the_disk_is_waited_for_only_when_asked(
    opened: Callable[..., Audit], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened()
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(audit.os, "fsync", lambda file: (synced.append(file), real(file)))  # type: ignore[attr-defined]
    for _ in range(3):
        one.write({"eventName": "x"})
    assert synced == []
    one.sync()
    assert synced
    head = ends.read_head(folder, KEY)
    assert head
    assert head.last.number == 3
    synced.clear()
    one.sync()
    assert synced == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(members=st.dictionaries(st.text(max_size=9), json_values, max_size=4), agent=st.text())
def test_whatever_a_client_sends_can_be_sealed_and_opened(members: dict[str, Any], agent: str) -> None:
    told = record(Call("1", 0.0, "::1", "r", "1", agent=agent, members=members))
    line, link = chain.seal(told, chain.Link(0, chain.BEGINNING), KEY)
    assert line.count(b"\n") == 1
    found = chain.opened(line[:-1], KEY)
    assert found
    assert found[1] == link


@given(st.binary(max_size=60) | json_values.filter(lambda value: not isinstance(value, bytes)).map(str))
def test_garbage_is_no_record(line: bytes | str) -> None:
    assert chain.opened(line.encode("utf-8", "replace") if isinstance(line, str) else line, KEY) is None


def test_own_sentences_have_the_same_shape() -> None:
    told = trail.own("AuditRepair", ["one", "two"], 0.0)
    assert told["serviceEventDetails"] == {"told": ["one", "two"]}
    assert told["eventTime"] == "1970-01-01T00:00:00Z"
