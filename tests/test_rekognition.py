"""What docs/REKOGNITION.md says is true: its TOML, commands, policy and tables are those of the code."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from edge import cli, config
from edge.endpoint import ApiSettings
from edge.keys import certificate, conditions, policy
from edge.keys.doubts import doubts

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "REKOGNITION.md").read_text("utf-8")
OURS = ("us-east-1", "000000000000")
NAME = "arn:aws:rekognition:us-east-1:000000000000:collection/visitors-2026"


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def words_of(row: str) -> list[str]:
    """What stands in quotes in a row of a table."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]
    return re.findall("`([^`]+)`", line)


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if line.startswith("$ vedette ")])
def test_its_commands_are_commands(line: str) -> None:
    assert cli.parser().parse_args(shlex.split(line.removeprefix("$ vedette "), comments=True)).handler


def test_its_toml_loads_also_with_what_is_commented_out(tmp_path: Path) -> None:
    file = tmp_path / "vedette.toml"
    assert config.parse(tomllib.loads(block("toml")), file).api.port == 8432
    every = config.parse(tomllib.loads(re.sub(r"(?m)^# ", "", block("toml"))), file)
    made = every.data / "tls"
    assert every.api.tls_certificate == made / certificate.CERTIFICATE
    assert every.api.tls_key == made / certificate.KEY
    assert [bool(bucket.folder) for bucket in every.api.buckets.values()] == [True, False]


def test_its_policy_is_meant_as_it_says() -> None:
    shown = policy.parse("door.json", block("json"))
    assert doubts(shown, *OURS) == []
    near = {"aws:SourceIp": "192.168.1.7", "aws:SecureTransport": "true"}
    for action, resource, allowed in (
        ("DetectFaces", "*", True),
        ("IndexFaces", NAME, True),
        ("IndexFaces", NAME.replace("visitors", "staff"), False),
        ("DeleteFaces", NAME, False),
        ("ListCollections", "*", False),
    ):
        assert policy.allowed([shown], f"rekognition:{action}", resource, near) is allowed, action
    for far in ({"aws:SourceIp": "10.0.0.1"}, {"aws:SecureTransport": "false"}):
        assert not policy.allowed([shown], "rekognition:IndexFaces", NAME, near | far)


def test_the_keys_and_operators_of_policies_are_all_there() -> None:
    keys = {key.lower().removesuffix("name") if key.endswith("/NAME") else key.lower() for key in words_of("keys")}
    assert keys == conditions.KNOWN | {*conditions.KNOWN_TAGS}
    assert words_of("operators") == [*conditions.OPERATORS, "Null"]
    assert {*words_of("with")} == {conditions.IF_EXISTS, "Null", conditions.ANY, conditions.ALL}


def defaults(model: type[BaseModel], within: str = "") -> dict[str, Any]:
    """Each key of a table and of those within it, as it stands in the TOML."""
    found = {}
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        nested = defaults(type(default), f"{within}{name}.") if isinstance(default, BaseModel) else {}
        found |= nested or {within + name: default}
    return found


def test_its_limits_are_the_keys_of_the_table_with_their_defaults() -> None:
    rows = re.findall(r"(?m)^\| `([a-z_.]+)` \|(?: `(.+?)`)? \| .+ \|$", PAGE)
    told = {key: tomllib.loads(f"x = {default}")["x"] if default else None for key, default in rows}
    assert told == defaults(ApiSettings)


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
