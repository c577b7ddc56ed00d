"""AWS's SDK for JavaScript against `vedette serve`: one Node.js process, spoken to in lines of JSON."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
from tests.edge.api.strictly import modelled, strict, strict_fault

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]

SCRIPT = Path(__file__).with_name("sdk_calls.mjs")
LATE = -20 * 60 * 1000  # milliseconds

Speak = Callable[[dict[str, Any]], dict[str, Any]]


class JavaScript:
    """Has operations called by the SDK, and holds every answer against the model."""

    def __init__(self, speak: Speak, url: str, key: Key, **settings: Any) -> None:
        self._speak = speak
        credentials = {"accessKeyId": key.id, "secretAccessKey": key.secret}
        self._settings = {
            "endpoint": url, "region": REGION, "credentials": credentials, "maxAttempts": 1, **settings
        }  # fmt: skip

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        told = self._speak({"settings": self._settings, "operation": operation, "members": members})
        assert told["metadata"]["requestId"]
        body = told["body"].encode()
        if "code" not in told:
            strict(operation, body)
            values: dict[str, Any] = told["values"]
            return values
        code, message = strict_fault(operation, told["metadata"]["httpStatusCode"], body)
        expected = code if code in modelled(operation) else "RekognitionServiceException"
        typed = (told["code"], told["message"], told["typed"], told["ours"]) == (code, message, expected, True)
        raise Refused(code, message, typed=typed)


@pytest.fixture(scope="module")
def speak(site: Site) -> Iterator[Speak]:
    """Says a document to the script, and gives what it answers."""
    command = ["node", str(SCRIPT), str(toolbox.javascript())]
    own = {"NODE_EXTRA_CA_CERTS": str(site.certificate), "NODE_NO_WARNINGS": "1", "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | own) as node:
        assert node.stdin
        assert node.stdout
        stdin, stdout = node.stdin, node.stdout

        def speak(document: dict[str, Any]) -> dict[str, Any]:
            stdin.write(json.dumps(document, default=_blob).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
            assert line, "the script has ended"
            answer: dict[str, Any] = json.loads(line)
            return answer

        yield speak
        stdin.close()
        assert node.wait(30) == 0


def _blob(value: object) -> dict[str, str]:
    assert isinstance(value, bytes)
    return {"$bytes": base64.b64encode(value).decode("ascii")}


@pytest.fixture
def call(speak: Speak, site: Site) -> JavaScript:
    return JavaScript(speak, site.servers["http"].url, site.full)


@pytest.fixture(params=["http", "https"])
def each(request: pytest.FixtureRequest, speak: Speak, site: Site) -> JavaScript:
    return JavaScript(speak, site.servers[request.param].url, site.full)


def test_it_looks_at_pictures(each: JavaScript, pictures: Pictures) -> None:
    look(each, pictures)


def test_it_remembers_people(each: JavaScript, pictures: Pictures) -> None:
    remember(each, pictures)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_an_exception_of_its_own(call: JavaScript, pictures: Pictures, case: Refusal) -> None:
    told = refused(call, case.operation, **case.members(pictures))
    assert (told.code, told.typed) == (case.code, True)
    assert case.words in told.message


def test_a_policy_denies_what_it_does_not_allow(speak: Speak, site: Site) -> None:
    told = refused(JavaScript(speak, site.servers["http"].url, site.narrow), "DescribeCollection", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("AccessDeniedException", True)
    assert told.message == site.denial("rekognition:DescribeCollection", f"collection/{PEOPLE}")


def test_a_wrong_secret_is_refused(speak: Speak, site: Site) -> None:
    mixed = Key(site.full.id, site.narrow.secret)
    told = refused(JavaScript(speak, site.servers["http"].url, mixed), "ListCollections")
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Check your AWS Secret Access Key" in told.message


def test_a_clock_that_is_wrong_is_told_so(speak: Speak, site: Site) -> None:
    late = JavaScript(speak, site.servers["http"].url, site.full, systemClockOffset=LATE)
    told = refused(late, "ListCollections")
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Signature expired" in told.message


def test_a_clock_that_is_wrong_is_mended_by_our_date(speak: Speak, site: Site) -> None:
    late = JavaScript(speak, site.servers["http"].url, site.full, systemClockOffset=LATE, maxAttempts=2)
    assert PEOPLE in late("ListCollections")["CollectionIds"]


def test_what_was_not_signed_is_refused(speak: Speak, site: Site) -> None:
    with meddling(site.servers["http"].url) as url:
        told = refused(JavaScript(speak, url, site.full), "ListFaces", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("InvalidSignatureException", True)


def test_a_key_that_asks_too_often_is_slowed_down(speak: Speak, site: Site) -> None:
    told = persistently(JavaScript(speak, site.servers["http"].url, site.rare), "ListCollections")
    assert (told.code, told.typed) == ("ProvisionedThroughputExceededException", True)


@pytest.mark.usefixtures("flooded")
def test_a_full_queue_throttles(call: JavaScript) -> None:
    told = persistently(call, "ListCollections")
    assert (told.code, told.typed) == ("ThrottlingException", True)
    assert told.message == THROTTLED
