"""What a workstation asks that trains for this device (`tools/train --serve-device`): orders, pictures, and the pack.

It is asked as Rekognition is, signed with a key that may do `vedette:Train`, under `X-Amz-Target: VedetteTraining.…`;
training-model.json has the shapes. Whoever claims an order is told a claim, and names it from then on. The pack comes
in pieces, which go on where they ended; it must be signed by a key that this device trusts, and be of the version
ordered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edge.api import faults, naming, publishing
from edge.api.buckets import AwayFault
from edge.api.desk import Desk
from edge.api.images import MOST_STORED
from edge.custom import Status, Version, installing
from edge.custom.entries import bucket_of
from edge.custom.orders import LEASE, Order
from edge.custom.uploads import MOST
from edge.errors import DeniedError, InputError
from edge.packs import custom as packs

log = logging.getLogger(__name__)

PAGE = 500  # entries


def list_orders(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The open ones, the oldest first; those of one project, where it is named."""
    projects, wanted = desk.workshop.projects, members.get("ProjectName")
    versions = {version.id: version for version in projects.versions() if wanted in (None, version.project)}
    orders = [order for order in projects.orders() if order.version in versions]
    return {"Orders": [_order(desk, order, versions[order.version]) for order in orders]}


def claim_order(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Refused before hours of training, if the pack would be."""
    version = naming.version_of(desk, members["ProjectVersionArn"])
    signer = members["Signer"]
    if signer not in packs.trusted(desk.workshop.store):
        raise faults.invalid_parameter(
            f"Packs signed by {signer} are not trusted by this device: run 'vedette custom trust {signer}' there"
        )
    with naming.told():
        order = desk.workshop.projects.claim(version, members["Worker"], desk.now())
    log.info("training: %s is at %s", order.worker, version.place)
    return {
        "Claim": order.claim,
        "Order": _order(desk, order, version),
        "LeaseSeconds": LEASE,
        "Received": desk.workshop.uploads.newest(version.id),
    }


def get_entries(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """In their order, from behind `After`; none at the end."""
    _, order = _held(desk, members)
    found = desk.workshop.projects.ordered(order, members.get("After", 0), members.get("MaxResults", PAGE))
    return {"Entries": [{"Id": one.id, "Test": one.test, "SourceRef": one.source, "Line": one.line} for one in found]}


def get_image(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The bytes of an entry's picture, as they lie in the bucket; to be asked again while its server is away."""
    _, order = _held(desk, members)
    bucket, key = bucket_of(desk.workshop.projects.ordered_source(order, members["Id"]))
    try:
        return {"Bytes": desk.workshop.buckets.read(bucket, key, MOST_STORED)}
    except AwayFault as fault:
        raise faults.throttling(f"The server of bucket {bucket} does not answer now") from fault


def report_progress(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps the order held, too."""
    _, order = _held(desk, members)
    desk.workshop.projects.report(order, members["Stage"], members["Done"])
    return {"LeaseSeconds": LEASE}


def put_pack(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """How much is here, from where to go on; with the last piece the version is done."""
    version = naming.version_of(desk, members["ProjectVersionArn"])
    digest, size, uploads = members["Sha256"], members["Size"], desk.workshop.uploads
    if version.digest == digest:  # all was here, and the answer was lost
        return {"Received": size, "Status": publishing.publish(desk, version).status}
    if size > MOST:
        raise faults.invalid_parameter(f"The pack is larger than {MOST >> 20} MiB; make a smaller one")
    version, _ = _held(desk, members)
    received = uploads.add(version.id, digest, members["Offset"], members["Bytes"])
    if received < size:
        return {"Received": received, "Status": version.status}
    return {"Received": received, "Status": _installed(desk, version, digest).status}


def fail_order(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The version is TRAINING_FAILED then, with this message."""
    version, _ = _held(desk, members)
    desk.workshop.projects.fail_training(version, members["Message"])
    desk.workshop.uploads.forget(version.id)
    log.warning("training: %s failed: %s", version.place, members["Message"])
    return {}


OPERATIONS: Mapping[str, Callable[[Desk, Mapping[str, Any]], Mapping[str, Any]]] = {
    "ListOrders": list_orders,
    "ClaimOrder": claim_order,
    "GetEntries": get_entries,
    "GetImage": get_image,
    "ReportProgress": report_progress,
    "PutPack": put_pack,
    "FailOrder": fail_order,
}


def _held(desk: Desk, members: Mapping[str, Any]) -> tuple[Version, Order]:
    version = naming.version_of(desk, members["ProjectVersionArn"])
    with naming.told():
        return version, desk.workshop.projects.held(version, members["Claim"], desk.now())


def _installed(desk: Desk, version: Version, digest: str) -> Version:
    """A pack that is no good is forgotten, and may be sent again; the order stays open."""
    work = desk.workshop
    with _refusing(desk, version):
        file = work.uploads.whole(version.id, digest)
        done = installing.install(work.projects, work.store, file, only=version.place)
    work.uploads.forget(version.id)
    log.info("training: %s is trained", version.place)
    return publishing.publish(desk, done) if done.status == Status.TRAINING_COMPLETED else done


@contextmanager
def _refusing(desk: Desk, version: Version) -> Iterator[None]:
    try:
        yield
    except (InputError, DeniedError) as error:
        desk.workshop.uploads.forget(version.id)
        raise faults.invalid_parameter(str(error)) from error


def _order(desk: Desk, order: Order, version: Version) -> dict[str, Any]:
    return {
        "ProjectVersionArn": naming.version_arn(desk, version),
        "ProjectName": version.project,
        "VersionName": version.name,
        "Feature": version.feature,
        "Task": order.task,
        "CreationTimestamp": order.created_at,
        "Entries": desk.workshop.projects.count_entries(version.id),
        **({"Worker": order.worker, "HeldUntil": order.held_until} if order.held(desk.now()) else {}),
    }
