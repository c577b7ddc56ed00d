"""`vedette models`: what there is, what is installed, and how it gets here."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from models import manifest as manifests
from models.manifest import Backend, Manifest

if TYPE_CHECKING:
    from edge.packs.store import Store


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("models", help="list, fetch, verify and carry over models")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="the models there are, and which are installed")
    listing.add_argument("--json", action="store_true", help="one JSON array")
    listing.set_defaults(handler=show)

    pulling = actions.add_parser("pull", help="fetch, verify and build models; what is there is left alone")
    pulling.add_argument("names", nargs="*", metavar="NAME|SET", help="models, or the sets 'default' and 'extended'")
    pulling.add_argument(
        "--backend",
        action="append",
        default=[],
        choices=get_args(Backend),
        help="build for this back end (may be repeated; without it: for each that is installed)",
    )
    pulling.add_argument("--mirror", type=Path, metavar="DIR", help="look in this folder before the network")
    pulling.set_defaults(handler=pull)

    verifying = actions.add_parser("verify", help="read every byte of what is installed; exit 1 if one is wrong")
    verifying.set_defaults(handler=verify)

    packing = actions.add_parser("pack", help="write installed models to one file, for a device without a network")
    packing.add_argument("file", type=Path, metavar="FILE")
    packing.add_argument("names", nargs="*", metavar="NAME", help="only these")
    packing.set_defaults(handler=pack)

    installing = actions.add_parser("install", help="install a file that 'pack' made, once all of it is verified")
    installing.add_argument("file", type=Path, metavar="FILE")
    installing.set_defaults(handler=install)


def show(args: argparse.Namespace) -> int:
    store = _store(args)
    rows = [_row(manifests.load(name), store) for name in manifests.names()]
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    from edge.packs.progress import megabytes

    table = [["NAME", "TASK", "SET", "SIZE", "LICENCE", "INSTALLED"]]
    for row in rows:
        variants = [
            f"{variant['backend']} {megabytes(variant['bytes'])} {variant['digest'][:12]}"
            for variant in row["variants"]
            if variant["installed"]
        ]
        cells = [row["name"], row["task"], row["set"], megabytes(row["bytes"]), row["licence"]]
        table.append([*cells, ", ".join(variants) or "no"])
    widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    return 0


def _row(manifest: Manifest, store: Store) -> dict[str, Any]:
    from edge.packs.records import identity

    records = {backend: store.record(manifest, backend) for backend in manifest.variants}
    return {
        "name": manifest.name,
        "version": manifest.version,
        "title": manifest.title,
        "task": manifest.task,
        "set": manifest.set,
        "licence": manifest.licence,
        "bytes": sum(source.bytes for source in manifest.sources),
        "variants": [
            {
                "backend": backend,
                "precision": manifest.variants[backend].precision,
                "digest": identity(manifest, backend),
                "installed": record is not None,
                "bytes": record.bytes if record else 0,
                "made_with": record.made_with if record else {},
            }
            for backend, record in records.items()
        ],
    }


def pull(args: argparse.Namespace) -> int:
    from edge.errors import exit_code
    from edge.packs.build import build
    from edge.packs.progress import for_terminal
    from edge.packs.pull import choose
    from edge.packs.pull import pull as pull_jobs
    from edge.packs.sources import Mirror

    jobs = choose(args.names, args.backend)
    mirror = Mirror.open(args.mirror) if args.mirror else None
    outcome = pull_jobs(jobs, _store(args), build, mirror, for_terminal())
    for error in outcome.errors:
        print(f"vedette: {error}", file=sys.stderr)
    for job in outcome.failed:
        print(f"{job}: not installed")
    print(f"{len(outcome.built)} built, {len(outcome.kept)} already there, {len(outcome.failed)} failed")
    return exit_code(outcome.errors[0]) if outcome.errors else 0


def verify(args: argparse.Namespace) -> int:
    store = _store(args)
    faults = store.verify()
    for fault in faults:
        print(f"{fault.name} for {fault.backend}: {fault.problem}")
    wrong = {(fault.name, fault.backend) for fault in faults}
    sound = [built for built in store.installed() if (built.manifest.name, built.backend) not in wrong]
    if not faults and not sound:
        print(f"no model is installed in {store.root}: run 'vedette models pull'")
        return 1
    print(f"{len(sound)} sound, {len(wrong)} not")
    return 1 if faults else 0


def pack(args: argparse.Namespace) -> int:
    from edge.packs.bundle import pack as write
    from edge.packs.progress import megabytes
    from edge.packs.records import file_digest

    index = write(_store(args), args.names, args.file)
    print(f"{args.file}: {len(index.models)} models, {megabytes(args.file.stat().st_size)}")
    print(f"sha256 {file_digest(args.file)}")
    return 0


def install(args: argparse.Namespace) -> int:
    from edge.packs.bundle import install as read
    from edge.packs.progress import for_terminal

    index = read(_store(args), args.file, for_terminal())
    for record in index.models:
        print(f"{record.name} for {record.backend}: installed")
    return 0


def _store(args: argparse.Namespace) -> Store:
    from edge import config

    return config.load(args.config).models.open_store()
