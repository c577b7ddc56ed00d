"""Which version of a project serves, whatever is started, stopped, failed and rolled back."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.custom import InUseError, NewVersion, NoVersionError, Projects, Serving, Status, Version
from edge.database import connect
from edge.errors import InputError

NAMES = ("v1", "v2", "v3")


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Projects]:
    with closing(filled(tmp_path)) as opened:
        yield opened


def filled(folder: Path) -> Projects:
    """Three versions that may be started."""
    projects = Projects(connect(folder))
    projects.create_project("raccoons")
    for name in NAMES:
        projects.create_version(NewVersion("raccoons", name, Status.TRAINING_COMPLETED))
    return projects


def start(projects: Projects, name: str, *, shadow: bool = False) -> None:
    projects.started(projects.version("raccoons", name), shadow=shadow)


def roles(projects: Projects) -> tuple[str, str, str]:
    """The names of the current, the previous and the shadow version."""
    names: dict[int | None, str] = {None: ""} | {version.id: version.name for version in projects.versions()}
    serving = projects.serving("raccoons")
    return names[serving.current], names[serving.previous], names[serving.shadow]


def status(projects: Projects, name: str) -> Status:
    return projects.version("raccoons", name).status


def test_a_version_is_starting_until_it_has_passed_its_self_test(projects: Projects) -> None:
    version = projects.begin("raccoons", "v1", 2, 4)
    assert (version.status, version.min_units, version.max_units) == (Status.STARTING, 2, 4)
    assert projects.live() == [version]
    assert roles(projects) == ("", "", "")
    with pytest.raises(InUseError, match="raccoons/v1 is STARTING; it cannot be started now"):
        projects.begin("raccoons", "v1")
    projects.started(version)
    assert status(projects, "v1") == Status.RUNNING
    assert roles(projects) == ("v1", "", "")


def test_a_version_is_stopping_until_it_is_closed(projects: Projects) -> None:
    start(projects, "v1")
    stopping = projects.stop("raccoons", "v1")
    assert (stopping.status, roles(projects)) == (Status.STOPPING, ("", "", ""))
    with pytest.raises(InUseError, match="raccoons/v1 is STOPPING: it does not run"):
        projects.stop("raccoons", "v1")
    with pytest.raises(InUseError, match="wait until that is done"):
        projects.delete_version("raccoons", "v1")
    projects.stopped(stopping)
    assert status(projects, "v1") == Status.STOPPED
    projects.delete_version("raccoons", "v1")


def test_one_that_fails_while_it_starts_leaves_the_one_before_at_work(projects: Projects) -> None:
    start(projects, "v1")
    projects.failed(projects.begin("raccoons", "v2"), "it says something else")
    failed = projects.version("raccoons", "v2")
    assert (failed.status, failed.message) == (Status.FAILED, "it says something else")
    assert roles(projects) == ("v1", "", "")
    start(projects, "v2")
    assert projects.version("raccoons", "v2").message == ""


def test_one_that_fails_at_work_is_followed_by_the_one_before(projects: Projects) -> None:
    start(projects, "v1")
    start(projects, "v2")
    projects.failed(projects.version("raccoons", "v2"), "its file is gone")
    assert roles(projects) == ("v1", "v2", "")


def test_the_one_before_comes_back_and_the_two_change_places(projects: Projects) -> None:
    start(projects, "v1")
    with pytest.raises(InputError, match="no version served before this one"):
        projects.roll_back("raccoons")
    start(projects, "v2")
    assert projects.roll_back("raccoons").name == "v1"
    assert roles(projects) == ("v1", "v2", "")
    projects.roll_back("raccoons")
    projects.stopped(projects.stop("raccoons", "v1"))
    with pytest.raises(InUseError, match="raccoons/v1 is STOPPED; start it"):
        projects.roll_back("raccoons")
    assert roles(projects) == ("v2", "v1", "")


def test_the_one_before_is_remembered_while_none_serves(projects: Projects) -> None:
    start(projects, "v1")
    start(projects, "v2")
    for name in ("v1", "v2"):
        projects.stopped(projects.stop("raccoons", name))
    start(projects, "v2")
    assert roles(projects) == ("v2", "v1", "")


def test_a_shadow_stands_beside_another_one(projects: Projects) -> None:
    with pytest.raises(InputError, match="no other version runs, so that v2 could be its shadow"):
        start(projects, "v2", shadow=True)
    start(projects, "v1")
    start(projects, "v2", shadow=True)
    assert roles(projects) == ("v1", "", "v2")
    with pytest.raises(InputError, match="no other version runs"):
        start(projects, "v1", shadow=True)
    start(projects, "v2")
    assert roles(projects) == ("v2", "v1", "")
    start(projects, "v3", shadow=True)
    projects.stopped(projects.stop("raccoons", "v3"))
    assert roles(projects) == ("v2", "v1", "")


def test_where_none_serves_there_is_no_shadow(projects: Projects) -> None:
    start(projects, "v1")
    start(projects, "v2", shadow=True)
    projects.stopped(projects.stop("raccoons", "v1"))
    assert roles(projects) == ("", "", "")
    assert status(projects, "v2") == Status.RUNNING


def test_a_version_that_loses_its_part_is_stopped_where_that_is_asked_for(projects: Projects) -> None:
    for name in ("v1", "v2"):
        start(projects, name)
    stopped = projects.started(projects.version("raccoons", "v3"), replacing=True)
    assert [version.name for version in stopped] == ["v1"]
    assert (status(projects, "v1"), status(projects, "v2")) == (Status.STOPPED, Status.RUNNING)
    assert roles(projects) == ("v3", "v2", "")


def test_a_shadow_that_another_one_replaces_is_stopped(projects: Projects) -> None:
    start(projects, "v1")
    start(projects, "v2", shadow=True)
    projects.started(projects.version("raccoons", "v3"), shadow=True, replacing=True)
    assert (status(projects, "v2"), roles(projects)) == (Status.STOPPED, ("v1", "", "v3"))


@pytest.mark.parametrize(("replacing", "first"), [(True, Status.STOPPED), (False, Status.RUNNING)])
def test_what_is_begun_remembers_whether_it_stops_another(
    projects: Projects, *, replacing: bool, first: Status
) -> None:
    for name in NAMES:
        projects.started(projects.begin("raccoons", name, replacing=replacing))
    assert [status(projects, name) for name in NAMES] == [first, Status.RUNNING, Status.RUNNING]


def test_what_was_stopped_or_deleted_meanwhile_is_not_started(projects: Projects) -> None:
    version = projects.begin("raccoons", "v1")
    projects.stop("raccoons", "v1")
    with pytest.raises(InUseError, match="is STOPPING"):
        projects.started(version)
    projects.failed(version, "too late")
    projects.stopped(version)
    assert status(projects, "v1") == Status.STOPPED
    projects.delete_version("raccoons", "v1")
    with pytest.raises(NoVersionError):
        projects.started(version)
    projects.failed(version, "too late")
    projects.stopped(version)
    with pytest.raises(NoVersionError, match="it was deleted"):
        projects.version_by_key(version.id)


def test_a_deleted_version_is_remembered_by_nobody(projects: Projects) -> None:
    start(projects, "v1")
    start(projects, "v2")
    projects.stopped(projects.stop("raccoons", "v1"))
    projects.delete_version("raccoons", "v1")
    current = projects.version("raccoons", "v2").id
    assert projects.serving("raccoons") == Serving(current)


def act(projects: Projects, word: str, version: Version) -> None:
    match word:
        case "begin":
            projects.begin("raccoons", version.name)
        case "started":
            projects.started(version)
        case "shadow":
            projects.started(version, shadow=True)
        case "failed":
            projects.failed(version, "no")
        case "stop":
            projects.stop("raccoons", version.name)
        case "stopped":
            projects.stopped(version)
        case _:
            projects.roll_back("raccoons")


WORDS = ("begin", "started", "shadow", "failed", "stop", "stopped", "back")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(NAMES)), max_size=25))
def test_only_what_runs_serves_and_no_version_stands_beside_itself(steps: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder, closing(filled(Path(folder))) as projects:
        for word, name in steps:
            with suppress(InputError):
                act(projects, word, projects.version("raccoons", name))
            current, previous, shadow = roles(projects)
            assert not current or current not in (previous, shadow)
            assert current or not shadow
            assert all(status(projects, role) == Status.RUNNING for role in (current, shadow) if role)
