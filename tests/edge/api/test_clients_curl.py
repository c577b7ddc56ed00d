"""curl with its own signatures against `vedette serve`: what a shell script sends, and what it reads."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.edge.api import toolbox
from tests.edge.api.meddling import SAID, meddling
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


class Curl:
    """Posts operations, and holds every answer against the model."""

    def __init__(self, folder: Path, url: str, key: Key, *options: str) -> None:
        self._body = folder / "body.json"
        self._command = [
            toolbox.curl(), "--silent", "--show-error", "--noproxy", "*",
            "--write-out", r"\n%{http_code} %{content_type}",
            "--aws-sigv4", f"aws:amz:{REGION}:rekognition", "--user", f"{key.id}:{key.secret}",
            "--header", "Content-Type: application/x-amz-json-1.1", "--data-binary", f"@{self._body}", *options, url,
        ]  # fmt: skip

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        self._body.write_text(json.dumps(members, default=lambda data: base64.b64encode(data).decode("ascii")))
        target = ["--header", f"X-Amz-Target: RekognitionService.{operation}"]
        done = subprocess.run([*self._command, *target], capture_output=True, check=True)
        body, status = done.stdout.rsplit(b"\n", 1)
        if status == b"200 application/x-amz-json-1.1":
            strict(operation, body)
            values: dict[str, Any] = json.loads(body)
            return values
        told = json.loads(body)
        code, message = strict_fault(operation, 400, body)
        typed = status == b"400 application/x-amz-json-1.1" and (told["__type"], told["Message"]) == (code, message)
        raise Refused(code, message, typed=typed)


@pytest.fixture
def call(site: Site, tmp_path: Path) -> Curl:
    return Curl(tmp_path, site.servers["http"].url, site.full)


@pytest.fixture(params=["http", "https"])
def each(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Curl:
    return Curl(tmp_path, site.servers[request.param].url, site.full, "--cacert", str(site.certificate))


def test_it_looks_at_pictures(each: Curl, pictures: Pictures) -> None:
    look(each, pictures)


def test_it_remembers_people(each: Curl, pictures: Pictures) -> None:
    remember(each, pictures)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_told_by_its_name(call: Curl, pictures: Pictures, case: Refusal) -> None:
    told = refused(call, case.operation, **case.members(pictures))
    assert (told.code, told.typed) == (case.code, True)
    assert case.words in told.message


def test_a_policy_denies_what_it_does_not_allow(site: Site, tmp_path: Path) -> None:
    call = Curl(tmp_path, site.servers["http"].url, site.narrow)
    told = refused(call, "DescribeCollection", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("AccessDeniedException", True)
    assert told.message == site.denial("rekognition:DescribeCollection", f"collection/{PEOPLE}")


def test_a_wrong_secret_is_refused(site: Site, tmp_path: Path) -> None:
    mixed = Key(site.full.id, site.narrow.secret)
    told = refused(Curl(tmp_path, site.servers["http"].url, mixed), "ListCollections")
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Check your AWS Secret Access Key" in told.message


def test_a_clock_that_is_wrong_is_told_so(site: Site, tmp_path: Path) -> None:
    """A date that curl is told stands in its request twice, which is refused as such: a proxy makes it one."""
    with meddling(site.servers["http"].url, heard=SAID) as url:
        late = Curl(tmp_path, url, site.full, "--header", "X-Amz-Date: 20260101T000000Z")
        told = refused(late, "ListFaces", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Signature expired" in told.message


def test_what_was_not_signed_is_refused(site: Site, tmp_path: Path) -> None:
    with meddling(site.servers["http"].url) as url:
        told = refused(Curl(tmp_path, url, site.full), "ListFaces", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("InvalidSignatureException", True)


def test_a_key_that_asks_too_often_is_slowed_down(site: Site, tmp_path: Path) -> None:
    told = persistently(Curl(tmp_path, site.servers["http"].url, site.rare), "ListCollections")
    assert (told.code, told.typed) == ("ProvisionedThroughputExceededException", True)


@pytest.mark.usefixtures("flooded")
def test_a_full_queue_throttles(call: Curl) -> None:
    told = persistently(call, "ListCollections")
    assert (told.code, told.typed) == ("ThrottlingException", True)
    assert told.message == THROTTLED
