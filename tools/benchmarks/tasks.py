"""What a picture costs: milliseconds of each task, over the raw inference of its models.

One photo in three sizes: three people who show their faces, with six lines of text written over it. The reference is
every inference that the task made, in the same sessions on the same tensors and nothing else, one after the other, in
the same run. What a task builds on (faces, objects, labels) was found before, and is not counted. `moderation.one` is
what its first network says alone; `all` is every task, each doing its own part once. A task whose models are not
installed is left out. A CPU with AMX, which no edge device has, infers so fast (labels in 2.5 ms) that resizing a large
picture beforehand weighs several times what it does elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import cv2
import media
import numpy as np
from benchmarks.inference import medians
from evaluation.figures import Figure, figure
from numpy.typing import NDArray

from accel.session import AcceleratorError, Session, Tensors
from edge import pictures
from edge.engine import AccelSettings, ModelSettings, Settings
from edge.failover import AnyModel, open_failover
from edge.settings import Tasks
from edge.values import Detection, Image, Label
from edge.vision.attributes import open_attributes
from edge.vision.celebrities import open_celebrities
from edge.vision.faces import open_faces
from edge.vision.labels import Labels
from edge.vision.liveness import open_liveness
from edge.vision.moderation import Moderation
from edge.vision.objects import detections
from edge.vision.ppe import open_ppe
from edge.vision.properties import properties
from edge.vision.text import open_text
from models.manifest import ModelError
from models.outputs import Boxes

PHOTO = "sample3.jpg"
SIZES = ((640, 480), (1280, 720), (1920, 1080))
WRITTEN = ("PLATFORM 3", "Trains to the harbour", "leave every 12 minutes", "WAY OUT", "No. 4711", "Mind the gap")
ALONE = "moderation.one"  # measured by itself; `moderation` does it too
ASKED = Tasks()


@dataclass(slots=True)
class Seen:
    """A picture, and what the tasks have found in it so far."""

    image: Image
    objects: Sequence[Detection] = ()
    faces: Boxes | None = None
    vectors: NDArray[np.float32] | None = None
    labels: Sequence[Label] = ()


Look = Callable[[Mapping[str, Any], Seen], object]


def settings(idle: float = 0.0) -> Settings:
    """Those of a new installation, but for when models rest."""
    made: Any = SimpleNamespace(models=ModelSettings(idle=idle), accel=AccelSettings())
    return made  # type: ignore[no-any-return]


# What is opened, and how, given what is open already; an ability may serve several tasks.
ABILITIES: Mapping[str, Callable[[Settings, Mapping[str, Any]], Any]] = {
    "objects": lambda how, _: open_failover("objects", how),
    "faces": lambda how, _: open_faces(how),
    "labels": lambda how, _: Labels(open_failover("labels", how)),
    "moderation": lambda how, _: Moderation(open_failover("moderation", how), open_failover("nudity", how)),
    ALONE: lambda how, _: Moderation(open_failover("moderation", how)),
    "attributes": lambda how, _: open_attributes(how),
    "text": lambda how, _: open_text(how),
    "ppe": lambda how, opened: open_ppe(how, features=opened["labels"].model),
    "celebrities": lambda how, _: open_celebrities(how),
    "liveness": lambda how, _: open_liveness(how),
}


def _objects(abilities: Mapping[str, Any], seen: Seen) -> None:
    model = abilities["objects"]
    seen.objects = detections(model.detect(seen.image, ASKED.objects.floor), model.labels, seen.image.shape)


def _faces(abilities: Mapping[str, Any], seen: Seen) -> None:
    seen.faces = abilities["faces"].find(seen.image, ASKED.faces.floor)


def _embedding(abilities: Mapping[str, Any], seen: Seen) -> None:
    assert seen.faces is not None  # noqa: S101 - _faces() comes before
    assert seen.faces.landmarks is not None  # noqa: S101
    seen.vectors = np.stack([vector for vector, _ in abilities["faces"].embed_all(seen.image, seen.faces.landmarks)])


def _labels(abilities: Mapping[str, Any], seen: Seen) -> None:
    seen.labels = abilities["labels"].look(seen.image, ASKED.labels.floor, seen.objects)


def _moderation(abilities: Mapping[str, Any], seen: Seen) -> None:
    abilities["moderation"].look(seen.image, ASKED.moderation.floor, seen.objects, seen.labels)


def _properties(_: Mapping[str, Any], seen: Seen) -> None:
    properties(seen.image, [item.box for item in seen.objects])


def _ppe(abilities: Mapping[str, Any], seen: Seen) -> None:
    abilities["ppe"].look(seen.image, seen.faces, ASKED.ppe.required, ASKED.ppe.floor, seen.objects)


# In an order in which each finds what it builds on; the ability a task needs has the task's name, or stands beside it.
TASKS: Mapping[str, tuple[str, Look]] = {
    "objects": ("objects", _objects),
    "faces": ("faces", _faces),
    "embedding": ("faces", _embedding),
    "labels": ("labels", _labels),
    "moderation": ("moderation", _moderation),
    ALONE: (ALONE, lambda opened, seen: opened[ALONE].score(seen.image)),
    "properties": ("", _properties),
    "attributes": ("attributes", lambda opened, seen: opened["attributes"].look(seen.image, seen.faces)),
    "text": ("text", lambda opened, seen: opened["text"].look(seen.image)),
    "ppe": ("ppe", _ppe),
    "celebrities": ("celebrities", lambda opened, seen: opened["celebrities"].look(seen.vectors)),
    "liveness": ("liveness", lambda opened, seen: opened["liveness"].look(seen.image, seen.faces)),
}


def run(quick: bool) -> Iterator[Figure]:
    """Every task that can be opened, in every size."""
    repeats = 5 if quick else 31
    with opened() as abilities:
        tasks = looks(abilities)
        for size in SIZES:
            place = "{}x{}".format(*size)
            seen = Seen(photo(*size))
            for name, look in tasks.items():
                yield measure(f"tasks.{name}.{place}", partial(look, seen), abilities, repeats)
            yield measure(f"tasks.all.{place}", partial(everything, tasks, seen.image), abilities, repeats)


@contextmanager
def opened(idle: float = 0.0, without: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Every ability that can be had."""
    abilities: dict[str, Any] = {}
    with ExitStack() as stack:
        for name in [name for name in ABILITIES if name not in without]:
            try:
                abilities[name] = ABILITIES[name](settings(idle), abilities)
            except (KeyError, ModelError, AcceleratorError) as error:
                print(f"  without {name}: {error}", file=sys.stderr)
                continue
            stack.callback(abilities[name].close)
        yield abilities


