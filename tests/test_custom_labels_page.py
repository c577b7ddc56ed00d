"""What docs/CUSTOM_LABELS.md says is true: its TOML loads, its commands parse, what they print holds."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from edge import cli, config
from edge.api.capabilities import GROUPS
from edge.custom import manifests
from edge.custom.manifests import CustomSettings
from edge.events import schema

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))

import walkthrough  # noqa: E402

PAGE = (ROOT / "docs" / "CUSTOM_LABELS.md").read_text("utf-8")
BLOCKS = list(walkthrough.BLOCK.finditer(PAGE))
COMMANDS = [one for block in BLOCKS if block["kind"] == "console" for one in walkthrough.commands(block["text"])]


def words(line: str, program: str) -> list[list[str]]:
    """The arguments of each call of a program in a line of the shell, those within `$(…)` as well."""
    line = line.replace("\\\n", " ")
    inner = re.findall(r"\$\(([^()]*)\)", line)
    outer = re.sub(r"\$\([^()]*\)", "X", line).replace("2>", ">")
    calls = [call for part in (outer, *inner) for call in re.findall(rf"(?:^|[;|&] ?){program} ([^|;&>]*)", part)]
    return [shlex.split(call) for call in calls]


def said(beginning: str) -> str:
    return next(one.said for one in COMMANDS if one.line.startswith(beginning))


def test_its_toml_is_a_valid_configuration(tmp_path: Path) -> None:
    (toml,) = [block["text"] for block in BLOCKS if block["name"] == "vedette.toml"]
    loaded = config.parse(tomllib.loads(toml), tmp_path / "vedette.toml")
    assert loaded.cameras["yard"].custom.projects == ("example",)
    assert loaded.stills.clean
    assert loaded.custom.manifests


def test_its_commands_are_commands() -> None:
    calls = [call for one in COMMANDS for call in words(one.line, "vedette")]
    assert len(calls) > 15
    for call in calls:
        assert cli.parser().parse_args(call).handler, call


def test_its_programs_call_what_is_offered() -> None:
    operations = {call for block in BLOCKS if block["kind"] == "python" for call in calls_in(block["text"])}
    assert {"detect_custom_labels", "create_project_version", "create_dataset"} <= operations
    offered = {name for group in GROUPS.values() for name, one in group.items() if one.state == "offered"}
    assert operations <= {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in offered}


def calls_in(program: str) -> set[str]:
    """Which operations a program asks a client for."""
    nodes = (node.func for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call))
    attributes = [func for func in nodes if isinstance(func, ast.Attribute) and ast.unparse(func.value) == "client"]
    return {func.attr for func in attributes} - {"get_waiter"}


def test_its_training_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich", reason="the trainer's display is not installed")
    import training.command as train

    monkeypatch.setattr(sys, "argv", ["tools/train"])
    calls = [call for one in COMMANDS for call in words(one.line, "tools/train")]
    assert len(calls) > 3
    for call in calls:
        assert train.parser().parse_args(call)


def test_its_output_was_printed_by_commands_that_went_well() -> None:
    for one in COMMANDS:
        assert not re.search(r"^(vedette: |train: |Traceback)", one.said, re.MULTILINE), one
    assert tempfile.gettempdir() not in PAGE


def test_its_event_is_one() -> None:
    event = said("mosquitto_sub -t vedette/porch/yard/custom_labels")
    assert schema.validate(event).type == "custom_labels"
    assert json.loads(event)["values"]["project"] == "example"


def test_its_announcement_is_followed_to_its_end() -> None:
    topic, _, payload = said("vedette --config vedette.toml custom announce").partition(": ")
    assert topic == f"{manifests.topics('vedette', 'porch')[0]}/example"
    assert manifests.read("example", payload.encode()).start
    told = [json.loads(line) for line in said("mosquitto_sub -t vedette/porch/-/custom_pack").splitlines()]
    assert [one["state"] for one in told] == ["installed", "running"]
    assert all(schema.CustomPack.model_validate(one) for one in told)


def test_every_action_and_setting_is_named() -> None:
    actions = cli.parser()._subparsers._group_actions[0].choices["custom"]._subparsers._group_actions[0]  # type: ignore[union-attr, index]
    assert [name for name in actions.choices if f"`{name}`" not in PAGE] == []  # type: ignore[union-attr]
    assert [name for name in CustomSettings.model_fields if name not in PAGE] == []


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_it_is_walked_through_again(tmp_path: Path) -> None:
    page = "```toml a.toml\nx = 1\n```\n\n```console\n$ cat a.toml \\\n  && false\nold\n$ seq 90\n```\n"
    again = walkthrough.walk(page, tmp_path, {"PATH": "/usr/bin:/bin"})
    lines = again.splitlines()
    assert lines[4:8] == ["```console", "$ cat a.toml \\", "  && false", "x = 1"]
    assert lines[8] == "$ seq 90"
    assert lines[9:][:2] == ["1", "2"]
    assert "…" in lines
    assert walkthrough.walk(again, tmp_path, {"PATH": "/usr/bin:/bin"}) == again
