"""Scenes from things that stand together, and activities from how people and things lie to each other.

A rule scores as much as the weakest thing it needs, less what rules err where all things are really there (TRUST).
docs/LABELS.md tells how they were judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Corners = tuple[float, float, float, float]
Scored = tuple[float, Corners]
PERSON = "Person"
TRUST = 0.9


class Place(NamedTuple):
    """A scene is there if `least` of these labels are."""

    clues: tuple[str, ...]
    least: int


class Doing(NamedTuple):
    """An activity goes on if a person and one of these things lie as `how` says."""

    things: tuple[str, ...]
    how: Callable[[Corners, Corners], bool]


def rides(person: Corners, thing: Corners) -> bool:
    """The person's lower half is on the thing, and the person rises above it."""
    middle = (person[0] + person[2]) / 2
    return (
        thing[0] < middle < thing[2]
        and person[1] < thing[1] + 0.25 * _height(thing)
        and thing[1] < person[3] < thing[3] + 0.1 * _height(thing)
    )


def stands_on(person: Corners, thing: Corners) -> bool:
    """The thing lies at the person's feet."""
    return _within(_centre(thing), _stretched((person[0], person[1] + 0.7 * _height(person), *person[2:]), 0.3))


def holds(person: Corners, thing: Corners) -> bool:
    """The thing's centre is in the person's box or next to it, above the knees."""
    upper = (*person[:3], person[3] - 0.25 * _height(person))
    return _within(_centre(thing), _stretched(upper, 0.2)) and _height(thing) < _height(person)


def at_face(person: Corners, thing: Corners) -> bool:
    """A small thing in the upper third of the person's box."""
    top = (*person[:3], person[1] + 0.4 * _height(person))
    return _within(_centre(thing), top) and _height(thing) < 0.4 * _height(person)


def is_near(person: Corners, thing: Corners) -> bool:
    """The thing is not farther from the person than the person is tall."""
    return _within(_centre(thing), _stretched(person, 1.0))


PLACES = {
    "Kitchen": Place(("Oven", "Refrigerator", "Microwave", "Toaster", "Stove", "Dishwasher", "Sink"), 2),
    "Bathroom": Place(("Toilet",), 1),
    "Bedroom": Place(("Bed",), 1),
    "Living Room": Place(("Couch", "TV"), 2),
    "Workspace": Place(("Computer Keyboard", "Mouse", "Laptop", "Monitor", "Desk", "Desktop Computer"), 2),
    "Street": Place(("Traffic Light", "Stop Sign", "Street Sign", "Fire Hydrant", "Parking Meter"), 1),
    "Dining": Place(("Dining Table", "Fork", "Knife", "Spoon", "Wine Glass", "Cup", "Bowl", "Pizza"), 3),
}
ACTIVITIES = {
    "Cycling": Doing(("Bicycle",), rides),
    "Motorcycling": Doing(("Motorcycle",), rides),
    "Horseback Riding": Doing(("Horse",), rides),
    "Skateboarding": Doing(("Skateboard",), stands_on),
    "Surfing": Doing(("Surfboard",), stands_on),
    "Skiing": Doing(("Skis",), stands_on),
    "Snowboarding": Doing(("Snowboard",), stands_on),
    "Playing Tennis": Doing(("Tennis Racket",), holds),
    "Playing Baseball": Doing(("Baseball Bat", "Baseball Glove"), holds),
    "Playing Frisbee": Doing(("Frisbee",), is_near),
    "Flying a Kite": Doing(("Kite",), is_near),
    "Phone Call": Doing(("Mobile Phone",), at_face),
    "Using a Laptop": Doing(("Laptop",), holds),
    "Brushing Teeth": Doing(("Toothbrush",), at_face),
    "Eating": Doing(("Sandwich", "Hot Dog", "Pizza", "Donut", "Cake", "Banana", "Apple"), at_face),
}
DONE_WITH = {
    thing: [name for name, rule in ACTIVITIES.items() if thing in rule.things]
    for thing in {thing for rule in ACTIVITIES.values() for thing in rule.things}
}
CROWD = "Crowd", 8  # as many people
CLUES = frozenset(clue for place in PLACES.values() for clue in place.clues)


def places(sure: Mapping[str, float]) -> dict[str, float]:
    """Scores of the scenes that enough of these labels speak for, 0..1."""
    if CLUES.isdisjoint(sure):
        return {}
    clues = {name: [sure[clue] for clue in place.clues if clue in sure] for name, place in PLACES.items()}
    return {name: TRUST * _weakest(scores, PLACES[name].least) for name, scores in clues.items()}


def activities(things: Mapping[str, Sequence[Scored]]) -> dict[str, float]:
    """Scores of what people do, from the boxes (left, top, right, bottom; as ratios) of each label's instances.

    Left out is what nobody can be doing, for want of people or things.
    """
    people = things.get(PERSON, ())
    if not people:
        return {}
    crowd, many = CROWD
    doing = {crowd: TRUST * _weakest([sure for sure, _ in people], many)}
    for thing in things.keys() & DONE_WITH.keys():
        for name in DONE_WITH[thing]:
            lies = ACTIVITIES[name].how
            fits = (min(sure, score) for sure, person in people for score, box in things[thing] if lies(person, box))
            doing[name] = max(doing.get(name, 0.0), TRUST * max(fits, default=0.0))
    return doing


def _weakest(scores: Sequence[float], least: int) -> float:
    """The score of the `least`-th best; 0 if there are not as many."""
    return sorted(scores, reverse=True)[least - 1] if len(scores) >= least else 0.0


def _height(box: Corners) -> float:
    return box[3] - box[1]


def _centre(box: Corners) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _stretched(box: Corners, by: float) -> Corners:
    """Wider and taller on each side by this part of its larger side."""
    margin = by * max(box[2] - box[0], _height(box))
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _within(point: tuple[float, float], box: Corners) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
