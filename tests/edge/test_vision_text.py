"""What is told of lines and words, and what the pulled models read of pictures drawn here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.session import AcceleratorError
from edge import config
from edge.findings import Words
from edge.values import Box, Image
from edge.vision.text import Line, Text, TextFilter, findings, open_text
from models import lines
from models.manifest import ModelError

SHAPE = (480, 640)
TEXTS = st.text("ab1é  ", min_size=1, max_size=24)


def line(text: str, corners: tuple[tuple[float, float], ...], score: float = 0.9) -> Line:
    middles = (np.arange(len(text)) + 0.5) / len(text)
    begins, ends = lines.spans(middles)
    scores = tuple(score for _ in text)
    return Line(np.array(corners, np.float32), tuple(text), scores, tuple(begins), tuple(ends))


def flat(text: str, box: tuple[float, float, float, float], score: float = 0.9) -> Line:
    left, top, right, bottom = box
    return line(text, ((left, top), (right, top), (right, bottom), (left, bottom)), score)


@st.composite
def rectangles(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Anywhere in and around the picture, at any angle."""
    centre = draw(st.floats(-50, 690)), draw(st.floats(-50, 530))
    size = draw(st.floats(20, 400)), draw(st.floats(5, 60))
    return tuple((float(x), float(y)) for x, y in cv2.boxPoints((centre, size, draw(st.floats(-90, 90)))))


@given(st.lists(st.tuples(TEXTS, rectangles()), max_size=6))
def test_words_have_a_line_and_lie_inside_it(read: list[tuple[str, tuple[tuple[float, float], ...]]]) -> None:
    found = findings([line(*one) for one in read], SHAPE, TextFilter())
    assert [one.id for one in found] == list(range(len(found)))
    assert [one.kind for one in found] == sorted(one.kind for one in found)  # LINE before WORD
    for one in found:
        assert all(0.0 <= side <= 1.0 for point in one.polygon for side in point)
        if one.kind == "LINE":
            assert one.parent is None
            words = [word.text for word in found if word.parent == one.id]
            assert one.text == " ".join(words)
            assert words
        else:
            parent = found[one.parent or 0]
            assert parent.kind == "LINE"
            assert parent.box.x1 <= one.box.x1 <= one.box.x2 <= parent.box.x2
            assert parent.box.y1 <= one.box.y1 <= one.box.y2 <= parent.box.y2


def test_a_filter_takes_words_and_shrinks_their_line() -> None:
    read = [flat("one two", (64, 48, 192, 96)), flat("tiny", (64, 200, 100, 205))]
    found = findings(read, SHAPE, TextFilter(height=0.05))
    assert [one.text for one in found] == ["one two", "one", "two"]
    left = TextFilter(regions=(Box(0.0, 0.0, 0.18, 1.0),))
    found = findings(read, SHAPE, left)
    assert [(one.kind, one.text) for one in found] == [
        ("LINE", "one"),
        ("LINE", "tiny"),
        ("WORD", "one"),
        ("WORD", "tiny"),
    ]
    assert found[0].box == found[2].box
    corner = TextFilter(regions=(((0.0, 0.0), (0.5, 0.0), (0.0, 0.5)),))
    assert [one.text for one in findings(read, SHAPE, corner)] == ["one two", "one", "two"]


def test_a_filter_goes_by_score_width_and_number() -> None:
    read = [flat("sure", (64, 48, 192, 96), 0.95), flat("not so", (64, 148, 192, 196), 0.6)]
    assert [one.text for one in findings(read, SHAPE, TextFilter(score=0.8))] == ["sure", "sure"]
    assert [one.text for one in findings(read, SHAPE, TextFilter(width=0.15))] == ["sure", "sure"]
    assert [one.text for one in findings(read, SHAPE, TextFilter(most=2))] == ["sure", "not", "sure", "not"]
    assert findings(read, SHAPE, TextFilter(most=0)) == []


def test_spaces_at_either_end_are_no_words() -> None:
    assert ["".join(word.text) for word in flat("  a  b ", (0, 0, 100, 20)).words()] == ["a", "b"]
    assert findings([flat("   ", (0, 0, 100, 20))], SHAPE, TextFilter()) == []


@pytest.fixture(scope="module")
def text() -> Iterator[Text]:
    try:
        opened = open_text(config.Config())
    except (ModelError, AcceleratorError) as error:
        pytest.skip(f"{error}")
    yield opened
    opened.close()


