"""One picture, looked at: each ability is asked at most once, and told what the others have found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from accel.session import AcceleratorError
from edge.abilities import Abilities
from edge.findings import (
    Celebrity,
    CustomAnswer,
    FaceDetails,
    Liveness,
    Moderated,
    Properties,
    Protection,
    Words,
    plain,
)
from edge.settings import Tasks
from edge.values import Box, Detection, Image, Label
from edge.vision.custom import Custom
from edge.vision.faces import faces as faces_of
from edge.vision.faces import largest_first
from edge.vision.labels import filter_of
from edge.vision.objects import detections
from edge.vision.properties import properties
from edge.vision.text import TextFilter
from models.outputs import Boxes

DOUBTFUL = 0.15  # score from which an object may make a label
EVIDENCE = 0.05  # score from which a label may speak for a moderation label
NOTHING = Boxes(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))


Found = TypeVar("Found")


class once(Generic[Found]):  # noqa: N801 - used as functools.cached_property is
    """What is found when it is first asked for, and kept.

    Python 3.11's `cached_property` holds one lock for the scenes of all threads: a camera would wait for whoever looks
    at a request's picture, and he for the camera.
    """

    def __init__(self, find: Callable[[Any], Found]) -> None:
        self._find = find
        self.__doc__ = find.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, scene: Any, _: type | None = None) -> Found:
        found = self._find(scene)
        vars(scene)[self._name] = found  # from now on this is what its name means
        return found


class Scene:
    """uint8 [H,W,3] BGR `image` with what the opened `abilities` see in it, found when it is first asked for.

    Whoever has looked for objects already hands them over: `found`, in pixels.
    """

    def __init__(self, image: Image, abilities: Abilities, tasks: Tasks, found: Boxes | None = None) -> None:
        self.image = image
        self._abilities = abilities
        self._tasks = tasks
        self._found = found

    @once
    def _detected(self) -> list[Detection]:
        """Down to the doubtful, which labels weigh for themselves."""
        model = self._abilities.objects
        if model is None:
            return []
        found = model.detect(self.image, DOUBTFUL) if self._found is None else self._found
        return detections(found, model.labels, self.image.shape)

    @once
    def objects(self) -> list[Detection]:
        return [item for item in self._detected if item.score >= self._tasks.objects.floor]

    @once
    def faces(self) -> Boxes:
        """In pixels, largest first."""
        faces, task = self._abilities.faces, self._tasks.faces
        return largest_first(faces.find(self.image, task.floor, small=task.small)) if faces else NOTHING

    @property
    def boxes(self) -> list[Box]:
        """Where the faces are, in the order of `faces`."""
        return [face.box for face in faces_of(self.faces, self.image.shape)] if self._abilities.faces else []

    @once
    def vectors(self) -> list[tuple[NDArray[np.float32], float]]:
        """The unit vector and the quality of each face, in the order of `faces`."""
        faces, landmarks = self._abilities.faces, self.faces.landmarks
        return faces.embed_all(self.image, landmarks) if faces and landmarks is not None else []

    @once
    def _labels(self) -> list[Label]:
        """Down to the faintest."""
        ability = self._abilities.labels
        return ability.look(self.image, EVIDENCE, self._detected) if ability else []

    @once
    def labels(self) -> list[Label]:
        task = self._tasks.labels
        sure = (label for label in self._labels if label.score >= task.floor)
        return filter_of(task).take([replace(label, instances=_from(label.instances, task.floor)) for label in sure])

    @once
    def moderation(self) -> Moderated:
        return self.moderated(self._tasks.moderation.floor)

    def moderated(self, floor: float) -> Moderated:
        """Flags of at least `floor`."""
        ability = self._abilities.moderation
        labels: list[Label] = []
        with suppress(AcceleratorError):  # without labels there is still nudity
            labels = self._labels
        return ability.look(self.image, floor, self.objects, labels) if ability else Moderated((), ())

    @once
    def attributes(self) -> list[FaceDetails]:
        """In the order of `faces`."""
        ability = self._abilities.attributes
        return ability.look(self.image, self.faces) if ability else []

    @once
    def celebrities(self) -> list[Celebrity | None]:
        """In the order of `faces`."""
        ability = self._abilities.celebrities
        if ability is None or not self.vectors:
            return []
        return ability.look(np.array([vector for vector, _ in self.vectors]))

    @once
    def liveness(self) -> list[Liveness]:
        """In the order of `faces`."""
        ability = self._abilities.liveness
        return ability.look(self.image, self.faces) if ability else []

    @once
    def text(self) -> list[Words]:
        task, ability = self._tasks.text, self._abilities.text
        regions = tuple(Box(*region) for region in task.regions)
        wanted = TextFilter(task.floor, task.min_width, task.min_height, regions)
        return ability.look(self.image, wanted) if ability else []

    @once
    def ppe(self) -> Protection:
        task, ability = self._tasks.ppe, self._abilities.ppe
        if ability is None:
            return Protection((), (), (), ())
        return ability.look(self.image, self.faces, task.required, task.floor, self.objects)

    @once
    def properties(self) -> Properties:
        return properties(self.image, [item.box for item in self.objects])

    @once
    def custom(self) -> list[CustomAnswer]:
        """Of the projects that are asked for, those of which a version runs."""
        speakers = [self.speaker(project) for project in self._tasks.custom.projects]
        return [self.answer(speaker) for speaker in speakers if speaker]

    def speaker(self, project: str, *, shadow: bool = False) -> Custom | None:
        """The version that is asked, or the one that is only listened to."""
        customs = self._abilities.custom
        if customs is None:
            return None
        return customs.shadow_of(project) if shadow else customs.of(project)

    def answer(self, speaker: Custom) -> CustomAnswer:
        return speaker.answer(self.image, self._tasks.custom.floor)

    def document(self, tasks: Sequence[str]) -> dict[str, Any]:
        """What `vedette analyze` prints for `tasks`; those that could not be opened are not in it."""
        told: dict[str, Any] = {"width": self.image.shape[1], "height": self.image.shape[0]}
        opened = [task for task in tasks if getattr(self._abilities, task) is not None]
        if faces := [task for task in opened if task in OF_FACES]:
            told["faces"] = self._faces(faces)
        told |= {task: plain(getattr(self, task)) for task in opened if task not in OF_FACES}
        return told

    def _faces(self, tasks: Sequence[str]) -> list[dict[str, Any]]:
        columns = {OF_FACES[task]: plain(getattr(self, task)) for task in tasks if task != "faces"}
        for details in columns.get("details", ()):
            del details["face"]  # told beside it
        rows = [plain(face) for face in faces_of(self.faces, self.image.shape)]
        if "faces" in tasks:
            rows = [row | {"quality": plain(quality)} for row, (_, quality) in zip(rows, self.vectors, strict=True)]
        return [row | {name: column[place] for name, column in columns.items()} for place, row in enumerate(rows)]


def _from(instances: Sequence[Detection], floor: float) -> tuple[Detection, ...]:
    return tuple(item for item in instances if item.score >= floor)


# What is told of each face, and under which name.
OF_FACES = {"faces": "", "attributes": "details", "celebrities": "celebrity", "liveness": "liveness"}
