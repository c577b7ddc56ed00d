"""`vedette models`, as a person types it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge.commands import models
from edge.errors import MissingError

DATA = b"weights" * 1000
Run = Callable[..., int]


@pytest.fixture
def stocked(zoo: Any, shelf: Any, source: Any) -> None:
    """A zoo of two models, one of them extended."""
    shelf.tgz("@who/models", "2.0", {"package/a.bin": DATA})
    pins = {"kind": "npm", "package": "@who/models", "version": "2.0", "path": "package/a.bin"}
    zoo.add("alpha", source("graph", DATA, **pins))
    zoo.add("beta", source("graph", DATA, **pins), part_of="extended")


@pytest.fixture
def run(stocked: None, builder: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: ARG001 - it stocks
    """Runs one command line."""
    stub = ModuleType("edge.packs.build")
    vars(stub)["build"] = builder
    monkeypatch.setitem(sys.modules, "edge.packs.build", stub)
    monkeypatch.setenv("VEDETTE_MODELS", str(store.root))

    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        parser.add_argument("--config", type=Path)
        models.add(parser.add_subparsers(required=True))
        args = parser.parse_args(["models", *words])
        status: int = args.handler(args)
        return status

    return run


def test_from_nothing_to_another_device(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("verify") == 1
    assert "no model is installed" in capsys.readouterr().out
    assert run("pull", "--backend", "openvino") == 0
    told = capsys.readouterr()
    assert told.out == "1 built, 0 already there, 0 failed\n"
    assert "@who/models 2.0: " in told.err
    assert "alpha for openvino: built: 0.0 MB" in told.err
    assert run("verify") == 0
    assert run("pack", str(tmp_path / "pack")) == 0
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "device"))
    capsys.readouterr()
    assert run("install", str(tmp_path / "pack")) == 0
    assert capsys.readouterr().out == "alpha for openvino: installed\n"
    assert run("verify") == 0


def test_the_list_for_people_and_for_programs(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("pull", "--backend", "coral")
    capsys.readouterr()
    assert run("list") == 0
    title, alpha, beta = capsys.readouterr().out.splitlines()
    assert title.split() == ["NAME", "TASK", "SET", "SIZE", "LICENCE", "INSTALLED"]
    assert alpha.split()[:6] == ["alpha", "objects", "default", "0.0", "MB", "Apache-2.0"]
    assert beta.endswith("no")
    assert run("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["alpha", "beta"]
    openvino, coral = rows[0]["variants"]
    assert not openvino["installed"]
    assert coral["installed"]
    assert coral["digest"].startswith(alpha.split()[-1])


def test_a_model_that_does_not_come(run: Run, shelf: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (shelf.folder / "who-models-2.0.tgz").unlink()
    assert run("pull", "--backend", "openvino") == 69
    told = capsys.readouterr()
    assert told.out == "alpha for openvino: not installed\n0 built, 0 already there, 1 failed\n"
    assert told.err.startswith("vedette: @who/models 2.0: the npm registry does not have it")


def test_verify_names_the_altered_file(run: Run, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run("pull", "--backend", "openvino")
    store.find("alpha", "openvino").weights.write_text("?")
    assert run("verify") == 1
    assert "model.xml was altered: run 'vedette models pull alpha --backend openvino'" in capsys.readouterr().out


def test_a_mirror_that_is_not_there(run: Run, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such folder"):
        run("pull", "--backend", "openvino", "--mirror", str(tmp_path / "none"))
