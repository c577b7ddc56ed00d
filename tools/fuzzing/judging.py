"""What a server must never answer, whatever it was asked."""

from __future__ import annotations

import json
from collections.abc import Sequence

from edge.api.messages import CONTENT_TYPE
from tests.edge.api.strictly import FRONT_DOOR, strict, strict_fault
from tools.fuzzing.shots import Shot
from tools.fuzzing.talking import Reply

TOO_LARGE = (413, "RequestEntityTooLargeException")
UNREAD = frozenset({"SerializationException", "ValidationException"})  # its members are not as the model has them
BUSY = "ThrottlingException"


def outcome(reply: Reply) -> str:
    """Its status, and the name of the error if it tells one."""
    try:
        return f"{reply.status} {json.loads(reply.body)['Code']}"
    except (ValueError, LookupError, TypeError):
        return str(reply.status)


def verdict(shot: Shot, replies: Sequence[Reply]) -> str:
    """What is wrong, or nothing."""
    if len(replies) < shot.answers:
        return f"{len(replies)} answers instead of {shot.answers}"
    for reply in replies:
        try:
            _check(shot, reply)
        except (AssertionError, ValueError, LookupError) as error:
            return f"{outcome(reply)}: {error}"
    return ""


def _check(shot: Shot, reply: Reply) -> None:
    """Raises AssertionError."""
    assert 200 <= reply.status < 500, "a fault of the server"
    if not shot.operation:
        assert not reply.body or "content-type" in reply.headers, "a body of no kind"
        return
    assert reply.headers["content-type"] == CONTENT_TYPE, reply.headers
    assert len(reply.headers["x-amzn-requestid"]) == 36, reply.headers
    if reply.status == 200:
        assert shot.kind in ("valid", "odd", "large"), "it was taken"
        strict(shot.operation, reply.body)
        return
    if outcome(reply) == f"{TOO_LARGE[0]} {TOO_LARGE[1]}":
        assert shot.kind == "large", "it was small"
        return
    assert reply.status == 400, "no status for a fault of the client"
    code, _ = strict_fault(shot.operation, reply.status, reply.body)
    if shot.kind == "valid":
        assert code not in FRONT_DOOR, f"it obeys the model: {reply.body!r:.300}"
    elif shot.kind == "broken":
        assert code in UNREAD, "it does not obey the model"
    elif shot.kind == "forged":
        assert code in FRONT_DOOR - UNREAD, "it is not signed"
