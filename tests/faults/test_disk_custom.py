"""Custom model packs on a full disk: one sentence, and the store and the running version as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.custom import Projects
from edge.custom.installing import install, remove
from edge.customs import open_named
from edge.database import connect
from edge.engine import AccelSettings, ModelSettings
from edge.errors import StorageError, UnavailableError
from edge.packs import custom as packs
from edge.packs.custom import Draft
from edge.packs.signing import SigningKey, fingerprint
from edge.packs.store import Store
from tests.edge import customs
from tests.edge.drafts import raccoons
from tools.scenarios.disk import full

pytestmark = pytest.mark.faults

KEY = SigningKey(bytes(range(32)))
SIZE = 1 << 20


def made(folder: Path, version: str) -> Path:
    """A pack of a megabyte, which is no network."""
    inside = folder / version
    inside.mkdir()
    (inside / "openvino.xml").write_text("<net/>")
    (inside / "openvino.bin").write_bytes(version.encode().ljust(SIZE, b"."))
    draft = Draft.model_validate(raccoons(version, "openvino", "openvino.xml"))
    packs.make(draft, inside, KEY, folder / f"{version}.vedette")
    return folder / f"{version}.vedette"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    try:
        with full(tmp_path) as small:
            yield small.data.parent
    except UnavailableError as reason:
        pytest.skip(str(reason))


def fill(disk: Path, left: int) -> Path:
    """Leave so many bytes; what is removed to make room again."""
    spare, ballast = disk / "spare", disk / "ballast"
    spare.write_bytes(bytes(left))
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    spare.unlink()
    return ballast


def content(store: Store) -> dict[str, int]:
    found = sorted(path for path in store.root.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(store.root)): path.stat().st_size for path in found}


@pytest.mark.parametrize("beside", [True, False], ids=["database on it", "database elsewhere"])
def test_an_installation_on_a_full_disk_changes_nothing(disk: Path, tmp_path: Path, *, beside: bool) -> None:
    store = Store(disk / "models")
    data = (disk if beside else tmp_path) / "data"
    one, other = made(tmp_path, "v1"), made(tmp_path, "v2")
    with closing(Projects(connect(data))) as projects:
        projects.started(install(projects, store, one, fingerprint(KEY.public)))
        before = content(store)
        refusals = []
        for left in range(0, SIZE + 200_000, 90_000):
            ballast = fill(disk, left)
            try:
                install(projects, store, other)
            except StorageError as error:
                refusals.append(str(error))
                ballast.unlink()
            else:
                ballast.unlink()
                remove(projects, store, "raccoons", "v2")
            assert [(version.name, version.status) for version in projects.versions()] == [("v1", "RUNNING")]
            assert content(store) == before
        assert len(refusals) >= 10
        assert not any("\n" in refusal for refusal in refusals)
        assert all("free some space" in refusal or "make room" in refusal for refusal in refusals), refusals
        install(projects, store, other)
        assert {version.name for version in projects.versions()} == {"v1", "v2"}


def test_a_version_can_be_deleted_to_make_room(disk: Path, tmp_path: Path) -> None:
    store = Store(disk / "models")
    one, other = made(tmp_path, "v1"), made(tmp_path, "v2")
    with closing(Projects(connect(tmp_path / "data"))) as projects:
        install(projects, store, one, fingerprint(KEY.public))
        fill(disk, 0)
        with pytest.raises(StorageError, match="free some space"):
            install(projects, store, other)
        remove(projects, store, "raccoons", "v1")
        assert install(projects, store, other).name == "v2"


def test_a_new_signer_is_not_trusted_where_the_disk_is_full(disk: Path, tmp_path: Path) -> None:
    store = Store(disk / "models")
    with closing(Projects(connect(tmp_path / "data"))) as projects:
        fill(disk, SIZE // 2)
        with pytest.raises(StorageError, match="free some space"):
            install(projects, store, made(tmp_path, "v1"), fingerprint(KEY.public))
        assert packs.trusted(store) == frozenset()
        assert projects.projects() == []


def test_a_model_answers_while_the_disk_of_its_database_is_full(disk: Path, tmp_path: Path) -> None:
    models = ModelSettings(store=tmp_path / "models")
    settings: Any = SimpleNamespace(models=models, accel=AccelSettings(), data=disk / "data")
    with closing(Projects(connect(settings.data))) as projects:
        install(projects, models.open_store(), customs.pack(tmp_path), fingerprint(customs.KEY.public))
    fill(disk, 0)
    with closing(open_named(settings, "colours")) as opened:
        model = opened.of("colours")
        assert model
        assert [label.name for label in model.look(customs.colour("red"))] == ["red"]
