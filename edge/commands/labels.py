"""`vedette labels`: which labels there are, what each is called, and what lies above and below it."""

from __future__ import annotations

import argparse
import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from edge.errors import MissingError

if TYPE_CHECKING:
    from models.labels import Label, Taxonomy


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("labels", help="which labels there are, with parents, aliases and categories")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="every label, in alphabetical order")
    listing.add_argument("--category", default="", metavar="NAME", help="only this category's")
    listing.add_argument("--json", action="store_true", help="one JSON array")
    listing.set_defaults(handler=show_all)

    showing = actions.add_parser("show", help="one label, by its name or an alias, in any case of letters")
    showing.add_argument("name", metavar="NAME")
    showing.add_argument("--json", action="store_true", help="one JSON document")
    showing.set_defaults(handler=show)


def show_all(args: argparse.Namespace) -> int:
    from edge.commands import table
    from models.labels import CATEGORIES

    taxonomy = _taxonomy(args)
    category = {name.lower(): name for name in CATEGORIES}.get(args.category.lower(), "")
    if args.category and not category:
        raise MissingError(f"no category {args.category!r}: there is {', '.join(CATEGORIES)}")
    chosen = [label for label in taxonomy.labels if not category or category in label.categories]
    chosen.sort(key=lambda label: label.name.lower())
    if args.json:
        print(json.dumps([_document(taxonomy, label) for label in chosen], indent=2))
        return 0
    boxed = set(taxonomy.objects.values())
    table.show(
        ("NAME", "CATEGORY", "BOXES", "PARENTS"),
        (
            (
                label.name,
                ", ".join(label.categories),
                "yes" if taxonomy.index[label.name] in boxed else "no",
                ", ".join(label.parents),
            )
            for label in chosen
        ),
    )
    return 0


def show(args: argparse.Namespace) -> int:
    taxonomy = _taxonomy(args)
    document = _document(taxonomy, _find(taxonomy, args.name))
    if args.json:
        print(json.dumps(document, indent=2))
        return 0
    print(document["name"])
    for key in ("aliases", "categories", "parents", "children"):
        print(f"  {key + ':':<12}{', '.join(document[key]) or 'none'}")
    print(f"  {'instances:':<12}{'with boxes' if document['boxes'] else 'none, it is said of the whole picture'}")
    return 0


def _taxonomy(args: argparse.Namespace) -> Taxonomy:
    from edge import config
    from models import labels

    names = config.load(args.config).models.labels
    if not names:
        raise MissingError("models.labels: names no model, so there are no labels; leave the key out for the default")
    return labels.load(names[0])


def _find(taxonomy: Taxonomy, name: str) -> Label:
    """The label of this name, else of this alias; raises MissingError if there is none."""
    aliases = {alias.lower(): label for label in taxonomy.labels for alias in label.aliases}
    known = aliases | {label.name.lower(): label for label in taxonomy.labels}
    if name.lower() in known:
        return known[name.lower()]
    near = [known[word].name for word in get_close_matches(name.lower(), known, n=3)]
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else "'vedette labels list' shows all"
    raise MissingError(f"no label {name!r}: {hint}")


def _document(taxonomy: Taxonomy, label: Label) -> dict[str, Any]:
    node = taxonomy.index[label.name]
    below = [taxonomy.labels[child] for child in taxonomy.below[taxonomy.above == node].tolist()]
    names = {one.name for one in below}
    return {
        "name": label.name,
        "aliases": list(label.aliases),
        "categories": list(label.categories),
        "parents": list(label.parents),
        "children": sorted(one.name for one in below if names.isdisjoint(one.parents)),
        "boxes": node in taxonomy.objects.values(),
    }
