"""Packs as versions: whole or not at all, side by side, and gone with the last version that needs them."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.custom import InUseError, NewVersion, Projects, Status, TakenError
from edge.custom.installing import EVALUATION, adopt, install, remove
from edge.database import connect
from edge.errors import DeniedError, InputError
from edge.packs import custom as packs
from edge.packs.custom import Draft
from edge.packs.signing import SigningKey, fingerprint
from edge.packs.store import Store
from tests.edge.drafts import raccoons

KEY = SigningKey(bytes(range(32)))
SIGNER = fingerprint(KEY.public)


def made(folder: Path, version: str, weights: bytes = b"TFL3", evaluation: bytes = b'{"F1Score":0.9}') -> Path:
    """A pack that is no network."""
    inside = folder / f"{version}-{weights.hex()}"
    inside.mkdir()
    (inside / "model.tflite").write_bytes(weights)
    (inside / EVALUATION).write_bytes(evaluation)
    draft = Draft.model_validate(raccoons(version, "tflite", "model.tflite"))
    file = inside.with_suffix(packs.SUFFIX)
    packs.make(draft, inside, KEY, file)
    return file


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Projects]:
    with closing(Projects(connect(tmp_path / "data"))) as opened:
        yield opened


def unpacked(store: Store) -> set[str]:
    return {path.name for path in packs.folder(store).iterdir() if path.is_dir()}


def test_a_pack_becomes_a_version_with_what_it_says_of_itself(projects: Projects, store: Store, tmp_path: Path) -> None:
    version = install(projects, store, made(tmp_path, "v1"), SIGNER)
    assert (version.place, version.status) == ("raccoons/v1", Status.TRAINING_COMPLETED)
    assert version.evaluation == '{"F1Score": 0.9}'
    assert packs.find(store, version.digest).index == version.index


@pytest.mark.parametrize("evaluation", [b"no JSON", b"[" * 100_000, b"\xff"])
def test_an_evaluation_that_makes_no_sense_is_left_out(
    projects: Projects, store: Store, tmp_path: Path, evaluation: bytes
) -> None:
    assert install(projects, store, made(tmp_path, "v1", evaluation=evaluation), SIGNER).evaluation == ""


def test_a_pack_that_is_refused_makes_no_project(projects: Projects, store: Store, tmp_path: Path) -> None:
    file = made(tmp_path, "v1")
    with pytest.raises(DeniedError):
        install(projects, store, file)
    with pytest.raises(InputError, match=r"is of raccoons/v1, not of raccoons/v2; send the pack that was asked for"):
        install(projects, store, file, SIGNER, only="raccoons/v2")
    assert projects.projects() == []
    assert not unpacked(store)
    assert packs.trusted(store) == frozenset()


def test_a_version_is_not_replaced_by_another_pack_of_its_name(
    projects: Projects, store: Store, tmp_path: Path
) -> None:
    file = made(tmp_path, "v1")
    first = install(projects, store, file, SIGNER)
    assert install(projects, store, file) == first
    with pytest.raises(TakenError, match="raccoons/v1 exists already: choose another name, or delete it first"):
        install(projects, store, made(tmp_path, "v1", b"TFL4"))
    assert unpacked(store) == {first.digest}


def test_two_versions_lie_side_by_side_until_one_is_deleted(projects: Projects, store: Store, tmp_path: Path) -> None:
    one = install(projects, store, made(tmp_path, "v1"), SIGNER)
    other = install(projects, store, made(tmp_path, "v2"))
    assert unpacked(store) == {one.digest, other.digest}
    projects.started(one)
    with pytest.raises(InUseError, match="raccoons/v1 is RUNNING; stop it first"):
        remove(projects, store, "raccoons", "v1")
    remove(projects, store, "raccoons", "v2")
    assert unpacked(store) == {one.digest}
    assert packs.faults(packs.find(store, one.digest)) == []


def test_what_was_compiled_of_a_version_goes_with_it(projects: Projects, store: Store, tmp_path: Path) -> None:
    versions = [install(projects, store, made(tmp_path, name), SIGNER) for name in ("v1", "v2")]
    kept, gone = (store.compiled(version.digest) for version in versions)
    for place in (kept, gone):
        place.mkdir(parents=True)
        (place / "1.blob").write_bytes(b"kernels")
    remove(projects, store, "raccoons", "v2")
    assert (kept.exists(), gone.exists()) == (True, False)


def test_a_pack_stays_while_a_copy_needs_it(projects: Projects, store: Store, tmp_path: Path) -> None:
    version = install(projects, store, made(tmp_path, "v1"), SIGNER)
    projects.create_project("garden")
    projects.copy_version(version, NewVersion("garden", "copied"))
    remove(projects, store, "raccoons", "v1")
    assert unpacked(store) == {version.digest}
    remove(projects, store, "garden", "copied")
    assert not unpacked(store)


def test_what_a_killed_process_left_is_swept_up(projects: Projects, store: Store, tmp_path: Path) -> None:
    orphan = packs.install(store, made(tmp_path, "v0"), SIGNER, owner=projects.owner)
    version = install(projects, store, made(tmp_path, "v1"))
    assert not orphan.folder.exists()
    assert unpacked(store) == {version.digest}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Projects]:
    """Another data folder, whose models lie in the same store."""
    with closing(Projects(connect(tmp_path / "elsewhere"))) as opened:
        yield opened


def test_what_another_data_folder_runs_is_never_removed(
    projects: Projects, elsewhere: Projects, store: Store, tmp_path: Path
) -> None:
    file = made(tmp_path, "v1")
    running = install(projects, store, file, SIGNER)
    install(elsewhere, store, made(tmp_path, "v2"))
    install(elsewhere, store, file)
    remove(elsewhere, store, "raccoons", "v2")
    remove(elsewhere, store, "raccoons", "v1")
    assert packs.faults(packs.find(store, running.digest)) == []
    remove(projects, store, "raccoons", "v1")
    assert not unpacked(store)


def test_what_was_installed_before_packs_had_owners_stays(
    projects: Projects, elsewhere: Projects, store: Store, tmp_path: Path
) -> None:
    file = made(tmp_path, "v1")
    old = install(projects, store, file, SIGNER)
    shutil.rmtree(store.root / "owners")
    install(elsewhere, store, made(tmp_path, "v2"))
    assert packs.faults(packs.find(store, old.digest)) == []
    adopt(projects, store)
    install(elsewhere, store, file)
    remove(elsewhere, store, "raccoons", "v1")
    assert packs.faults(packs.find(store, old.digest)) == []


def test_two_devices_with_data_folders_of_one_path_are_two(projects: Projects, tmp_path: Path) -> None:
    first = projects.owner
    (tmp_path / "data").rename(tmp_path / "moved")
    with closing(Projects(connect(tmp_path / "data"))) as other:
        assert other.owner != first
