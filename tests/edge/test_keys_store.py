"""Access keys in SQLite: what one process does another sees at once, and a stolen database tells no secret."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.database import NAME, connect
from edge.errors import InputError, MasterKeyError, MissingError
from edge.keys import Keys, open_master, policy
from edge.keys.store import check

Open = Callable[[], Keys]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Keys of one folder, as each process opens them."""
    made: list[Keys] = []

    def opened() -> Keys:
        made.append(Keys(connect(tmp_path), open_master(tmp_path)))
        return made[-1]

    yield opened
    for keys in made:
        keys.close()


def test_a_key_is_shaped_as_aws_shapes_them(opened: Open) -> None:
    key, secret = opened().create("door", quota=2.5)
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key.id)
    assert re.fullmatch(r"[A-Za-z0-9]{40}", secret)
    assert (key.name, key.quota, key.enabled) == ("door", 2.5, True)
    assert [each.name for each in key.policies] == ["full"]


def test_what_was_made_is_found_after_a_start(opened: Open) -> None:
    key, secret = opened().create("door", [policy.ready("read")], quota=3)
    keys = opened()
    assert keys.find(key.id) == key
    assert keys.named("door") == key
    assert keys.secret(key.id) == secret
    assert keys.find("AKIAAAAAAAAAAAAAAAAA") is None
    with pytest.raises(MissingError, match="no such key; see 'vedette keys list'"):
        keys.secret("AKIAAAAAAAAAAAAAAAAA")


def test_what_another_process_does_is_seen_at_once(opened: Open) -> None:
    server, command = opened(), opened()
    key, secret = command.create("door")
    assert server.find(key.id) == key
    assert server.secret(key.id) == secret
    command.disable("door")
    found = server.find(key.id)
    assert found
    assert not found.enabled
    command.enable("door")
    command.set_policy("door", policy.ready("read"))
    found = server.find(key.id)
    assert found
    assert found.enabled
    assert [each.name for each in found.policies] == ["read"]
    command.delete("door")
    assert server.find(key.id) is None
    assert server.list() == []


def test_nothing_is_read_again_while_nothing_changes(opened: Open, tmp_path: Path) -> None:
    keys = opened()
    key, _ = keys.create("door")
    keys.find(key.id)
    statements: list[str] = []
    keys._database.conn.set_trace_callback(statements.append)
    for _ in range(3):
        keys.find(key.id)
    assert statements == ["SELECT number FROM access_keys_changes"] * 3
    other = connect(tmp_path)
    other.conn.execute("CREATE TABLE events_of_somebody_else (id)")
    keys.find(key.id)
    assert statements == ["SELECT number FROM access_keys_changes"] * 4
    other.close()


def test_keys_are_listed_by_name(opened: Open) -> None:
    keys = opened()
    for name in ("porch", "attic", "door"):
        keys.create(name)
    assert [key.name for key in keys.list()] == ["attic", "door", "porch"]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a" * 65, "é", "a\n", "$(x)"])
def test_a_name_must_be_one_that_arns_can_hold(opened: Open, name: str) -> None:
    with pytest.raises(InputError, match="not a name for a key; take 1 to 64 of A-Z"):
        opened().create(name)


def test_a_name_is_given_once(opened: Open) -> None:
    keys = opened()
    keys.create("door")
    with pytest.raises(InputError, match="'door' exists already: choose another name, or delete it first"):
        keys.create("door")
    keys.delete("door")
    keys.create("door")


@pytest.mark.parametrize("quota", [-1.0, float("nan"), float("inf")])
def test_a_quota_is_a_rate(opened: Open, quota: float) -> None:
    with pytest.raises(InputError, match="give requests a second"):
        opened().create("door", quota=quota)


@pytest.mark.parametrize("change", [Keys.delete, Keys.disable, Keys.enable])
def test_who_is_not_there_cannot_be_changed(opened: Open, change: Callable[[Keys, str], None]) -> None:
    with pytest.raises(MissingError, match="key 'nobody': no such key"):
        change(opened(), "nobody")


