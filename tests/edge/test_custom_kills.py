"""`kill -9` in the middle of an installation or a deletion: nothing or the whole version, and what runs goes on."""

import subprocess
import sys
from pathlib import Path

from edge.packs.signing import fingerprint
from tests.edge.customs import KEY, pack

ROOT = Path(__file__).parents[2]


def test_a_kill_at_any_step_leaves_nothing_or_the_whole_version(tmp_path: Path) -> None:
    for name in ("v1", "v2"):
        pack(tmp_path, f"colours/{name}").rename(tmp_path / f"{name}.vedette")
    (tmp_path / "signer").write_text(fingerprint(KEY.public))
    words = [sys.executable, "-m", "tests.edge.killed", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    installing, deleting = map(int, done.stdout.split())
    assert installing >= 20
    assert deleting >= 10
