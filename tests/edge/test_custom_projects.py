"""Projects and versions as the database keeps them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.custom import (
    FullError,
    InUseError,
    NewVersion,
    NoProjectError,
    NoVersionError,
    Page,
    Projects,
    Status,
    TakenError,
    Version,
    rows,
)
from edge.database import connect
from edge.errors import InputError
from edge.packs.custom import Draft, Index, Installed
from edge.packs.records import BuiltFile
from tests.edge.drafts import raccoons

DRAFT = raccoons("v1", "openvino", "model.tflite", f1=0.9)


def pack(digest: str = "d1", **changed: object) -> Installed:
    files = {"model.tflite": BuiltFile(bytes=4, sha256="a" * 64)}
    index = Index(**{**dict(Draft.model_validate(DRAFT | changed)), "files": files})
    return Installed(index, "signer", digest, Path("nowhere"))


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Projects]:
    with closing(Projects(connect(tmp_path))) as opened:
        yield opened


def test_a_project_is_made_described_and_deleted(projects: Projects) -> None:
    made = projects.create_project("raccoons", tags={"site": "garden"})
    assert (made.name, made.feature, made.auto_update, made.status) == (
        "raccoons", "CUSTOM_LABELS", "DISABLED", "CREATED",
    )  # fmt: skip
    assert projects.project("raccoons") == made
    assert projects.tags("project", made.id) == {"site": "garden"}
    assert made.created_at == round(made.created_at, 3)
    with pytest.raises(TakenError, match="'raccoons' exists already"):
        projects.create_project("raccoons")
    projects.delete_project("raccoons")
    with pytest.raises(NoProjectError, match="no project 'raccoons': there is none"):
        projects.project("raccoons")
    assert projects.create_project("raccoons").id != made.id


@pytest.mark.parametrize("name", ["", "a/b", "white space", "x" * 256, "ä", ".", "..", "..."])
def test_names_are_those_that_rekognition_takes(projects: Projects, name: str) -> None:
    with pytest.raises(InputError, match="use letters, digits and"):
        projects.create_project(name)
    projects.create_project("raccoons")
    with pytest.raises(InputError, match="use letters, digits and"):
        projects.create_version(NewVersion("raccoons", name))


def test_projects_come_in_pages_the_newest_first(projects: Projects) -> None:
    for name in "abc":
        projects.create_project(name)
    projects.create_project("m", "CONTENT_MODERATION")
    first = projects.page_projects(limit=3)
    assert [project.name for project in first.items] == ["m", "c", "b"]
    rest = projects.page_projects(first.after, limit=3)
    assert ([project.name for project in rest.items], rest.after) == (["a"], None)
    assert [project.name for project in projects.page_projects(names=["a", "m", "z"]).items] == ["m", "a"]
    assert [project.name for project in projects.page_projects(features=["CONTENT_MODERATION"]).items] == ["m"]
    assert projects.page_projects(names=["a"], features=["CONTENT_MODERATION"]) == Page([], None)


def test_tags_are_changed_and_no_more_than_fit(projects: Projects) -> None:
    project = projects.create_project("raccoons", tags={"a": "1", "b": "2"})
    projects.tag("project", project.id, {"b": "3", "c": "4"})
    projects.untag("project", project.id, ["a", "z"])
    assert projects.tags("project", project.id) == {"b": "3", "c": "4"}
    with pytest.raises(FullError, match="there are 200 at most"):
        projects.tag("project", project.id, {str(number): "" for number in range(199)})
    assert projects.tags("project", project.id) == {"b": "3", "c": "4"}


def test_versions_belong_to_a_project_that_stays_while_they_are_there(projects: Projects) -> None:
    with pytest.raises(NoProjectError, match="no project 'raccoons'"):
        projects.create_version(NewVersion("raccoons", "v1"))
    projects.create_project("raccoons")
    version = projects.create_version(NewVersion("raccoons", "v1", description="the first", tags={"a": "b"}))
    assert (version.place, version.status, version.index) == ("raccoons/v1", Status.TRAINING_IN_PROGRESS, None)
    assert projects.tags("version", version.id) == {"a": "b"}
    with pytest.raises(TakenError, match="version raccoons/v1 exists already"):
        projects.create_version(NewVersion("raccoons", "v1"))
    with pytest.raises(InUseError, match="has 1 versions; delete them first"):
        projects.delete_project("raccoons")
    with pytest.raises(InUseError, match="is TRAINING_IN_PROGRESS; wait until that is done"):
        projects.delete_version("raccoons", "v1")
    projects.fail_training(version, "too few pictures")
    projects.delete_version("raccoons", "v1")
    with pytest.raises(NoVersionError, match="no version 'v1' of project 'raccoons': there is none"):
        projects.version("raccoons", "v1")
    projects.delete_project("raccoons")


def test_versions_come_in_pages_the_newest_first(projects: Projects) -> None:
    projects.create_project("raccoons")
    for name in ("v1", "v2", "v3"):
        projects.create_version(NewVersion("raccoons", name))
    first = projects.page_versions("raccoons", limit=2)
    assert [version.name for version in first.items] == ["v3", "v2"]
    assert [version.name for version in projects.page_versions("raccoons", first.after, 2).items] == ["v1"]
    assert [version.name for version in projects.page_versions("raccoons", names=["v2", "v9"]).items] == ["v2"]
    with pytest.raises(NoProjectError):
        projects.page_versions("cats")


def test_a_project_has_only_so_many_versions(projects: Projects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_VERSIONS", 1)
    projects.create_project("raccoons")
    projects.create_version(NewVersion("raccoons", "v1"))
    with pytest.raises(FullError, match="has 1 versions, as many as one may have; delete some first"):
        projects.create_version(NewVersion("raccoons", "v2"))


def test_a_pack_of_an_unknown_project_makes_it(projects: Projects) -> None:
    version = projects.enrol(pack(), '{"F1Score": 0.9}')
    assert (version.place, version.status, version.digest) == ("raccoons/v1", Status.TRAINING_COMPLETED, "d1")
    assert version.index == pack().index
    assert (version.seconds, version.ended_at, version.evaluation) == (12.0, 1.8e9, '{"F1Score": 0.9}')
    assert projects.enrol(pack()) == version
    assert projects.digests() == {"d1"}
    with pytest.raises(TakenError, match="version raccoons/v1 exists already"):
        projects.enrol(pack("d2"))


def test_a_pack_ends_the_training_that_was_ordered(projects: Projects) -> None:
    projects.create_project("raccoons")
    ordered = projects.create_version(NewVersion("raccoons", "v1", description="ordered"))
    done = projects.enrol(pack())
    assert (done.id, done.description, done.status) == (ordered.id, "ordered", Status.TRAINING_COMPLETED)
    projects.fail_training(done, "too late")
    assert projects.version("raccoons", "v1") == done


def test_a_pack_for_another_feature_is_refused(projects: Projects) -> None:
    projects.create_project("raccoons", "CONTENT_MODERATION")
    with pytest.raises(InputError, match="is for CONTENT_MODERATION, and the pack for CUSTOM_LABELS"):
        projects.enrol(pack())
    assert projects.versions() == []


@pytest.fixture
def source(projects: Projects) -> Version:
    projects.create_project("garden")
    return projects.enrol(pack())


def test_a_copy_has_the_model_of_its_source(projects: Projects, source: Version) -> None:
    copy = projects.copy_version(source, NewVersion("garden", "copied", source_arn="arn:of-v1", tags={"a": "b"}))
    assert (copy.place, copy.status, copy.source_arn) == ("garden/copied", Status.COPYING_COMPLETED, "arn:of-v1")
    assert (copy.digest, copy.pack) == (source.digest, source.pack)
    projects.delete_version("raccoons", "v1")
    assert projects.digests() == {"d1"}
    with pytest.raises(NoVersionError):
        projects.copy_version(source, NewVersion("garden", "again"))


def test_what_has_no_model_cannot_be_copied(projects: Projects, source: Version) -> None:
    empty = projects.create_version(NewVersion("raccoons", "v2"))
    with pytest.raises(InUseError, match="raccoons/v2 is TRAINING_IN_PROGRESS: it has no model to copy"):
        projects.copy_version(empty, NewVersion("garden", "copied"))
    with pytest.raises(NoProjectError):
        projects.copy_version(source, NewVersion("meadow", "copied"))


def test_another_process_sees_that_something_changed(projects: Projects, tmp_path: Path) -> None:
    with closing(Projects(connect(tmp_path))) as other:
        before = other.changes()
        assert other.changes() == before
        projects.create_project("raccoons")
        assert other.changes() != before
        assert [project.name for project in other.projects()] == ["raccoons"]
