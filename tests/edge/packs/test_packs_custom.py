"""Custom model packs: what is signed comes back as it was, and anything else is refused with the reason."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import EXPECTED, DeniedError, InputError, MissingError
from edge.packs import custom as packs
from edge.packs import owners
from edge.packs.custom import KIND, Draft, Index, Installed
from edge.packs.sealed import HEADER
from edge.packs.signing import SigningKey, fingerprint
from edge.packs.store import Store
from models.manifest import ModelError

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(32))
SIGNER = fingerprint(KEY.public)
TOLD: dict[str, Any] = {
    "project": "raccoons",
    "version": "v1",
    "task": "classify",
    "labels": [{"name": "raccoon", "threshold": 0.5}, {"name": "cat", "threshold": 0.25}],
    "variants": {
        "openvino": {
            "weights": "openvino.xml",
            "outputs": ["logits"],
            "input": {"width": 224, "height": 224, "fit": "square", "crop": 0.875},
            "decode": {"name": "classify", "activation": "softmax"},
        },
        "tflite": {
            "weights": "model.tflite",
            "outputs": ["logits"],
            "input": {"width": 192, "height": 192, "fit": "square"},
            "decode": {"name": "classify", "activation": "sigmoid"},
        },
    },
    "data": "ab" * 32,
    "made_at": 1.8e9,
    "f1": 0.9,
    "images": [160, 40],
    "seconds": 90.0,
}
DRAFT = Draft.model_validate(TOLD)
FILES = {
    "openvino.xml": b"<net/>",
    "openvino.bin": bytes(range(100)),
    "model.tflite": b"TFL3",
    "CARD.md": b"# Raccoons",
}

Change = Callable[[bytes], bytes]


def made(folder: Path, draft: Draft = DRAFT, key: SigningKey = KEY) -> Path:
    inside = folder / "files"
    inside.mkdir(parents=True, exist_ok=True)
    for name, data in FILES.items():
        (inside / name).write_bytes(data)
    file = folder / packs.file_name(draft.project, draft.version)
    packs.make(draft, inside, key, file)
    return file


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made(tmp_path_factory.mktemp("pack")).read_bytes()


@pytest.fixture
def file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "raccoons-v1.vedette"
    path.write_bytes(data)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def content(store: Store) -> dict[str, bytes]:
    """Every file of a store, whatever it is for."""
    found = sorted(path for path in store.root.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(store.root)): path.read_bytes() for path in found}


def index_of(data: bytes) -> Index:
    length = HEADER.unpack_from(data)[4]
    return Index.model_validate_json(data[HEADER.size : HEADER.size + length])


def resigned(index: bytes, rest: bytes = b"", version: int = 1) -> bytes:
    """A pack of any index, with a good signature."""
    signature = KEY.sign(KIND.signed(version, KEY.public, index))
    return HEADER.pack(KIND.magic, version, KEY.public, signature, len(index)) + index + rest


def test_a_pack_comes_back_as_it_was_made(file: Path, data: bytes, tmp_path: Path) -> None:
    pack = packs.read(file, {SIGNER})
    assert (pack.signer, pack.digest) == (SIGNER, hashlib.sha256(data).hexdigest())
    assert Draft.model_validate(pack.index.model_dump(exclude={"files"})) == DRAFT
    assert {name: known.bytes for name, known in pack.index.files.items()} == {
        name: len(content) for name, content in FILES.items()
    }
    assert made(tmp_path / "again").read_bytes() == data
    assert not list(tmp_path.rglob("*.part"))


def test_an_installed_pack_is_a_folder_of_its_files(file: Path, store: Store) -> None:
    installed = packs.install(store, file, trust=SIGNER)
    assert installed.folder == store.root / "custom" / installed.digest
    assert {name: (installed.folder / name).read_bytes() for name in FILES} == FILES
    assert packs.find(store, installed.digest) == installed
    assert packs.faults(installed) == []
    assert not list((store.root / "tmp").iterdir())


def test_a_signer_must_be_trusted_first(file: Path, store: Store) -> None:
    told = f"signed by {SIGNER}, whom this device does not trust; .* 'vedette custom install {file} --trust {SIGNER}'"
    with pytest.raises(DeniedError, match=told):
        packs.install(store, file)
    with pytest.raises(DeniedError, match=f"signed by {SIGNER}, not by {fingerprint(OTHER.public)}"):
        packs.install(store, file, trust=fingerprint(OTHER.public))
    assert content(store) == {}
    packs.install(store, file, trust=SIGNER)
    packs.install(store, file)
    assert packs.trusted(store) == {SIGNER}


def swapped_key(data: bytes) -> bytes:
    magic, version, _, signature, length = HEADER.unpack_from(data)
    return HEADER.pack(magic, version, OTHER.public, signature, length) + data[HEADER.size :]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: b"", "no model pack, or cut short; copy it again"),
        (lambda data: data[: HEADER.size], "no model pack, or cut short"),
        (lambda data: data[: HEADER.size + 40], "no model pack, or cut short"),
        (lambda data: b"PK" + data[2:], "no model pack"),
        (lambda data: data.replace(b"raccoons", b"racoons!"), "the signature is wrong: it was altered"),
        (swapped_key, "the signature is wrong"),
        (lambda data: data.replace(b"TFL3", b"TFL4"), "the digest of model.tflite is wrong: it was altered"),
        (lambda data: data[:-1], "cut short within openvino.xml"),
        (lambda data: data[: -len(FILES["openvino.xml"])], "cut short within openvino.xml"),
        (lambda data: data + b"more", "holds more than its index names"),
        (lambda _: resigned(b"{}", version=2), "of format 2, made by a newer Vedette; upgrade this one"),
        (lambda _: resigned(b"{}"), "its index makes no sense"),
        (lambda _: resigned(b"[" * 100_000), "its index makes no sense"),
        (
            lambda data: resigned(
                index_of(data).model_dump_json().replace('"classify","size', '"telepathy","size').encode()
            ),
            "made for a newer Vedette, that reads 'telepathy'",
        ),
    ],
)
def test_whatever_was_altered_is_refused_with_the_reason(
    file: Path, data: bytes, store: Store, change: Change, reason: str
) -> None:
    file.write_bytes(change(data))
    with pytest.raises(InputError, match=reason) as caught:
        packs.install(store, file, trust=SIGNER)
    assert "\n" not in str(caught.value)
    assert content(store) == {}


def test_what_is_no_file_is_told(tmp_path: Path, store: Store) -> None:
    with pytest.raises(MissingError, match="no such file; 'tools/train' makes one"):
        packs.install(store, tmp_path / "absent.vedette")
    with pytest.raises(InputError, match="not a file"):
        packs.install(store, tmp_path)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", ".hidden", "", "x" * 41, packs.FRONT])
def test_a_file_name_that_is_a_path_cannot_be_expressed(file: Path, data: bytes, store: Store, name: str) -> None:
    text = index_of(data).model_dump_json().replace('"CARD.md"', f'"{name}"').encode()
    file.write_bytes(resigned(text, b"".join(FILES[known] for known in sorted(FILES))))
    with pytest.raises(InputError, match="its index makes no sense"):
        packs.install(store, file, trust=SIGNER)
    assert content(store) == {}


@pytest.mark.parametrize("name", ["../outside", "a/b", "", "x" * 256, "white space", "new\nline"])
@pytest.mark.parametrize("key", ["project", "version"])
def test_a_project_that_is_a_path_cannot_be_expressed(
    file: Path, data: bytes, store: Store, key: str, name: str
) -> None:
    index = index_of(data).model_copy(update={key: name})
    file.write_bytes(resigned(index.model_dump_json().encode(), b"".join(FILES[known] for known in sorted(FILES))))
    with pytest.raises(InputError, match=f"its index makes no sense .{key}"):
        packs.install(store, file, trust=SIGNER)
    assert content(store) == {}


def test_an_index_that_claims_more_than_there_is_fills_no_disk(file: Path, data: bytes, store: Store) -> None:
    index = index_of(data)
    huge = index.files["CARD.md"].model_copy(update={"bytes": 1 << 50})
    text = index.model_copy(update={"files": {**index.files, "CARD.md": huge}}).model_dump_json()
    file.write_bytes(resigned(text.encode(), b"".join(FILES[known] for known in sorted(FILES))))
    with pytest.raises(InputError, match="its files are larger than 1024 MiB"):
        packs.install(store, file, trust=SIGNER)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"labels": []}, "labels"),
        ({"labels": [{"name": "a", "threshold": 0.5}, {"name": "a", "threshold": 0.4}]}, "two labels have one name"),
        ({"labels": [{"name": "a", "threshold": 1.5}]}, "threshold"),
        ({"variants": {}}, "variants"),
        ({"task": "dream"}, "task"),
        ({"seconds": float("inf")}, "seconds"),
        ({"code": "import os"}, "code"),
    ],
)
def test_a_draft_that_makes_no_sense_names_what_is_wrong(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Draft.model_validate(TOLD | change)


def test_a_pack_needs_all_its_files_and_no_other_thing(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "files" / "openvino.bin").unlink()
    with pytest.raises(InputError, match=r"there is no file 'openvino\.bin'"):
        packs.make(DRAFT, tmp_path / "files", KEY, tmp_path / "other.vedette")
    (tmp_path / "files" / "openvino.bin").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=r"openvino\.bin: not a plain file"):
        packs.make(DRAFT, tmp_path / "files", KEY, tmp_path / "other.vedette")
    assert not (tmp_path / "other.vedette").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_flipped_bit_goes_unseen(file: Path, data: bytes, drawn: st.DataObject) -> None:
    place, bit = drawn.draw(st.integers(0, len(data) - 1)), drawn.draw(st.integers(0, 7))
    altered = bytearray(data)
    altered[place] ^= 1 << bit
    file.write_bytes(altered)
    with pytest.raises(EXPECTED):
        packs.read(file, {SIGNER})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_nothing_cut_out_and_nothing_put_in_goes_unseen(file: Path, data: bytes, drawn: st.DataObject) -> None:
    first = drawn.draw(st.integers(0, len(data)))
    last = drawn.draw(st.integers(first, len(data)))
    altered = data[:first] + drawn.draw(st.binary(max_size=40)) + data[last:]
    if altered == data:
        return
    file.write_bytes(altered)
    with pytest.raises(EXPECTED):
        packs.read(file, {SIGNER})


def refusing(_: Installed) -> None:
    raise InputError("the version is there already")


def test_what_is_refused_at_the_end_leaves_the_store_as_it_was(file: Path, store: Store, tmp_path: Path) -> None:
    packs.install(
        store, made(tmp_path / "v2", DRAFT.model_copy(update={"version": "v2"}), OTHER), fingerprint(OTHER.public)
    )
    before = content(store)
    with pytest.raises(InputError, match="there already"):
        packs.install(store, file, trust=SIGNER, then=refusing)
    assert content(store) == before
    assert packs.trusted(store) == {fingerprint(OTHER.public)}


def test_a_damaged_pack_is_told_and_mended_by_installing_it_again(file: Path, store: Store) -> None:
    installed = packs.install(store, file, trust=SIGNER)
    (installed.folder / "openvino.bin").write_bytes(bytes(100))
    (wrong,) = packs.faults(installed)
    assert wrong.endswith("openvino.bin was altered: install the pack again")
    with pytest.raises(InputError, match="there already"):
        packs.install(store, file, then=refusing)
    assert packs.faults(installed) == [wrong]
    packs.install(store, file)
    assert packs.faults(installed) == []
    (installed.folder / "openvino.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"openvino\.bin is cut short: install the pack again"):
        packs.find(store, installed.digest)
    (installed.folder / packs.FRONT).write_bytes(b"")
    with pytest.raises(ModelError, match="is missing or damaged: install the pack again"):
        packs.find(store, installed.digest)
    (installed.folder / "openvino.bin").unlink()
    assert packs.faults(installed)[0].endswith("is missing: install the pack again")


def test_a_built_model_is_fed_and_read_as_its_variant_says(file: Path, store: Store) -> None:
    installed = packs.install(store, file, trust=SIGNER)
    built = packs.built(installed, "tflite")
    assert built.weights == installed.folder / "model.tflite"
    assert (built.digest, built.labels) == (installed.digest, ("raccoon", "cat"))
    assert (built.manifest.name, built.manifest.task) == ("raccoons/v1", "custom")
    assert built.manifest.input_for("openvino").width == 224
    assert built.manifest.input_for("tflite").width == 192
    assert built.manifest.decode_for("tflite").activation == "sigmoid"
    with pytest.raises(ModelError, match="raccoons/v1 has no coral variant: there is openvino, tflite"):
        packs.built(installed, "coral")


def test_what_no_version_needs_is_swept_up(file: Path, store: Store, tmp_path: Path) -> None:
    one = packs.install(store, file, trust=SIGNER, owner="here")
    second = made(tmp_path / "v2", DRAFT.model_copy(update={"version": "v2"}))
    other = packs.install(store, second, owner="here")
    (store.root / "custom" / ".gone-half").mkdir()
    owners.sweep(store, "here", {one.digest})
    assert {path.name for path in (store.root / "custom").iterdir()} == {one.digest, "trusted"}
    assert packs.faults(one) == []
    assert not other.folder.exists()
    assert [path.name for path in store.root.glob("owners/*/*")] == [one.digest]


def test_a_pack_goes_with_the_last_who_needs_it(file: Path, store: Store) -> None:
    for owner in ("here", "there"):
        one = packs.install(store, file, trust=SIGNER, owner=owner)
    owners.sweep(store, "here", ())
    assert packs.faults(one) == []
    owners.sweep(store, "elsewhere", ())
    assert packs.faults(one) == []
    owners.sweep(store, "there", ())
    assert not one.folder.exists()


def test_a_pack_that_nobody_marked_is_left_alone(file: Path, store: Store) -> None:
    one = packs.install(store, file, trust=SIGNER)
    owners.sweep(store, "here", ())
    assert packs.faults(one) == []


def test_a_pack_that_is_refused_belongs_to_nobody(file: Path, store: Store) -> None:
    def refuse(_: object) -> None:
        raise InputError("no")

    with pytest.raises(InputError):
        packs.install(store, file, SIGNER, refuse, "here")
    assert not list(store.root.glob("owners/*/*"))


@pytest.mark.parametrize("name", [".", "..", "..."])
@pytest.mark.parametrize("part", ["project", "version"])
def test_a_name_that_is_a_folder_elsewhere_is_refused(part: str, name: str) -> None:
    with pytest.raises(ValueError, match="dots alone are no name"):
        packs.Draft.model_validate({**DRAFT.model_dump(), part: name})


def test_a_fingerprint_may_be_written_in_capitals(file: Path, store: Store) -> None:
    packs.install(store, file, trust=SIGNER.upper())
    assert packs.trusted(store) == {SIGNER}
    packs.trust(store, SIGNER.upper())
    assert packs.trusted(store) == {SIGNER}
