"""One request's way, without a transport: a head and a body come in, an answer goes out, whatever happens.

`admit` looks at what needs no body: the operation, who signed, and when. `answer` does the rest: the signature, the
members, what the key may do and how often, and at last the operation; all but the operation itself before any picture
or collection is read. A transport asks for a place in line (`line.joined`) in between, so that a request too many is
told to come back later instead of waiting for ever.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from accel.session import AcceleratorError
from edge.api import faults, signature, wire
from edge.api.audit import Audit
from edge.api.context import Caller, context_of, tags_of
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.api.limits import Line, Quotas, Room
from edge.api.messages import CONTENT_TYPE, Answer, Head
from edge.api.refusals import Refusals, Refused
from edge.api.sharing import check_shared
from edge.api.signature import Claim
from edge.api.trail import Call, record, unproven
from edge.api.wire import Operation
from edge.endpoint import MB, ApiSettings
from edge.errors import DiskError, EdgeError, InputError, MasterKeyError, MissingError, UnavailableError
from edge.keys import Keys
from edge.keys.policy import allowed, regard_tags
from edge.keys.resources import needed
from edge.stats import REQUESTS
from edge.turns import TURNS

if TYPE_CHECKING:
    from edge.api.operations import Operate

log = logging.getLogger(__name__)

TARGETS = {"RekognitionService": wire.operations, "VedetteTraining": wire.training_operations}
UNAUDITED = "The audit of this device cannot be written, and without it no request is answered"
NOBODY = "-"  # the operation, in counts, of a request that asked for none that there is


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has begun."""

    head: Head
    known: Operation | None
    id: str
    began: float

    @property
    def operation(self) -> str:
        """Its name, or NOBODY."""
        return self.known.name if self.known else NOBODY


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request whose body is worth reading. What it claims is not proven yet."""

    asked: Asked
    operation: Operation
    claim: Claim
    caller: Caller


class Service:
    """Rekognition's API. Safe to share between threads; whoever makes it closes the parts."""

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self, desk: Desk, keys: Keys, audit: Audit, settings: ApiSettings, operations: Mapping[str, Operate], line: Line
    ) -> None:
        self.desk = desk
        self.settings = settings
        self.line = line
        self.bodies = Room(settings.memory_mb * MB)
        self._keys = keys
        self._audit = audit
        self._operations = operations
        self._quotas = Quotas()
        self._refusals = Refusals()
        for described in TARGETS.values():
            described()  # read now, not while the first client waits

    def begin(self, head: Head) -> Asked:
        return Asked(head, _operation(head), str(uuid4()), time.perf_counter())

    def admit(self, asked: Asked) -> Admitted | Answer:
        """An Answer where the head alone is reason to refuse."""
        try:
            return self._admitted(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return self.refuse(asked, error)

    def answer(self, admitted: Admitted, body: bytes) -> Answer:
        """Takes as long as the operation does. The audit has it before the client does."""
        asked, facts = admitted.asked, dict[str, Any]()
        fault: Fault | None = None
        told = b""
        try:
            told = self._performed(admitted, body, facts)
        except Exception as error:  # noqa: BLE001 - as above
            if "user" not in facts:
                return self.refuse(asked, error)
            fault = _fault(error, asked)
        try:
            self._record(admitted, facts, fault)
        except Fault as unaudited:
            fault = _fault(unaudited, asked)
        return _refused(asked, fault) if fault else _answered(asked, "ok", 200, told)

    @property
    def fault(self) -> str:
        """Why nobody is answered, in one sentence; empty if it is not so."""
        return self._audit.fault

    def tend(self) -> None:
        """Tell of those who were refused, and have what the audit holds be safe on disk; about once a second."""
        self._tell(self._refusals.due(time.monotonic()))
        with suppress(DiskError):  # which the audit has logged
            self._audit.sync()

    def close(self) -> None:
        """Tell of the last who were refused. The parts stay open."""
        self._tell(self._refusals.due(time.monotonic(), 0.0))

    def refuse(self, asked: Asked, error: Exception) -> Answer:
        """The answer to a request that nobody has proven to be theirs, and that is counted instead of recorded.

        A Fault is answered as it is, anything else as what it means to the client.
        """
        fault = _fault(error, asked)
        self._refusals.count(fault.code, asked.head, self.desk.now())
        return _refused(asked, fault)

    def _tell(self, refused: Iterable[Refused]) -> None:
        for one in refused:
            log.info("api: %s", one)
            with suppress(DiskError):  # as above; it waits there
                self._audit.write(unproven(one, self.desk.now()))

    def _admitted(self, asked: Asked) -> Admitted:
        head, operation = asked.head, asked.known
        if operation is None:
            raise faults.unknown_operation()
        _check_kind(head.get("content-type"))
        claim = signature.claim(head.method, head.path, head.query, head.headers, self.desk.now(), self.settings.skew)
        if head.query:
            raise faults.serialization("The request has a query string, and no operation reads one")
        key = self._keys.find(claim.key_id)
        if key is None or not key.enabled:
            raise faults.unrecognized_client()
        return Admitted(asked, operation, claim, Caller(key, self.desk.account, claim.region))

    def _performed(self, admitted: Admitted, body: bytes, facts: dict[str, Any]) -> bytes:
        """The body of the answer; `facts` gathers what the audit is to know, as far as it comes."""
        caller, operation = admitted.caller, admitted.operation
        signature.verify(admitted.claim, self._secret(caller.key.id), hashlib.sha256(body).hexdigest())
        facts["user"] = caller.key.name
        with _audited():
            self._audit.check()
        facts["members"] = members = wire.decode(operation, body)
        wanted = [(action, self.desk.local(arn)) for action, arn in needed(operation.name, members, self.desk.arn)]
        facts["resources"] = list(dict.fromkeys(resource for _, resource in wanted if resource != "*"))
        self._authorise(admitted, members, wanted)
        if operation.name not in self._operations:
            raise faults.invalid_parameter(
                f"{operation.name} is not offered by this device; GET /capabilities lists what is"
            )
        with self.line.at_work(), TURNS.giving_way():
            answer = self._operations[operation.name](self.desk, members)
        facts["answer"] = answer
        return wire.encode(operation, answer)

    def _secret(self, key_id: str) -> str:
        """Raises UnrecognizedClientException where there is none that could have signed."""
        try:
            return self._keys.secret(key_id)
        except (MissingError, MasterKeyError) as error:  # deleted just now; or as the log has told at the start
            raise faults.unrecognized_client() from error

    def _authorise(self, admitted: Admitted, members: Mapping[str, Any], wanted: Sequence[tuple[str, str]]) -> None:
        """Raises AccessDeniedException, or ProvisionedThroughputExceededException for a key that asks too often."""
        caller = admitted.caller
        context = context_of(admitted.asked.head, caller, members, self.desk.now())
        tagged = regard_tags(caller.key.policies)
        for action, resource in wanted:
            tags = tags_of(self.desk, resource) if tagged else {}
            if not allowed(caller.key.policies, action, resource, context | tags):
                raise faults.access_denied(caller.arn, action, resource)
        check_shared(self.desk, admitted.operation.name, members, caller.arn, context)
        if not self._quotas.take(caller.key.id, caller.key.quota, time.monotonic()):
            raise faults.provisioned_throughput_exceeded()

    def _record(self, admitted: Admitted, facts: Mapping[str, Any], fault: Fault | None) -> None:
        """Raises Fault if an audit that is required cannot be written."""
        asked, caller = admitted.asked, admitted.caller
        call = Call(
            request_id=asked.id,
            at=self.desk.now(),
            source=asked.head.address,
            region=caller.region,
            account=caller.account,
            operation=asked.operation,
            agent=asked.head.get("user-agent"),
            key_id=caller.key.id,
            error=fault.code if fault else "",
            message=fault.message if fault else "",
            tls={**asked.head.tls, "host": asked.head.get("host")} if asked.head.tls else {},
            **facts,
        )
        with _audited():
            self._audit.write(record(call))


def _operation(head: Head) -> Operation | None:
    service, _, name = head.get("x-amz-target").partition(".")
    return TARGETS[service]().get(name) if service in TARGETS else None


def _check_kind(told: str) -> None:
    """Raises Fault for a body that is said to be something else; who says nothing is taken to send what is read."""
    kind = told.partition(";")[0].strip()
    if kind and kind.lower() != CONTENT_TYPE:
        raise faults.serialization(f"The content type is {kind[:100]!r}, and must be {CONTENT_TYPE}")


@contextmanager
def _audited() -> Iterator[None]:
    """Raises Fault where the audit raises DiskError, which it has logged."""
    try:
        yield
    except DiskError as error:
        raise faults.internal_server_error(UNAUDITED) from error


def _refused(asked: Asked, fault: Fault) -> Answer:
    return _answered(asked, fault.code, fault.status, wire.fault_body(fault, asked.id))


def _answered(asked: Asked, outcome: str, status: int, body: bytes) -> Answer:
    REQUESTS.of(asked.operation, outcome).add(time.perf_counter() - asked.began)
    log.debug("%s %s from %s: %s", asked.id, asked.operation, asked.head.address, outcome)
    return Answer(status, (("content-type", CONTENT_TYPE), ("x-amzn-requestid", asked.id)), body)


def _fault(error: Exception, asked: Asked) -> Fault:
    """What an error means to the client. What only concerns us is logged, with the id that the client is given.

    A new Fault each time: one that was raised holds the frames it came through, and they the picture, for longer.
    """
    if isinstance(error, Fault):
        return Fault(error.code, error.message, error.status)
    if isinstance(error, MissingError):
        return faults.resource_not_found(str(error))
    if isinstance(error, InputError):
        return faults.invalid_parameter(str(error))
    if isinstance(error, AcceleratorError | UnavailableError):
        log.warning("%s %s: %s", asked.id, asked.operation, error)
        return faults.service_unavailable()
    if isinstance(error, EdgeError):
        log.error("%s %s: %s", asked.id, asked.operation, error)
        return faults.internal_server_error()
    log.error("%s %s: a defect of ours", asked.id, asked.operation, exc_info=error)
    return faults.internal_server_error()