def photo(width: int, height: int) -> Image:
    """Three people, and text over them."""
    (path,) = media.get(PHOTO)
    whole = pictures.read(path)
    kept = min(whole.shape[0], whole.shape[1] * height // width)
    image = cv2.resize(whole[:kept], (width, height), interpolation=cv2.INTER_AREA)
    scale = height / 480
    for row, line in enumerate(WRITTEN):
        place = (round(20 * scale), round((40 + 70 * row) * scale))
        cv2.putText(image, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), round(2 * scale), cv2.LINE_AA)
    return image  # type: ignore[return-value]


def looks(abilities: Mapping[str, Any]) -> dict[str, Callable[[Seen], object]]:
    """What can be done with these, by task."""
    return {task: partial(look, abilities) for task, (name, look) in TASKS.items() if not name or name in abilities}


def everything(tasks: Mapping[str, Callable[[Seen], object]], image: Image) -> None:
    """Each task once, on what those before it have found."""
    seen = Seen(image)
    for name, look in tasks.items():
        if name != ALONE:
            look(seen)


def measure(name: str, look: Callable[[], object], abilities: Mapping[str, Any], repeats: int) -> Figure:
    """A look's milliseconds, over those of what it infers alone."""
    look()  # what is opened or filled at first use
    made = _inferences(look, abilities)
    if not made:
        (whole,) = medians(repeats, look)
        return figure(name, whole, "ms", repeats)
    bare, whole = medians(repeats, lambda: [session.submit(feeds)() for session, feeds in made], look)
    return figure(name, whole, "ms", repeats, bare)


def _inferences(look: Callable[[], object], abilities: Mapping[str, Any]) -> list[tuple[Session, Tensors]]:
    """What was inferred while it looked."""
    made: list[tuple[Session, Tensors]] = []

    def submit(session: Session, feeds: Tensors) -> Callable[[], Tensors]:
        made.append((session, {name: tensor.copy() for name, tensor in feeds.items()}))
        return type(session).submit(session, feeds)

    sessions: list[Any] = [model.session for model in dict.fromkeys(models(abilities))]
    for session in sessions:
        session.submit = partial(submit, session)
    try:
        look()
    finally:
        for session in sessions:
            del session.submit
    return made


def models(abilities: Mapping[str, Any]) -> Iterator[AnyModel]:
    for ability in abilities.values():
        yield from getattr(ability, "models", [ability] if hasattr(ability, "session") else [])
