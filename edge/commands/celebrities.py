"""`vedette celebrities`: packs of public people's faces: built from photos, signed, installed, listed and removed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import table
from edge.commands.arguments import word
from edge.errors import EdgeError, InputError, MissingError, UsageError, exit_code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.engine import Settings
    from edge.packs.celebrities import Person
    from edge.packs.people import Entry
    from edge.vision.faces import FaceAnalyzer, FaceView


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("celebrities", help="build, install, list and remove packs of public people's faces")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    building = actions.add_parser("build", help="make a signed pack of photos; only vectors go into it")
    building.add_argument("folder", type=Path, metavar="FOLDER", help="where the photos lie")
    building.add_argument(
        "--csv",
        type=Path,
        required=True,
        metavar="FILE",
        help="columns id, name, photos, urls, gender",
    )
    building.add_argument("--out", type=Path, required=True, metavar="PACK", help="the file to write")
    building.add_argument("--name", default="", help="the pack's (default: PACK without its ending)")
    building.add_argument(
        "--key", type=Path, metavar="FILE", help="signs it; made if it is not there (default: in the model store)"
    )
    building.set_defaults(handler=build, log_level="ERROR")

    installing = actions.add_parser("install", help="install a pack whose signer is trusted, once verified")
    installing.add_argument("pack", type=Path, metavar="PACK")
    installing.add_argument("--trust", type=word, metavar="FINGERPRINT", help="trust this signer from now on")
    installing.set_defaults(handler=install)

    listing = actions.add_parser("list", help="the installed packs")
    listing.add_argument("--json", action="store_true", help="one JSON document a line, with the people")
    listing.set_defaults(handler=show)

    removing = actions.add_parser("remove", help="remove an installed pack")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(handler=remove)


def build(args: argparse.Namespace) -> int:
    """A photo without a fit face is told of and passed over, and so is a person without a photo left."""
    from edge import config
    from edge.packs import celebrities, people, signing

    settings = config.load(args.config)
    entries = people.read(args.csv, args.folder)
    _check_out(args.out, args.key)
    key, made = signing.open_key(args.key or _own_key(settings))
    found, maker, status = _look(entries, settings)
    if not found:
        raise InputError(f"{args.csv}: nobody is left whose face was found; take better photos")
    data = celebrities.make(args.name or args.out.stem, maker, found, key)
    _write(args.out, data)
    if made:
        print(f"made the signing key {args.key or _own_key(settings)}: whoever has it signs in your name")
    faces = sum(person.faces for person in found)
    print(f"{args.out}: {len(found)} people, {faces} faces")
    print(f"signed by {signing.fingerprint(key.public)}")
    return status


def _own_key(settings: Settings) -> Path:
    from edge.packs.celebrities import folder
    from edge.packs.store import reported

    place = folder(settings.models.open_store())
    with reported(place):
        place.mkdir(parents=True, exist_ok=True)
    return place / "signing.key"


def _look(entries: list[Entry], settings: Settings) -> tuple[dict[Person, NDArray[Any]], Any, int]:
    """Each person's vectors, the model that made them, and the exit status."""
    import numpy as np

    from edge.packs.celebrities import Maker
    from edge.vision.faces import open_faces

    found: dict[Person, NDArray[Any]] = {}
    status, analyzer = 0, open_faces(settings)
    try:
        for entry in entries:
            views, faults = _views(entry, analyzer)
            for fault in faults:
                print(f"vedette: {fault}", file=sys.stderr)
                status = exit_code(fault)
            if views:
                found[_person(entry, len(views))] = np.stack([view.vector for view in views])
            else:
                print(f"vedette: {entry.place}: {entry.name} is left out, for want of a fit photo", file=sys.stderr)
        use = analyzer.embedder.use
        dimensions = next((rows.shape[1] for rows in found.values()), 1)
        return found, Maker(name=use.name, digest=use.digest, dimensions=dimensions), status
    finally:
        analyzer.close()


def _views(entry: Entry, analyzer: FaceAnalyzer) -> tuple[list[FaceView], list[EdgeError]]:
    """The largest face of each photo that passes the quality filter, and what is wrong with the others."""
    from edge import pictures
    from edge.vision.faces import fit

    views: list[FaceView] = []
    faults: list[EdgeError] = []
    for photo in entry.photos:
        try:
            views.append(fit(analyzer.analyze(pictures.read(photo)), "AUTO", str(photo))[0])
        except (InputError, MissingError) as error:
            faults.append(error)
    return views, faults


def _person(entry: Entry, faces: int) -> Person:
    from pydantic import ValidationError

    from edge.packs.celebrities import Person

    try:
        return Person(id=entry.id, name=entry.name, urls=entry.urls, gender=entry.gender, faces=faces)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise InputError(f"{entry.place}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


def _check_out(out: Path, key: Path | None) -> None:
    """Raises UsageError where something else than an older pack would be written over."""
    from edge.packs.celebrities import KIND

    if out.is_dir():
        raise UsageError(f"--out {out}: is a folder; name the file to write, such as {out / 'people.celebrities'}")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it, or name a file elsewhere")
    if (key and out.resolve() == key.resolve()) or (out.exists() and not KIND.begins(out)):
        raise UsageError(f"--out {out}: is no celebrity pack, and would be lost; name another file")


def _write(out: Path, data: bytes) -> None:
    from edge.packs.store import reported

    part = out.with_name(f".{out.name}.part")
    with reported(out, "name a file elsewhere"):
        try:
            part.write_bytes(data)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


def install(args: argparse.Namespace) -> int:
    from edge import config
    from edge.packs import celebrities
    from edge.vision.celebrities import digests_of

    settings = config.load(args.config)
    store = settings.models.open_store()
    pack = celebrities.install(store, args.pack, digests_of(settings), (args.trust or "").lower())
    print(f"{pack.index.name}: {len(pack.index.people)} people installed, signed by {pack.signer}")
    return 0


def show(args: argparse.Namespace) -> int:
    """A pack that cannot be used is listed with the reason; exit 1 if there is one."""
    from edge import config
    from edge.vision.celebrities import installed_packs

    rows, documents, status = [], [], 0
    for name, pack in installed_packs(config.load(args.config)):
        if isinstance(pack, EdgeError):
            rows.append((name, "-", "-", str(pack)))
            documents.append({"name": name, "fault": str(pack)})
            status = 1
            continue
        rows.append((name, str(len(pack.index.people)), str(len(pack.vectors)), pack.signer))
        documents.append({**pack.index.model_dump(mode="json"), "signer": pack.signer})
    if args.json:
        print("\n".join(map(json.dumps, documents)), end="\n" if documents else "")
    else:
        table.show(("PACK", "PEOPLE", "FACES", "SIGNED BY"), rows)
    return status


def remove(args: argparse.Namespace) -> int:
    from edge import config
    from edge.packs import celebrities

    celebrities.remove(config.load(args.config).models.open_store(), args.name)
    print(f"{args.name}: removed")
    return 0
