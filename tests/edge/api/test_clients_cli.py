"""The AWS CLI against `vedette serve`: each command as it is typed, in a process of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from tests.edge.api import toolbox
from tests.edge.api.meddling import meddling
from tests.edge.api.serving import REGION, Key, Site
from tests.edge.api.story import (
    PEOPLE,
    REFUSALS,
    THROTTLED,
    Pictures,
    Refusal,
    Refused,
    look,
    persistently,
    refused,
    remember,
)
from tests.edge.api.strictly import strict, strict_fault

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]

FAILED = 255  # what the CLI's first version ends with; its second one, with 254
REFUSED = re.compile(
    r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \(reached max retries: 0\))?: (.*)"
)
HEARD = re.compile(r"Response body:\n(b['\"].*)")  # what --debug writes
# Twenty minutes behind: loaded by Python before the CLI.
LATE = """
import datetime
class Late(datetime.datetime):
    @classmethod
    def now(cls, zone=None):
        return super().now(zone) - datetime.timedelta(minutes=20)
    @classmethod
    def utcnow(cls):
        return super().utcnow() - datetime.timedelta(minutes=20)
datetime.datetime = Late
"""


class Cli:
    """Types operations as commands, with pictures in files, and holds every answer against the model."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._words = words
        self._folder = folder
        self._environment = environment

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        options = [word for name, value in members.items() for word in self._option(name, value)]
        done = self.typed("rekognition", xform_name(operation, "-"), *options, "--debug")
        heard = HEARD.search(done.stderr)
        assert heard, done.stderr[-3000:]
        body = ast.literal_eval(heard[1])
        if done.returncode == 0:
            strict(operation, body)
            values: dict[str, Any] = json.loads(done.stdout or "{}")
            return values
        told = REFUSED.search(done.stderr)
        assert told, done.stderr[-3000:]
        assert told[2] == operation
        code, message = strict_fault(operation, 400, body)
        raise Refused(code, message, typed=(told[1], told[3], done.returncode) == (code, message, FAILED))

    def typed(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self._words, *words]
        return subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )

    def _option(self, name: str, value: Any) -> list[str]:
        option = f"--{xform_name(name, '-')}"
        if isinstance(value, dict) and "Bytes" in value:
            (self._folder / name).write_bytes(value["Bytes"])
            return [f"{option}-bytes", f"fileb://{name}"]
        if isinstance(value, dict):
            return [option, json.dumps(value)]
        return [option, *value] if isinstance(value, list) else [option, str(value)]


@pytest.fixture(scope="module")
def words() -> list[str]:
    return toolbox.command_line()


def environment(url: str, key: Key, **more: object) -> dict[str, str]:
    """What a user exports, and nothing that this machine's user has set up."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {
        "AWS_ACCESS_KEY_ID": key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_REKOGNITION": url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
        **{name: str(value) for name, value in more.items()},
    }


@pytest.fixture
def call(words: list[str], site: Site, tmp_path: Path) -> Cli:
    return Cli(words, tmp_path, environment(site.servers["http"].url, site.full))


@pytest.fixture(params=["http", "https"])
def each(request: pytest.FixtureRequest, words: list[str], site: Site, tmp_path: Path) -> Cli:
    url = site.servers[request.param].url
    return Cli(words, tmp_path, environment(url, site.full, AWS_CA_BUNDLE=site.certificate))


def test_it_looks_at_pictures(each: Cli, pictures: Pictures) -> None:
    look(each, pictures)


def test_it_remembers_people(each: Cli, pictures: Pictures) -> None:
    remember(each, pictures)


def test_the_first_example_works_as_typed(call: Cli) -> None:
    done = call.typed(
        "rekognition", "detect-labels",
        "--image", '{"S3Object":{"Bucket":"my-bucket","Name":"images/photo.jpg"}}',
        "--max-labels", "10", "--min-confidence", "75",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    labels = json.loads(done.stdout)["Labels"]
    assert "Person" in [label["Name"] for label in labels]
    assert min(label["Confidence"] for label in labels) >= 75


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_told_by_its_name(call: Cli, pictures: Pictures, case: Refusal) -> None:
    told = refused(call, case.operation, **case.members(pictures))
    assert (told.code, told.typed) == (case.code, True)
    assert case.words in told.message


def test_a_policy_denies_what_it_does_not_allow(words: list[str], site: Site, tmp_path: Path) -> None:
    call = Cli(words, tmp_path, environment(site.servers["http"].url, site.narrow))
    told = refused(call, "DescribeCollection", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("AccessDeniedException", True)
    assert told.message == site.denial("rekognition:DescribeCollection", f"collection/{PEOPLE}")


def test_a_wrong_secret_is_refused(words: list[str], site: Site, tmp_path: Path) -> None:
    mixed = Key(site.full.id, site.narrow.secret)
    told = refused(Cli(words, tmp_path, environment(site.servers["http"].url, mixed)), "ListCollections")
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Check your AWS Secret Access Key" in told.message


def test_a_clock_that_is_wrong_is_told_so(words: list[str], site: Site, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATE)
    late = environment(site.servers["http"].url, site.full, PYTHONPATH=tmp_path)
    told = refused(Cli(words, tmp_path, late), "ListCollections")
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Signature expired" in told.message


def test_what_was_not_signed_is_refused(words: list[str], site: Site, tmp_path: Path) -> None:
    with meddling(site.servers["http"].url) as url:
        told = refused(Cli(words, tmp_path, environment(url, site.full)), "ListFaces", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("InvalidSignatureException", True)


def test_a_key_that_asks_too_often_is_slowed_down(words: list[str], site: Site, tmp_path: Path) -> None:
    told = persistently(Cli(words, tmp_path, environment(site.servers["http"].url, site.rare)), "ListCollections")
    assert (told.code, told.typed) == ("ProvisionedThroughputExceededException", True)


@pytest.mark.usefixtures("flooded")
def test_a_full_queue_throttles(call: Cli) -> None:
    told = persistently(call, "ListCollections")
    assert (told.code, told.typed) == ("ThrottlingException", True)
    assert told.message == THROTTLED