def test_many_threads_share_them(opened: Open) -> None:
    keys = opened()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda at: keys.create(f"key-{at}"), range(40)))
        secrets = list(pool.map(lambda one: keys.secret(one[0].id), made))
    assert secrets == [secret for _, secret in made]
    assert len(keys.list()) == 40


def test_a_stolen_database_tells_no_secret(opened: Open, tmp_path: Path) -> None:
    keys = opened()
    made = [keys.create(f"key-{at}") for at in range(5)]
    keys.delete("key-4")
    stolen = tmp_path / "stolen"
    stolen.mkdir()
    for file in tmp_path.glob(f"{NAME}*"):
        shutil.copy(file, stolen)
    bytes_of_it = b"".join(file.read_bytes() for file in stolen.iterdir())
    assert made[0][0].id.encode() in bytes_of_it
    assert (stolen / f"{NAME}-wal").stat().st_size
    for _, secret in made:
        assert secret.encode() not in bytes_of_it
        assert secret[:12].encode() not in bytes_of_it
    with pytest.raises(MasterKeyError, match=r"master\.key: missing"):
        open_master(stolen)
    thief = Keys(connect(stolen), open_master(tmp_path / "made up"))
    key = thief.find(made[0][0].id)
    assert key
    with pytest.raises(MasterKeyError, match=r"key 'key-0' cannot be read: master.key beside it is not the one it was"):
        thief.secret(key.id)
    thief.close()


def test_under_another_master_secret_no_key_is_made(opened: Open, tmp_path: Path) -> None:
    keys = opened()
    keys.check()
    old, _ = keys.create("old")
    said = "secret of key 'old' cannot be read: .* or delete the key with 'vedette keys delete old' and make it anew"
    other = Keys(connect(tmp_path), open_master(tmp_path / "elsewhere"))
    for step in (other.check, lambda: other.create("new"), lambda: other.secret(old.id)):
        with pytest.raises(MasterKeyError, match=said):
            step()
    assert other.list() == [old]
    other.delete("old")
    other.create("new")
    other.check()
    other.close()


def test_without_a_master_secret_all_else_can_be_done(opened: Open, tmp_path: Path) -> None:
    key, _ = opened().create("door")
    keys = Keys(connect(tmp_path), None)
    assert keys.list() == [key]
    keys.disable("door")
    keys.set_policy("door", policy.ready("read"))
    for step in (keys.check, lambda: keys.create("new"), lambda: keys.secret(key.id)):
        with pytest.raises(MasterKeyError, match=r"opened without master\.key"):
            step()
    keys.delete("door")
    assert keys.list() == []
    keys.close()


def test_a_folder_is_checked_without_making_anything(opened: Open, tmp_path: Path) -> None:
    check(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    opened().create("door")
    check(tmp_path)
    (tmp_path / "master.key").unlink()
    with pytest.raises(MasterKeyError, match="missing"):
        check(tmp_path)
    assert not (tmp_path / "master.key").exists()


def test_a_secret_cannot_be_passed_off_as_another_keys(opened: Open, tmp_path: Path) -> None:
    keys = opened()
    (mine, _), (theirs, _) = keys.create("mine"), keys.create("theirs")
    with sqlite3.connect(tmp_path / NAME) as raw:
        (sealed,) = raw.execute("SELECT sealed FROM access_keys WHERE id = ?", [mine.id]).fetchone()
        raw.execute("UPDATE access_keys SET sealed = ? WHERE id = ?", [sealed, theirs.id])
        raw.execute("UPDATE access_keys_changes SET number = number + 1")
    raw.close()
    with pytest.raises(MasterKeyError, match="'theirs' cannot be read"):
        keys.secret(theirs.id)


def test_a_key_whose_policies_are_damaged_may_do_nothing(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = opened()
    (broken, _), (whole, _) = keys.create("broken"), keys.create("whole")
    with sqlite3.connect(tmp_path / NAME) as raw:
        raw.execute("UPDATE access_keys SET policies = '[{]' WHERE name = 'broken'")
        raw.execute("UPDATE access_keys_changes SET number = number + 1")
    raw.close()
    found = keys.find(broken.id)
    assert found
    assert found.policies == ()
    assert keys.find(whole.id) == whole
    assert "key 'broken' may do nothing: its policies are damaged" in caplog.text
