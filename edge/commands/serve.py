"""`vedette serve`: Rekognition's API alone, without cameras and broker."""

from __future__ import annotations

import argparse

from edge.commands.run import seconds


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="serve Rekognition's API until stopped, without cameras")
    serve.add_argument("--host", help="listen here (api.host of the TOML, else this machine only)")
    serve.add_argument("--port", type=port, help="and at this port (api.port of the TOML, else 8432)")
    serve.add_argument("--seconds", type=seconds, help="stop by itself after so many seconds")
    serve.set_defaults(handler=_serve)


def port(text: str) -> int:
    """A port on the command line; raises ValueError, which argparse tells."""
    value = int(text)
    if not 1 <= value <= 65535:
        raise ValueError(text)
    return value


def _serve(args: argparse.Namespace) -> int:
    from edge import stopping

    stopping.handle(stopping.at_once)  # also while libraries load and models open
    from edge import config, daemon
    from edge.endpoint import PORT

    loaded = config.load(args.config)
    place = {"host": args.host or loaded.api.host, "port": args.port or loaded.api.port or PORT}
    daemon.serve(loaded.model_copy(update={"api": loaded.api.model_copy(update=place)}), args.seconds)
    return 0
