"""Starts that cannot go well: each says why in one sentence, and does no harm to what runs or waits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.packs.store import Store, default_root
from tests.conftest import Command
from tools.scenarios.stage import Sentry, Witness, lasting, nothing_lost, opened, wait

pytestmark = pytest.mark.faults


def test_a_second_daemon_on_the_same_folder_leaves_and_the_first_goes_on(tmp_path: Path) -> None:
    with lasting(tmp_path) as broker, Witness(broker.port) as witness, Sentry(tmp_path, broker.port) as first:
        first.start()
        wait(lambda: len(witness.ids) > 20, "events arrive")
        second = Sentry(tmp_path, broker.port).start()
        assert second.process
        assert second.process.wait(30) == 74
        assert "is in use by another 'vedette run'; stop it, or name another folder" in first.said
        heard = len(witness.ids)
        wait(lambda: len(witness.ids) > heard + 20, "the first goes on")
        assert first.stop() == 0
        with opened(first.data) as log:
            nothing_lost(log, witness)


@pytest.fixture
def cut_short(tmp_path: Path, pulled: None) -> Callable[..., Path]:  # noqa: ARG001 - a fixture is asked for
    """A store in which the files of some models end in their middle; the others are the installed ones."""

    def cut_short(*names: str) -> Path:
        store = Store(default_root())
        copied = tmp_path / "models"
        shutil.copytree(store.root / "built", copied / "built", copy_function=os.link)
        for built in store.installed():
            if not names or built.manifest.name in names:
                for file in (copied / built.weights.relative_to(store.root)).parent.glob("model.*"):
                    whole = file.read_bytes()
                    file.unlink()  # the name only: the installed file is another name of it
                    file.write_bytes(whole[: len(whole) // 2])
        return copied

    return cut_short


def configure(folder: Path, store: Path) -> None:
    (folder / "slides").mkdir()
    shutil.copy(next((folder / "pictures").glob("*.png")), folder / "slides")
    (folder / "vedette.toml").write_text(
        f'data = "data"\n[models]\nstore = "{store}"\n[cameras.hall]\nkind = "images"\npath = "slides"\n', "utf-8"
    )


@pytest.mark.models
def test_a_model_cut_short_is_passed_over_and_named(
    tmp_path: Path, vedette: Command, cut_short: Callable[..., Path]
) -> None:
    Sentry(tmp_path, 0)
    configure(tmp_path, cut_short("nanodet-g"))
    done = vedette("--config", "vedette.toml", "run", "--seconds", 3)
    assert done.returncode == 0, done.stderr
    assert "is missing or cut short: run 'vedette models pull nanodet-g --backend openvino'" in done.stderr
    assert "objects: ssd-mobilenet-v2 on tflite" in done.stderr


@pytest.mark.models
def test_with_every_model_cut_short_the_start_says_how_to_mend_it(
    tmp_path: Path, vedette: Command, cut_short: Callable[..., Path]
) -> None:
    Sentry(tmp_path, 0)
    configure(tmp_path, cut_short())
    done = vedette("--config", "vedette.toml", "run", "--seconds", 3)
    assert done.returncode == 69, done.stderr
    assert "run 'vedette models pull'" in done.stderr
