"""`kill -9` in the middle of an installation or a deletion: nothing or the whole version, and what runs goes on."""

import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edge.custom import Projects
from edge.custom.installing import install
from edge.customs import ServedCustoms
from edge.database import connect
from edge.engine import AccelSettings, ModelSettings
from edge.packs.signing import fingerprint
from tests.edge.customs import KEY, colour, pack

ROOT = Path(__file__).parents[2]


def test_a_kill_at_any_step_leaves_nothing_or_the_whole_version_and_the_other_at_work(tmp_path: Path) -> None:
    first, _ = pack(tmp_path, "colours/v1"), pack(tmp_path, "colours/v2")
    models = ModelSettings(store=tmp_path / "models")
    settings: Any = SimpleNamespace(models=models, accel=AccelSettings(), data=tmp_path / "data")
    with closing(Projects(connect(settings.data))) as projects:
        projects.started(install(projects, models.open_store(), first, fingerprint(KEY.public)))
    words = [sys.executable, "-m", "tests.edge.killed", str(tmp_path)]
    looks = 0
    with (
        closing(ServedCustoms(settings)) as served,
        subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as killed,
    ):
        while killed.poll() is None or not looks:
            served.tend()
            running = served.of("colours")
            assert running
            assert running.look(colour("red"))[0].name == "red"
            looks += 1
            with suppress(subprocess.TimeoutExpired):
                killed.wait(0.2)
        told, errors = killed.communicate()
    assert killed.returncode == 0, errors
    installing, deleting = map(int, told.split())
    assert installing >= 20
    assert deleting >= 10
