"""What deserves an event."""

import pytest

from edge.events import rules
from edge.findings import CustomAnswer, CustomLabel, Flag, Liveness, Moderated, Protection, Quality, Words, Worker
from edge.settings import PropertiesTask
from edge.values import Box, Label, Match

BOX = Box(0.1, 0.2, 0.3, 0.4)

DOG = Label("Dog", 0.8, ("Canine", "Animal"))


def test_labels_are_told_when_the_names_change_not_when_the_scores_do() -> None:
    values, told = rules.labels([DOG], frozenset())
    assert values == {"labels": [DOG]}
    again, told = rules.labels([Label("Dog", 0.9)], told)
    assert again is None
    nothing, told = rules.labels([], told)
    assert nothing is None
    assert rules.labels([DOG], told)[0] is not None


def seen(*names: str, version: str = "1") -> CustomAnswer:
    return CustomAnswer("yard", version, tuple(CustomLabel(name, 0.9) for name in names))


def test_a_label_of_ones_own_that_is_missed_for_two_looks_is_not_news_when_it_is_back() -> None:
    told, lately = list[list[str] | None](), dict[str, int]()
    for names in (["fox"], [], [], ["fox"], ["fox", "cat"], ["cat"], [], [], [], ["fox"]):
        values, lately = rules.custom_labels(seen(*names), lately)
        told.append([label.name for label in values["labels"]] if values else None)
    assert told == [["fox"], None, None, None, ["fox", "cat"], None, None, None, [], ["fox"]]


def test_two_versions_are_told_of_when_what_either_sees_has_changed() -> None:
    pairs = [((), ()), (("fox",), ()), (("fox",), ()), (("fox",), ("fox",)), ((), ())]
    told, before = list[bool | None](), (frozenset[str](), frozenset[str]())
    for now, new in pairs:
        values, before = rules.custom_shadow(seen(*now), seen(*new, version="2"), before)  # type: ignore[assignment]
        told.append(values["agree"] if values else None)
    assert told == [None, False, None, True, True]


def flags(**scores: float) -> Moderated:
    return Moderated(tuple(Flag(name, "", 1, score) for name, score in scores.items()), ())


def test_moderation_rises_once_and_rearms_below_the_floor() -> None:
    told, raised = [], frozenset[str]()
    for score in (0.2, 0.85, 0.9, 0.75, 0.81, 0.5, 0.8):
        seen = flags(Violence=score) if score >= rules.REARM * 0.8 else flags()
        values, raised = rules.moderation(seen, 0.8, raised)
        told.append(values is not None)
    assert told == [False, True, False, False, False, False, True]


def test_moderation_tells_each_new_thing_and_names_the_strongest() -> None:
    _, raised = rules.moderation(flags(Alcohol=0.9), 0.8, frozenset())
    values, raised = rules.moderation(flags(Alcohol=0.99, Violence=0.85, Explicit=0.7), 0.8, raised)
    assert values is not None
    assert (values["name"], values["score"]) == ("Violence", 0.85)
    assert [flag.name for flag in values["flags"]] == ["Alcohol", "Violence"]
    assert raised == {"Alcohol", "Violence"}


def line(text: str) -> Words:
    return Words(0, "LINE", None, text, 0.9, BOX, ())


def test_text_is_told_when_a_line_is_new_and_when_all_are_gone() -> None:
    word = Words(1, "WORD", 0, "EXIT", 0.9, BOX, ())
    values, told = rules.text([line("EXIT"), word], {})
    assert values == {"lines": [line("EXIT")]}
    for _ in range(rules.LATELY):
        values, told = rules.text([], told)
        assert values is None, "a line may be missed for a moment"
    assert rules.text([], told) == ({"lines": []}, {})
    assert rules.text([], {}) == (None, {})


def test_readings_that_waver_are_one_line() -> None:
    _, told = rules.text([line("BOOK TA.K $2.10")], {})
    for reading in ("BOOK TAK $2.10", "BOOK TA K S2.10", "BOOK TAK $2.10", "BOOK TAKE 2.10"):
        values, told = rules.text([line(reading)], told)
        assert values is None
    assert rules.text([line("BOOK TAK $2.10"), line("TOTAL 4.20")], told)[0] is not None


def test_an_answer_is_told_once_two_looks_agree() -> None:
    state, told = rules.Settled("nobody", "nobody"), []
    for seen in ("ann", "bob", "ann", "ann", "ann", "bob", "ann", "nobody", "nobody"):
        news, state = state.see(seen)
        told.append(seen if news else "")
    assert told == ["", "", "", "ann", "", "", "", "", "nobody"]


@pytest.mark.parametrize(
    ("brightness", "sharpness", "state"), [(5, 0, "dark"), (95, 0, "bright"), (50, 5, "blurred"), (50, 50, "good")]
)
def test_a_picture_is_good_or_bad_for_one_reason(brightness: float, sharpness: float, state: str) -> None:
    assert rules.picture_state(Quality(brightness, sharpness, 30.0), PropertiesTask()) == state


def test_ppe_is_told_when_the_numbers_change() -> None:
    two = Protection(tuple(Worker(number, BOX, 0.9, ()) for number in (0, 1)), (1,), (0,), ())
    values, told = rules.ppe(two, ["HEAD_COVER"], (0, 0, 0))
    assert values is not None
    assert (values["with_required"], values["without_required"], values["indeterminate"]) == (1, 1, 0)
    assert [person["fate"] for person in values["persons"]] == ["without_required", "with_required"]
    assert rules.ppe(two, ["HEAD_COVER"], told)[0] is None
    left, _ = rules.ppe(Protection((), (), (), ()), ["HEAD_COVER"], told)
    assert left is not None, "that the last one left is news"


def test_liveness_is_told_when_other_faces_seem_alive() -> None:
    faces = [(BOX, Liveness(0.9, (0.9,))), (BOX, Liveness(0.1, (0.1,)))]
    first, state = rules.liveness(faces, 0.5, rules.Settled((), ()))
    values, state = rules.liveness(faces, 0.5, state)
    assert first is None
    assert values is not None
    assert [face["live"] for face in values["faces"]] == [True, False]
    assert rules.liveness(faces, 0.5, state)[0] is None


def test_a_match_says_who_and_how_sure() -> None:
    values = rules.face_matched(Match("f-1", "ann", "", 0.61234, 99.12), "staff", 7, Box(0.1, 0.2, 0.3, 0.4))
    assert values["person"] == "ann"
    assert (values["similarity"], values["cosine"], values["track"]) == (99.12, 0.6123, 7)
    assert values["user_id"] is None


def test_a_track_cannot_last_less_than_nothing() -> None:
    assert rules.track_ended(1, "dog", 10.0, 9.0, "left")["duration"] == 0.0
