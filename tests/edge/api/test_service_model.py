"""The committed service model: it is botocore's own, it ships, and Python reads its patterns as Java does."""

from __future__ import annotations

import importlib.util
import json
import sys
import unicodedata
from pathlib import Path
from types import ModuleType

import pytest

from edge.api import model
from edge.api.model import Shape, compiled, operations

pytest.importorskip("botocore", reason="botocore is not installed")
from botocore.loaders import Loader

ROOT = Path(__file__).parents[3]
STALE = "botocore's model of Rekognition is not the committed one: run tools/service-model and read the diff"


@pytest.fixture(scope="module")
def service_model() -> ModuleType:
    """The generator, which is in no package."""
    spec = importlib.util.spec_from_file_location("service_model", ROOT / "tools/service_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shapes() -> dict[str, Shape]:
    found: dict[str, Shape] = {}

    def walk(shape: Shape) -> None:
        found[shape.name] = shape
        for part in shape.parts.values():
            walk(part)

    for operation in operations().values():
        walk(operation.input)
        walk(operation.output)
    return found


def test_the_committed_model_is_that_of_the_botocore_installed(service_model: ModuleType) -> None:
    committed = json.loads(model.FILE.read_text("utf-8"))
    assert committed["source"].pop("botocore")  # it was taken from; the next version may hold the same model
    fresh = service_model.stripped(Loader().load_service_model("rekognition", "service-2"))
    assert committed == fresh, STALE


def test_it_is_written_one_operation_and_one_shape_a_line(service_model: ModuleType) -> None:
    text = model.FILE.read_text("utf-8")
    assert service_model.written(json.loads(text)) == text
    assert text.count("\n") == len(operations()) + len(shapes()) + 7


def test_no_prose_and_no_exception_is_left(service_model: ModuleType) -> None:
    given = {
        "metadata": {"apiVersion": "2016-06-27"},
        "operations": {
            "Nod": {
                "name": "Nod",
                "documentation": "<p>Nods.</p>",
                "input": {"shape": "NodRequest"},
                "output": {"shape": "NodResponse"},
                "errors": [{"shape": "Refused"}],
            }
        },
        "shapes": {
            "NodRequest": {
                "type": "structure",
                "required": ["How"],
                "members": {"How": {"shape": "Depth", "documentation": "<p>How deep.</p>"}},
                "documentation": "<p>A nod.</p>",
            },
            "NodResponse": {"type": "structure", "members": {}},
            "Depth": {"type": "float", "min": 0, "max": 1},
            "Refused": {"type": "structure", "members": {}, "exception": True},
            "Unused": {"type": "string"},
        },
    }
    assert service_model.stripped(given) == {
        "source": {"apiVersion": "2016-06-27"},
        "operations": {"Nod": {"input": "NodRequest", "output": "NodResponse", "errors": ["Refused"]}},
        "shapes": {
            "Depth": {"type": "float", "min": 0, "max": 1},
            "NodRequest": {"type": "structure", "members": {"How": "Depth"}, "required": ["How"]},
            "NodResponse": {"type": "structure", "members": {}},
        },
    }


def test_all_75_operations_are_there_with_their_shapes() -> None:
    assert len(operations()) == 75
    detect = operations()["DetectLabels"]
    assert detect.input.required == ("Image",)
    assert list(detect.input.parts) == ["Image", "MaxLabels", "MinConfidence", "Features", "Settings"]
    picture = detect.input.parts["Image"].parts["Bytes"]
    assert (picture.kind, picture.low, picture.high) == ("blob", 1, 5 * 2**20)
    assert detect.input.parts["Features"].parts["member"].enum == ("GENERAL_LABELS", "IMAGE_PROPERTIES")
    assert "ImageTooLargeException" in detect.errors


def test_a_shape_that_two_operations_share_is_one() -> None:
    faces, labels = operations()["DetectFaces"], operations()["DetectLabels"]
    assert faces.input.parts["Image"] is labels.input.parts["Image"]


def test_every_kind_of_shape_can_be_read_and_written() -> None:
    from edge.api.reading import READERS
    from edge.api.wire import WRITERS

    kinds = {shape.kind for shape in shapes().values()}
    assert kinds == READERS.keys() == WRITERS.keys()


def test_every_pattern_is_understood() -> None:
    patterns = {shape.pattern for shape in shapes().values() if shape.pattern}
    assert len(patterns) > 20
    for pattern in patterns:
        assert r"\p" not in compiled(pattern).pattern
        if r"\p{" in pattern:  # what makes \w right for them: see LETTERS
            assert r"\p{L}\p{Z}\p{N}_" in pattern


def test_letters_numbers_and_spaces_are_those_of_unicode() -> None:
    wanted = compiled(shapes()["TagValue"].pattern)
    allowed = {text for text in map(chr, range(sys.maxunicode + 1)) if wanted.fullmatch(text)}
    assert allowed == set("_.:/=+-@") | {
        text for text in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(text)[0] in "LZN"
    }


@pytest.mark.parametrize(
    ("name", "fitting", "unfit"),
    [
        ("CollectionId", ["people", "A-1_b.c"], ["", "a b", "größe", "people\n"]),
        ("TagKey", ["owner", "Größe 1", "部署"], ["aws:owner", "a!"]),
        ("FaceId", ["11111111-2222-3333-4444-0123456789ab"], ["11111111-2222-3333-4444-0123456789AB", "1"]),
        ("KinesisVideoStreamFragmentNumber", ["42"], ["٤٢"]),  # Java's \d, and [0-9], are ASCII
        (
            "SNSTopicArn",
            ["arn:aws:sns:eu-west-1:123456789012:door"],
            ["arn:aws:sns:door", "arn:aws:sns::١٢٣٤٥٦٧٨٩٠١٢:d"],
        ),
    ],
)
def test_patterns_match_the_whole_value(name: str, fitting: list[str], unfit: list[str]) -> None:
    pattern = compiled(shapes()[name].pattern)
    assert [text for text in fitting if not pattern.fullmatch(text)] == []
    assert [text for text in unfit if pattern.fullmatch(text)] == []
