"""`vedette custom trust`: whose packs may be installed, so that a workstation may return what it has trained."""

from __future__ import annotations

import argparse


def add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    trusting = actions.add_parser("trust", help="trust the packs that a key signs, those of a workstation say")
    trusting.add_argument("fingerprint", metavar="FINGERPRINT", help="as 'vedette keys signing' shows it there")
    trusting.set_defaults(handler=trust)


def trust(args: argparse.Namespace) -> int:
    from edge import config
    from edge.packs import custom as packs

    packs.trust(config.load(args.config).models.open_store(), args.fingerprint)
    print(f"{args.fingerprint.lower()}: trusted")
    return 0
