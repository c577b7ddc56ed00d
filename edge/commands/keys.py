"""`vedette keys`: who may ask the endpoint, and for what; the certificate by which it is known; who signs packs."""

from __future__ import annotations

import argparse
import json
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import table

if TYPE_CHECKING:
    from edge.endpoint import ApiSettings
    from edge.keys import AccessKey, Keys, Policy

HERE = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what the endpoint listens at, here told apart from a name


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser(
        "keys", help="make, list and change access keys of the API; make its certificate, and keys that sign packs"
    )
    actions = group.add_subparsers(required=True, metavar="ACTION")

    creating = actions.add_parser("create", help="make an access key, and show its secret this once")
    creating.add_argument("name", metavar="NAME", help="who will use it, as policies and the audit call them")
    creating.add_argument(
        "--policy",
        action="append",
        metavar="FILE",
        help="what it may do: a JSON file in IAM's shape, 'full', 'read' or 'train'; may be given again (full)",
    )
    creating.add_argument("--quota", type=float, default=0.0, metavar="N", help="at most N requests a second")
    creating.add_argument("--json", action="store_true", help="one JSON document")
    creating.set_defaults(handler=create)

    listing = actions.add_parser("list", help="every access key; never a secret")
    listing.add_argument("--json", action="store_true", help="one JSON document a line")
    listing.set_defaults(handler=show_all)

    showing = actions.add_parser("show", help="one access key with its policies; never its secret")
    showing.add_argument("--json", action="store_true", help="one JSON document")
    showing.set_defaults(handler=show)
    limiting = actions.add_parser("policy", help="give a key a policy in place of those it has")
    limiting.set_defaults(handler=set_policy)
    disabling = actions.add_parser("disable", help="refuse a key until it is enabled again")
    disabling.set_defaults(handler=disable)
    enabling = actions.add_parser("enable", help="accept a disabled key again")
    enabling.set_defaults(handler=enable)
    deleting = actions.add_parser("delete", help="delete a key for good")
    deleting.set_defaults(handler=delete)
    for parser in (showing, limiting, disabling, enabling, deleting):
        parser.add_argument("name", metavar="NAME")
    limiting.add_argument("policy", metavar="FILE", help="a JSON file in IAM's shape, 'full', 'read' or 'train'")

    certifying = actions.add_parser("certificate", help="make a certificate for HTTPS, and say how to trust it")
    certifying.add_argument(
        "--name",
        action="append",
        metavar="N",
        help="a name or address by which clients reach this device; may be given again (localhost and the host's name)",
    )
    certifying.add_argument("--out", type=Path, metavar="DIR", help="where the two files go (tls in the data folder)")
    certifying.set_defaults(handler=certificate)

    signing = actions.add_parser("signing", help="make the key that signs packs, or show the fingerprint of one")
    signing.add_argument("file", type=Path, metavar="FILE", help="made if it is not there; keep it to yourself")
    signing.set_defaults(handler=sign)


@contextmanager
def opened(args: argparse.Namespace, *, secrets: bool = False) -> Iterator[Keys]:
    """The access keys of the configured device; without `secrets`, also where master.key is lost."""
    from edge import config, database
    from edge.keys import Keys, open_master

    data = config.load(args.config).data
    keys = Keys(database.connect(data, or_snapshot=True), open_master(data) if secrets else None)
    try:
        yield keys
    finally:
        keys.close()


def create(args: argparse.Namespace) -> int:
    from edge import config

    api = config.load(args.config).api
    policies = [_policy(name, api) for name in args.policy or ["full"]]
    with opened(args, secrets=True) as keys:
        key, secret = keys.create(args.name, policies, args.quota)
    if args.json:
        print(json.dumps(_document(key) | {"secret_access_key": secret, "region": api.region, "endpoint": _place(api)}))
        return 0
    # Lines that a shell takes as they are.
    print(f"# {key.name}: created; the secret is shown this once, and cannot be had again")
    for name, value in _environment(key, secret, api):
        print(f"export {name}={shlex.quote(value)}")
    if not api.port:
        print("# the endpoint is off: set port in the table [api] of the TOML; see 'vedette check'")
    return 0


def show_all(args: argparse.Namespace) -> int:
    with opened(args) as keys:
        found = keys.list()
    if args.json:
        for key in found:
            print(json.dumps(_document(key)))
        return 0
    table.show(
        ("NAME", "ACCESS KEY ID", "POLICIES", "QUOTA", "STATE", "CREATED"),
        [(key.name, key.id, _names(key), _quota(key), _state(key), table.when(key.created_at)) for key in found],
    )
    return 0


