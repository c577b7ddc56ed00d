"""`vedette keys` and `vedette audit`, as they are typed."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import cli
from edge.api import chain, ends, folders
from edge.api.audit import Audit
from edge.api.refusals import Refused
from edge.api.trail import Call, record, unproven
from edge.database import connect
from edge.keys import Keys, open_master

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run `vedette` with these words; gives its status, and what it printed for people and as errors."""
    config = tmp_path / "vedette.toml"
    config.write_text('data = "data"\n[api]\nport = 8480\nregion = "eu-west-1"\n')

    def said(*words: object) -> tuple[int, str, str]:
        status = cli.main(["--config", str(config), *map(str, words)])
        return status, *capsys.readouterr()

    return said


def stored(tmp_path: Path) -> Keys:
    return Keys(connect(tmp_path / "data"), open_master(tmp_path / "data"))


def test_a_new_key_is_told_as_a_shell_takes_it(said: Said, tmp_path: Path) -> None:
    status, told, errors = said("keys", "create", "door")
    assert (status, errors) == (0, "")
    exported = dict(re.findall(r"^export (\w+)=(.*)$", told, re.MULTILINE))
    assert {line[:7] for line in told.splitlines()} == {"# door:", "export "}
    assert exported["AWS_REGION"] == exported["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert exported["AWS_ENDPOINT_URL_REKOGNITION"] == "http://127.0.0.1:8480"
    keys = stored(tmp_path)
    assert keys.secret(exported["AWS_ACCESS_KEY_ID"]) == exported["AWS_SECRET_ACCESS_KEY"]
    assert [policy.name for policy in keys.named("door").policies] == ["full"]
    keys.close()


def test_a_secret_is_told_once(said: Said) -> None:
    _, told, _ = said("keys", "create", "door", "--json")
    secret = json.loads(told)["secret_access_key"]
    for words in (["list"], ["list", "--json"], ["show", "door"], ["show", "door", "--json"]):
        status, told, _ = said("keys", *words)
        assert status == 0
        assert "door" in told
        assert secret not in told


def test_policies_and_quota_are_those_that_were_given(said: Said, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"Statement": {"Effect": "Deny", "Action": "rekognition:Delete*", "Resource": "*"}}')
    said("keys", "create", "door", "--policy", "read", "--policy", file, "--quota", "2.5")
    _, told, _ = said("keys", "show", "door", "--json")
    shown = json.loads(told)
    assert (shown["policies"], shown["quota"], shown["enabled"]) == (["read", "mine.json"], 2.5, True)
    assert shown["documents"][1]["Statement"]["Effect"] == "Deny"
    _, told, _ = said("keys", "list")
    assert re.search(r"door +AKIA\w{16} +read, mine\.json +2\.5/s +enabled", told)


def test_a_policy_takes_the_place_of_all_others(said: Said) -> None:
    said("keys", "create", "door")
    assert said("keys", "policy", "door", "read")[1] == "door: has the policy read from now on, and no other\n"
    _, told, _ = said("keys", "show", "door")
    assert "rekognition:Detect*" in told
    assert "full" not in told


def test_a_policy_that_is_hardly_meant_is_warned_of(said: Said, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"Statement": {"Effect": "Allow", "Action": "rekognition:DetectLabel", "Resource": "*"}}')
    status, _, warned = said("keys", "create", "door", "--policy", file)
    assert status == 0
    assert warned == f"vedette: {file}: Statement 1: 'rekognition:DetectLabel' is no operation of rekognition\n"


def test_a_key_is_disabled_enabled_and_deleted(said: Said) -> None:
    said("keys", "create", "door")
    assert said("keys", "disable", "door")[:2] == (0, "door: disabled\n")
    assert "disabled" in said("keys", "list")[1]
    assert said("keys", "enable", "door")[:2] == (0, "door: enabled\n")
    assert said("keys", "delete", "door")[:2] == (0, "door: deleted\n")
    assert "door" not in said("keys", "list")[1]


def test_where_the_master_key_is_lost_keys_can_be_listed_and_deleted_and_then_made_anew(
    said: Said, tmp_path: Path
) -> None:
    said("keys", "create", "door")
    (tmp_path / "data" / "master.key").unlink()
    status, _, told = said("keys", "create", "porch")
    assert (status, "master.key: missing, " in told) == (74, True)
    assert "vedette keys delete NAME" in told
    assert "door" in said("keys", "list")[1]
    assert said("keys", "show", "door")[0] == said("keys", "policy", "door", "read")[0] == 0
    assert said("keys", "delete", "door")[:2] == (0, "door: deleted\n")
    assert said("keys", "create", "porch")[0] == 0


def test_under_another_master_key_none_is_made_beside_those_that_it_does_not_open(said: Said, tmp_path: Path) -> None:
    said("keys", "create", "door")
    (tmp_path / "data" / "master.key").write_text("ab" * 32)
    status, _, told = said("keys", "create", "porch")
    assert (status, "the secret of key 'door' cannot be read: master.key beside it is not" in told) == (74, True)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["create", "a b"], 65, "not a name for a key"),
        (["create", "door", "--quota", "-1"], 65, "give requests a second"),
        (
            ["create", "door", "--policy", "none.json"],
            65,
            "none.json: No such file or directory; name a file with a pol",
        ),
        (["show", "nobody"], 66, "key 'nobody': no such key; see 'vedette keys list'"),
        (["policy", "nobody", "read"], 66, "no such key"),
        (["disable", "nobody"], 66, "no such key"),
        (["enable", "nobody"], 66, "no such key"),
        (["delete", "nobody"], 66, "no such key"),
        (["certificate", "--name", "http://box"], 65, "neither a host's name nor an address"),
    ],
)
def test_what_cannot_be_done_is_told(said: Said, words: list[str], status: int, message: str) -> None:
    done, told, errors = said("keys", *words)
    assert (done, told) == (status, "")
    assert message in errors