def sheet() -> Image:
    image = np.full((480, 640, 3), 235, np.uint8)
    for row, words in enumerate(("Keep this door shut", "Ring twice at night", "Room 214 is upstairs")):
        cv2.putText(image, words, (60, 120 + 110 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (30, 30, 30), 2, cv2.LINE_AA)
    return image


def told(found: list[Words], kind: str = "LINE") -> list[str]:
    return [one.text for one in found if one.kind == kind]


WRITTEN = ["Keep this door shut", "Ring twice at night", "Room 214 is upstairs"]


@pytest.mark.models
@pytest.mark.parametrize("quarters", range(4))
def test_a_page_is_read_however_it_is_turned(text: Text, quarters: int) -> None:
    found = text.look(np.ascontiguousarray(np.rot90(sheet(), quarters)))
    assert told(found) == WRITTEN
    assert told(found, "WORD") == " ".join(WRITTEN).split()
    assert all(one.score > 0.8 for one in found)
    # The polygon begins at the text's own top left, whichever corner of the picture that is.
    (x, y), right = found[0].polygon[0], np.subtract(found[0].polygon[1], found[0].polygon[0])
    assert np.argmax(np.abs(right)) == quarters % 2
    assert (right[quarters % 2] > 0) == (quarters in (0, 3))
    assert (x < 0.5, y < 0.5) == ((True, True), (True, False), (False, False), (False, True))[quarters]


@pytest.mark.models
@pytest.mark.parametrize("degrees", [-60, -25, 15, 45, 75])
def test_a_slanting_line_is_read(text: Text, degrees: int) -> None:
    image = np.full((720, 720, 3), 235, np.uint8)
    cv2.putText(image, "Ring twice at night", (120, 370), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (30, 30, 30), 3, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((360, 360), degrees, 1.0)
    found = text.look(cv2.warpAffine(image, turn, (720, 720), borderValue=(235, 235, 235)).astype(np.uint8))
    assert told(found) == ["Ring twice at night"]
    along = np.subtract(found[0].polygon[1], found[0].polygon[0])
    assert np.degrees(np.arctan2(-along[1], along[0])) == pytest.approx(degrees, abs=4)


@pytest.mark.models
def test_only_the_wanted_words_of_a_page_are_told(text: Text) -> None:
    top = TextFilter(regions=(Box(0.0, 0.0, 1.0, 0.33),))
    assert told(text.look(sheet(), top)) == WRITTEN[:1]
    assert told(text.look(sheet(), TextFilter(most=5)), "WORD") == " ".join(WRITTEN).split()[:5]


@pytest.mark.models
def test_a_word_stands_where_it_was_drawn(text: Text) -> None:
    words = [one for one in text.look(sheet()) if one.kind == "WORD"]
    for word, place in zip(words, count()):
        row, before = place // 4, " ".join(WRITTEN[place // 4].split()[: place % 4])
        (start, _), _ = cv2.getTextSize(f"{before} " if before else "", cv2.FONT_HERSHEY_SIMPLEX, 1.2, 2)
        (width, _), _ = cv2.getTextSize(word.text, cv2.FONT_HERSHEY_SIMPLEX, 1.2, 2)
        assert word.box.x1 * 640 == pytest.approx(60 + start, abs=18)
        assert word.box.x2 * 640 == pytest.approx(60 + start + width, abs=18)
        assert word.box.y1 * 480 < 110 + 110 * row < word.box.y2 * 480


@pytest.mark.models
@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (32, 32), (720, 1280)])
def test_there_is_no_text_in_the_dark(text: Text, shape: tuple[int, int]) -> None:
    assert text.look(np.zeros((*shape, 3), np.uint8)) == []


@pytest.mark.models
def test_a_picture_filled_by_its_word_is_read(text: Text) -> None:
    (width, height), base = cv2.getTextSize("Platform", cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    image = np.full((height + base, width, 3), 240, np.uint8)
    cv2.putText(image, "Platform", (0, height), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 2, cv2.LINE_AA)
    assert told(text.look(image)) == ["Platform"]


def test_a_reader_without_characters_is_refused() -> None:
    class Nothing:
        labels = ()
        manifest = type("Manifest", (), {"name": "mute"})

    with pytest.raises(ModelError, match="mute has no characters"):
        Text(Nothing(), Nothing(), Nothing())  # type: ignore[arg-type]