def show(args: argparse.Namespace) -> int:
    with opened(args) as keys:
        key = keys.named(args.name)
    if args.json:
        print(json.dumps(_document(key) | {"documents": [json.loads(policy.document) for policy in key.policies]}))
        return 0
    print(f"{key.name}: {key.id}, {_state(key)}, quota {_quota(key)}, created {table.when(key.created_at)}")
    for policy in key.policies:
        print(f"{policy.name}:\n{json.dumps(json.loads(policy.document), indent=2)}")
    return 0


def set_policy(args: argparse.Namespace) -> int:
    from edge import config

    policy = _policy(args.policy, config.load(args.config).api)
    with opened(args) as keys:
        keys.set_policy(args.name, policy)
    print(f"{args.name}: has the policy {policy.name} from now on, and no other")
    return 0


def disable(args: argparse.Namespace) -> int:
    with opened(args) as keys:
        keys.disable(args.name)
    print(f"{args.name}: disabled")
    return 0


def enable(args: argparse.Namespace) -> int:
    with opened(args) as keys:
        keys.enable(args.name)
    print(f"{args.name}: enabled")
    return 0


def delete(args: argparse.Namespace) -> int:
    with opened(args) as keys:
        keys.delete(args.name)
    print(f"{args.name}: deleted")
    return 0


def certificate(args: argparse.Namespace) -> int:
    from edge import config
    from edge.keys import certificate

    settings = config.load(args.config)
    made = certificate.make(args.out or settings.data / "tls", args.name or certificate.usual_names())
    file = made.certificate.absolute()
    print(
        f"made a certificate for {', '.join(made.names)}, of {certificate.YEARS} years\n"
        f"SHA-256 {made.fingerprint}\n\n"
        "In the TOML:\n"
        "  [api]\n"
        f"  tls_certificate = {json.dumps(str(file))}\n"
        f"  tls_key = {json.dumps(str(made.key.absolute()))}\n\n"
        f"Copy {file.name} to each client, never {made.key.name}; then one of\n"
        f"  boto3              boto3.client('rekognition', verify='{file.name}')\n"
        f"  boto3 and AWS CLI  export AWS_CA_BUNDLE={file.name}\n"
        f"  JavaScript         export NODE_EXTRA_CA_CERTS={file.name}\n"
        f"  curl               curl --cacert {file.name}"
    )
    return 0


def sign(args: argparse.Namespace) -> int:
    from edge.packs import signing

    key, made = signing.open_key(args.file)
    if made:
        print(f"made the signing key {args.file}: whoever has it signs in your name")
    print(f"fingerprint {signing.fingerprint(key.public)}")
    return 0


def _policy(name: str, api: ApiSettings) -> Policy:
    """A ready one or a file; what in it is hardly meant is told."""
    from edge.keys import policy
    from edge.keys.doubts import doubts

    found = policy.ready(name) if name in policy.READY else policy.load(Path(name))
    for doubt in doubts(found, api.region, api.account):
        print(f"vedette: {doubt}", file=sys.stderr)
    return found


def _environment(key: AccessKey, secret: str, api: ApiSettings) -> Iterator[tuple[str, str]]:
    yield "AWS_ACCESS_KEY_ID", key.id
    yield "AWS_SECRET_ACCESS_KEY", secret
    yield "AWS_REGION", api.region
    yield "AWS_DEFAULT_REGION", api.region  # the name that boto3 reads
    if api.port:
        yield "AWS_ENDPOINT_URL_REKOGNITION", _place(api)
    if api.tls_certificate:
        yield "AWS_CA_BUNDLE", str(api.tls_certificate)


def _place(api: ApiSettings) -> str:
    """Where clients find the endpoint: by the host's name if it listens at all its addresses.

    Over TLS by a name that its certificate bears, which is what clients look at.
    """
    from edge.keys.certificate import names_of

    if not api.port:
        return ""
    host = socket.gethostname() if api.host in EVERYWHERE else api.host
    names = names_of(api.tls_certificate)
    if names and host not in names:
        host = next((name for name in names if name not in HERE), names[0])
    return api.model_copy(update={"host": host}).place


def _document(key: AccessKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "access_key_id": key.id,
        "policies": [policy.name for policy in key.policies],
        "quota": key.quota,
        "enabled": key.enabled,
        "created_at": key.created_at,
    }


def _names(key: AccessKey) -> str:
    return ", ".join(policy.name for policy in key.policies) or "-"


def _quota(key: AccessKey) -> str:
    return f"{key.quota:g}/s" if key.quota else "-"


def _state(key: AccessKey) -> str:
    return "enabled" if key.enabled else "disabled"