def test_a_key_that_signs_packs_is_made_once_and_known_by_its_fingerprint(said: Said, tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    status, told, _ = said("keys", "signing", file)
    assert status == 0
    made, fingerprint = told.splitlines()
    assert made == f"made the signing key {file}: whoever has it signs in your name"
    assert re.fullmatch("fingerprint [0-9a-f]{64}", fingerprint)
    assert said("keys", "signing", file) == (0, f"{fingerprint}\n", "")
    file.write_text("something else")
    status, _, errors = said("keys", "signing", file)
    assert (status, errors) == (
        65, f"vedette: {file}: no signing key; name another file, and a new key is made there\n"
    )  # fmt: skip


def test_where_the_endpoint_is_off_or_everywhere_it_is_said(said: Said, tmp_path: Path) -> None:
    config = tmp_path / "vedette.toml"
    config.write_text('data = "data"\n')
    told = said("keys", "create", "one")[1]
    assert "the endpoint is off: set port in the table [api]" in told
    assert "AWS_ENDPOINT_URL" not in told
    config.write_text('data = "data"\n[api]\nhost = "0.0.0.0"\nport = 8480\n')
    told = said("keys", "create", "two")[1]
    assert "0.0.0.0" not in told  # noqa: S104
    assert re.search(r"AWS_ENDPOINT_URL_REKOGNITION='?http://[^/]+:8480", told)


def test_the_endpoint_is_given_by_a_name_that_its_certificate_bears(said: Said, tmp_path: Path) -> None:
    said("keys", "certificate", "--name", "localhost", "--name", "porch.lan", "--name", "192.0.2.7")
    text = 'data = "data"\n[api]\nport = 8480\ntls_certificate = "data/tls/certificate.pem"\n'
    text += 'tls_key = "data/tls/certificate.key"\n'
    for host, told in (("0.0.0.0", "porch.lan"), ("192.0.2.7", "192.0.2.7"), ("192.0.2.8", "porch.lan")):  # noqa: S104
        (tmp_path / "vedette.toml").write_text(f'{text}host = "{host}"\n')
        assert f"AWS_ENDPOINT_URL_REKOGNITION=https://{told}:8480\n" in said("keys", "create", f"for-{host}")[1]


def test_a_certificate_is_made_once_and_how_to_trust_it_is_said(said: Said, tmp_path: Path) -> None:
    status, told, _ = said("keys", "certificate", "--name", "box.example", "--name", "192.0.2.7")
    file = tmp_path / "data" / "tls" / "certificate.pem"
    assert status == 0
    for words in (
        "box.example, 192.0.2.7",
        f'tls_certificate = "{file}"',
        "verify='certificate.pem'",
        "AWS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "--cacert",
    ):
        assert words in told
    assert file.with_suffix(".key").stat().st_mode & 0o777 == 0o600
    assert said("keys", "certificate")[0] == 65
    assert said("keys", "certificate", "--out", tmp_path / "other")[0] == 0
    config = tmp_path / "vedette.toml"
    config.write_text(config.read_text() + "".join(re.findall(r"  (tls_\w+ = .*\n)", told)))
    said("keys", "create", "door")
    exported = said("keys", "create", "porch")[1]
    assert f"export AWS_CA_BUNDLE={file}\n" in exported
    assert "https://box.example:8480" in exported


def entered(data: Path, folder: Path) -> Audit:
    """An audit as the endpoint opens it."""
    key = chain.key_of(open_master(data))
    audit = Audit(folder, key)
    audit.tell(folders.enter(data, key, folder, audit.number))
    return audit


def left(data: Path, audit: Audit) -> None:
    audit.close()
    folders.leave(data, chain.key_of(open_master(data)), audit.folder, audit.number)


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """An audit of three requests: one granted, one refused, one whose client is up to something."""
    data = tmp_path / "data"
    folder = data / "audit"
    audit = entered(data, folder)
    common: dict[str, Any] = {"at": 1772600767.0, "source": "192.0.2.7", "region": "r", "account": "123456789012"}
    resource = "arn:aws:rekognition:r:123456789012:collection/people"
    audit.write(record(Call("1", **common, operation="SearchFaces", user="door", resources=[resource])))
    audit.write(record(Call("2", **common, operation="DetectText", key_id="AKIAX", error="InvalidSignatureException")))
    audit.write(record(Call("3", **common, operation="\x1b[31mred", key_id="\x07")))
    left(data, audit)
    return folder


def test_a_whole_audit_is_verified(said: Said, audited: Path) -> None:
    status, told, errors = said("audit", "verify")
    assert (status, errors) == (0, "")
    assert told.startswith(f"{audited}: 3 records, 1 to 3; the last hash is ")
    assert told.endswith("none was altered, added or taken away\n")
    status, told, _ = said("audit", "verify", "--json")
    found = json.loads(told)
    assert (status, found["records"], found["findings"], found["folder"]) == (0, 3, [], str(audited))


def test_a_broken_audit_is_told_of(said: Said, audited: Path) -> None:
    (file,) = chain.files(audited)
    file.write_text(file.read_text().replace('"userName":"door"', '"userName":"evil"'))
    status, told, errors = said("audit", "verify")
    assert status == 1
    assert "line 1: altered" in errors
    assert "none was altered" not in told
    status, told, _ = said("audit", "verify", "--json")
    assert (status, len(json.loads(told)["findings"])) == (1, 1)


def test_the_newest_records_are_shown(said: Said, audited: Path) -> None:
    status, told, _ = said("audit", "tail")
    assert status == 0
    first, second, third = told.splitlines()[1:]
    assert first.split() == ["2026-03-04T05:06:07Z", "192.0.2.7", "door", "SearchFaces", "ok", "collection/people"]
    assert second.split()[2:5] == ["AKIAX", "DetectText", "InvalidSignatureException"]
    assert "\x1b" not in third
    assert "\x07" not in third
    lines = chain.files(audited)[0].read_text().splitlines()
    assert said("audit", "tail", "-n", "2", "--json")[1].splitlines() == lines[1:]


def test_what_is_made_is_told_by_its_name(said: Said, audited: Path, tmp_path: Path) -> None:
    audit = entered(tmp_path / "data", audited)
    for name, asked in (("CreateCollection", {"collectionId": "staff"}), ("CreateProject", {"projectName": "cats"})):
        audit.write({"eventTime": "9", "userIdentity": {}, "eventName": name, "requestParameters": asked})
    left(tmp_path / "data", audit)
    told = said("audit", "tail", "-n", "2")[1].splitlines()[1:]
    assert [line.split()[-1] for line in told] == ["collection/staff", "project/cats"]


def test_those_refused_unproven_are_shown_as_one(said: Said, audited: Path, tmp_path: Path) -> None:
    audit = entered(tmp_path / "data", audited)
    audit.write(unproven(Refused("UnrecognizedClientException", 0.0, 17, ["192.0.2.7"], ["AKIAX"]), 1772600768.0))
    left(tmp_path / "data", audit)
    told = said("audit", "tail", "-n", "1")[1].splitlines()[1]
    assert told.split()[1:5] == ["192.0.2.7", "-", "RequestsRefused", "UnrecognizedClientException"]
    assert told.endswith("17 requests were refused with UnrecognizedClientException, from 192.0.2.7")


def test_the_newest_records_are_found_over_several_files(said: Said, tmp_path: Path) -> None:
    data = tmp_path / "data"
    audit = Audit(data / "audit", chain.key_of(open_master(data)), size=1500)
    for number in range(9):
        audit.write({"eventTime": "-", "userIdentity": {}, "eventName": str(number)})
    audit.close()
    assert len(chain.files(data / "audit")) > 1
    told = said("audit", "tail", "-n", "8")[1].splitlines()[1:]
    assert [line.split()[3] for line in told] == [str(number) for number in range(1, 9)]


def test_what_two_processes_wrote_is_one_audit(said: Said, audited: Path, tmp_path: Path) -> None:
    second = audited.with_name("audit-2")
    audit = entered(tmp_path / "data", second)
    audit.write({"eventTime": "2026-03-04T05:06:06Z", "userIdentity": {}, "eventName": "Earlier"})
    left(tmp_path / "data", audit)
    status, told, _ = said("audit", "verify", "--json")
    assert (status, [json.loads(line)["folder"] for line in told.splitlines()]) == (0, [str(audited), str(second)])
    assert [line.split()[3] for line in said("audit", "tail")[1].splitlines()[1:3]] == ["Earlier", "SearchFaces"]
    (second / ends.HEAD).unlink()
    assert said("audit", "verify")[0] == 1


def test_a_folder_that_was_taken_away_as_a_whole_is_missed(said: Said, audited: Path, tmp_path: Path) -> None:
    data, second = tmp_path / "data", audited.with_name("audit-2")
    left(data, entered(data, second))
    shutil.rmtree(second)
    status, told, errors = said("audit", "verify")
    assert (status, errors) == (1, f"{second}: gone, though it was written to\n")
    assert f"{audited}: none was altered, added or taken away" in told
    shutil.rmtree(audited)
    status, _, errors = said("audit", "verify")
    assert (status, f"{audited}: gone, though it held records up to 3\n" in errors) == (1, True)
    left(data, entered(data, audited))  # the next start tells it in the audit, and goes on
    status, told, _ = said("audit", "verify")
    assert status == 0
    assert f"note: {second} was gone when this was started, though it was written to" in told
    assert "note: there were 3 records, and 0 when this was started: it was put back to an earlier state" in told
    assert told.endswith("none was altered or added, and none taken away but as the notes tell\n")


def test_a_folder_that_was_put_back_to_an_earlier_state_is_noticed(said: Said, audited: Path, tmp_path: Path) -> None:
    shutil.copytree(audited, tmp_path / "kept")
    again = entered(tmp_path / "data", audited)
    again.write({"eventName": "Later"})
    left(tmp_path / "data", again)
    shutil.rmtree(audited)
    shutil.copytree(tmp_path / "kept", audited)
    status, _, errors = said("audit", "verify")
    assert (status, errors) == (
        1,
        f"{audited}: ends at record 3, though there were 4: it was put back to an earlier state\n",
    )


@pytest.mark.parametrize("statement", ["DELETE FROM audit_folders", "UPDATE audit_folders SET numbers = '{}'"])
def test_a_list_of_folders_that_was_tampered_with_is_told(
    said: Said, audited: Path, tmp_path: Path, statement: str
) -> None:
    data = tmp_path / "data"
    with sqlite3.connect(data / "vedette.db") as raw:
        raw.execute(statement)
    raw.close()
    status, _, errors = said("audit", "verify")
    assert status == 1
    assert errors.startswith(f"{audited}: the list of the audit's folders in vedette.db is altered, missing or of")
    left(data, entered(data, audited))
    status, told, _ = said("audit", "verify")
    assert (status, "note: when this was started, the list of the audit's folders" in told) == (0, True)


def test_under_another_master_key_nothing_is_called_altered(said: Said, audited: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "master.key").write_text("ab" * 32)
    status, told, errors = said("audit", "verify")
    assert (status, told) == (1, "")
    assert f"{audited}: all of it was written under another master.key: put that back" in errors
    assert "its hash is not" not in errors


def test_a_line_that_is_no_record_is_shown_as_one(said: Said, audited: Path) -> None:
    (file,) = chain.files(audited)
    file.write_bytes(file.read_bytes() + b"\xff half a rec")
    assert "unreadable: see 'vedette audit verify'" in said("audit", "tail")[1]


def test_where_there_is_no_audit_it_is_said(said: Said, tmp_path: Path) -> None:
    assert said("audit", "tail")[0] == 66
    status, _, errors = said("audit", "verify")
    assert status == 66
    assert "no audit here; it begins with the first request to the endpoint" in errors
    assert not (tmp_path / "data").exists()
    (tmp_path / "data" / "audit").mkdir(parents=True)
    assert "master.key: missing, and the audit is verified with the one" in said("audit", "verify")[2]
    (tmp_path / "data" / "audit").rmdir()
    open_master(tmp_path / "data")
    assert "no audit here; it begins when the endpoint is first started" in said("audit", "verify")[2]
    assert "no audit here" in said("audit", "tail")[2]
