"""`vedette custom`, with real packs, a real self-test and the database of a device."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.commands import custom
from edge.custom import InUseError, NewVersion, NoProjectError, NoVersionError, Projects
from edge.database import connect
from edge.errors import DeniedError, InputError
from edge.packs.signing import fingerprint
from tests.edge import customs
from tests.edge.customs import KEY, pack

SIGNER = fingerprint(KEY.public)
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "vedette.toml").write_text('data = "data"\n[models]\nstore = "models"\n')
    parser = argparse.ArgumentParser()
    custom.add(parser.add_subparsers())

    def run(*words: object) -> int:
        args = parser.parse_args(["custom", *map(str, words)])
        args.config = tmp_path / "vedette.toml"
        return int(args.handler(args))

    return run


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Projects]:
    with closing(Projects(connect(tmp_path / "data"))) as opened:
        yield opened


@pytest.fixture
def two(run: Run, tmp_path: Path) -> None:
    """Two versions, the second of which serves."""
    for name in ("v1", "v2"):
        run("install", pack(tmp_path, f"colours/{name}", made_at=1.8e9), "--trust", SIGNER, "--start")


def test_a_signer_is_trusted_before_there_is_a_pack(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        run("trust", "abc")
    assert run("trust", SIGNER) == 0
    assert run("trust", SIGNER) == 0
    assert capsys.readouterr().out == f"{SIGNER}: trusted\n" * 2
    assert run("install", pack(tmp_path)) == 0


def shown(run: Run, capsys: pytest.CaptureFixture[str]) -> dict[str, SimpleNamespace]:
    capsys.readouterr()
    assert run("list", "--json") == 0
    documents = map(json.loads, capsys.readouterr().out.splitlines())
    return {f"{one['project']}/{one['version']}": SimpleNamespace(**one) for one in documents}


def test_a_pack_is_installed_listed_started_and_stopped(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = pack(tmp_path)
    with pytest.raises(DeniedError, match=f"'vedette custom install {file} --trust {SIGNER}'"):
        run("install", file)
    assert run("install", file, "--trust", SIGNER) == 0
    assert capsys.readouterr().out == "colours/v1: installed\n"
    (version,) = shown(run, capsys).values()
    assert (version.status, version.serves_as, version.f1) == ("TRAINING_COMPLETED", "", 0.9)
    assert [label["name"] for label in version.labels] == ["blue", "green", "red"]
    assert run("start", "colours") == 0
    assert capsys.readouterr().out == "colours/v1: runs\n"
    assert run("list") == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["PROJECT", "VERSION", "STATUS"]
    assert row.split()[:5] == ["colours", "v1", "RUNNING", "current", "0.900"]
    assert run("stop", "colours") == 0
    assert capsys.readouterr().out == "colours/v1: stopped\ncolours: no version serves\n"
    assert shown(run, capsys)["colours/v1"].status == "STOPPED"
    with pytest.raises(InputError, match="no version runs"):
        run("stop", "colours")


@pytest.mark.usefixtures("two")
def test_two_versions_run_side_by_side_and_one_is_rolled_back(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    there = shown(run, capsys)
    assert {name: (one.status, one.serves_as) for name, one in there.items()} == {
        "colours/v1": ("RUNNING", "previous"),
        "colours/v2": ("RUNNING", "current"),
    }
    assert run("rollback", "colours") == 0
    assert capsys.readouterr().out == "colours: v1 serves\n"
    assert shown(run, capsys)["colours/v2"].serves_as == "previous"
    run("stop", "colours/v2")
    capsys.readouterr()
    assert run("rollback", "colours") == 0
    assert capsys.readouterr().out == "colours/v2: runs\n"
    assert shown(run, capsys)["colours/v2"].serves_as == "current"


def test_a_version_that_fails_its_self_test_leaves_the_one_before_at_work(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("install", pack(tmp_path, "colours/v1"), "--trust", SIGNER, "--start")
    with pytest.raises(InputError, match=r"^colours/v2: .*; v1 goes on$") as caught:
        run("install", pack(tmp_path, "colours/v2", sound=False), "--start")
    assert "\n" not in str(caught.value)
    there = shown(run, capsys)
    assert (there["colours/v1"].status, there["colours/v1"].serves_as) == ("RUNNING", "current")
    assert (there["colours/v2"].status, there["colours/v2"].serves_as) == ("FAILED", "")
    assert there["colours/v2"].message in str(caught.value)
    run("list")
    assert f"colours/v2: {there['colours/v2'].message}" in capsys.readouterr().out


def test_a_version_whose_files_were_altered_is_not_started(run: Run, tmp_path: Path) -> None:
    run("install", pack(tmp_path), "--trust", SIGNER)
    (weights,) = (tmp_path / "models" / "custom").glob("*/openvino.bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(InputError, match=r"openvino.bin was altered: install the pack again; no version .* runs"):
        run("start", "colours/v1")
    run("install", tmp_path / "colours-v1.vedette")
    assert run("start", "colours/v1") == 0


def test_a_shadow_stands_beside_the_one_that_serves(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = pack(tmp_path, "colours/v2")
    with pytest.raises(InputError, match="no other version runs"):
        run("install", file, "--trust", SIGNER, "--shadow")
    assert shown(run, capsys) == {}
    run("install", pack(tmp_path, "colours/v1"), "--trust", SIGNER, "--start")
    run("install", file)
    assert run("start", "colours/v2", "--shadow") == 0
    there = shown(run, capsys)
    assert (there["colours/v1"].serves_as, there["colours/v2"].serves_as) == ("current", "shadow")
    run("start", "colours/v2")
    there = shown(run, capsys)
    assert (there["colours/v1"].serves_as, there["colours/v2"].serves_as) == ("previous", "current")


@pytest.mark.usefixtures("two")
def test_what_runs_cannot_be_deleted_and_what_is_deleted_leaves_no_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InUseError, match="colours/v1 is RUNNING; stop it first"):
        run("delete", "colours/v1")
    run("stop", "colours/v1")
    assert run("delete", "colours/v1") == 0
    there = shown(run, capsys)
    assert list(there) == ["colours/v2"]
    folders = [path.name for path in (tmp_path / "models" / "custom").iterdir() if path.is_dir()]
    assert folders == [there["colours/v2"].digest]
    with pytest.raises(InputError, match="no version served before this one"):
        run("rollback", "colours")


def test_names_that_are_not_there_are_told_with_those_that_are(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NoProjectError, match="no project 'colours': there is none; create one, or install a pack"):
        run("start", "colours")
    run("install", pack(tmp_path), "--trust", SIGNER)
    with pytest.raises(NoProjectError, match="no project 'shapes': there is colours"):
        run("stop", "shapes")
    with pytest.raises(NoVersionError, match="no version 'v9' of project 'colours': there is v1"):
        run("delete", "colours/v9")
    with pytest.raises(InputError, match="names no version; write PROJECT/VERSION"):
        run("delete", "colours")


def test_a_project_without_a_model_starts_nothing(run: Run, projects: Projects) -> None:
    projects.create_project("colours")
    with pytest.raises(InputError, match="has no version yet; install a pack"):
        run("start", "colours")


def test_a_version_that_nobody_closes_is_stopped_all_the_same(
    run: Run, tmp_path: Path, projects: Projects, capsys: pytest.CaptureFixture[str]
) -> None:
    run("install", pack(tmp_path), "--trust", SIGNER, "--start")
    projects.stop("colours", "v1")
    assert run("stop", "colours") == 0
    assert shown(run, capsys)["colours/v1"].status == "STOPPED"


def test_a_training_that_no_workstation_comes_for_is_given_up(
    run: Run, projects: Projects, capsys: pytest.CaptureFixture[str]
) -> None:
    projects.create_project("colours")
    projects.create_version(NewVersion("colours", "v1"))
    with pytest.raises(InputError, match="colours/v1: is TRAINING_IN_PROGRESS, and has no model yet"):
        run("start", "colours/v1")
    assert run("delete", "colours/v1") == 0
    assert shown(run, capsys) == {}


@pytest.mark.usefixtures("two")
def test_a_third_version_that_is_started_stops_the_first(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run("install", pack(tmp_path, "colours/v3"), "--start")
    assert capsys.readouterr().out == "colours/v3: installed\ncolours/v3: runs\ncolours/v1: stopped\n"
    there = shown(run, capsys)
    assert [there[f"colours/{name}"].serves_as for name in ("v1", "v2", "v3")] == ["", "previous", "current"]
    assert there["colours/v1"].status == "STOPPED"


def test_a_shadow_stops_with_the_last_version_that_serves(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("install", pack(tmp_path, "colours/v1"), "--trust", SIGNER, "--start")
    run("install", pack(tmp_path, "colours/v2"), "--shadow")
    capsys.readouterr()
    run("stop", "colours/v1")
    assert capsys.readouterr().out == "colours/v1: stopped\ncolours/v2: stopped\ncolours: no version serves\n"
    assert {one.status for one in shown(run, capsys).values()} == {"STOPPED"}


@pytest.mark.parametrize("place", ["", "a b", "example,nope", "colours/", "/v1", "colours/v1/2", "..", "colours/.."])
@pytest.mark.parametrize("action", ["start", "stop", "delete"])
def test_what_is_no_version_is_told_in_one_sentence(run: Run, action: str, place: str) -> None:
    with pytest.raises(InputError, match="names no version; write PROJECT or PROJECT/VERSION") as caught:
        run(action, place)
    assert "\n" not in str(caught.value)


def test_a_back_end_that_is_passed_over_is_told_without_its_library_s_own_words(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def garbage(folder: Path, _: str) -> None:
        (folder / "openvino.xml").write_text("garbage")
        (folder / "openvino.bin").write_text("garbage")

    monkeypatch.setattr(customs, "_network", garbage)
    run("install", pack(tmp_path, backends=("openvino", "tflite")), "--trust", SIGNER, "--start")
    out, errors = capfd.readouterr()
    assert out.startswith("colours/v1: installed\ncolours/v1: runs\ncolours/v1: tflite speaks, not openvino: ")
    assert "not a model that OpenVINO can read" in out
    assert errors == ""


def test_a_fingerprint_in_capitals_is_trusted(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("trust", SIGNER.upper()) == 0
    assert capsys.readouterr().out == f"{SIGNER}: trusted\n"
    assert run("install", pack(tmp_path), "--trust", SIGNER.upper()) == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--file", "../../etc/passwd"), "leads out of the devices' custom.folder"),
        (("--file", "/etc/passwd"), "leads out of the devices' custom.folder"),
        (("--file", ""), "is no name of 1 to 2048 characters without spaces"),
        (("--url", ""), "is no address of 1 to 2048 characters without spaces"),
        (("--url", "http://a b"), "is no address of 1 to 2048 characters without spaces"),
        (("--url", "http://[::1"), "is none of http:// or https://, without a user in it"),
        (("--url", "ftp://here/pack"), "is none of http:// or https://, without a user in it"),
    ],
)
def test_what_devices_would_refuse_is_not_announced(
    run: Run, tmp_path: Path, words: tuple[str, str], reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        run("announce", pack(tmp_path), *words)
    assert str(caught.value).startswith(f"{words[0]} {words[1]!r}: {reason}; ")
