"""Passive liveness: photos of people in the flesh that the networks take for such, alone and as `analyze` has them.

Every photo of LFW is one: so this counts false alarms and nothing else. That a face on paper or on a screen is noticed
cannot be measured with what is here; docs/LIVENESS.md says what is known of it. The networks run in float as they ship.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from evaluation.faces import LFW
from evaluation.figures import Figure, figure, watched
from evaluation.opening import shipped

from edge import pictures
from edge.settings import FacesTask
from edge.vision.liveness import LivenessCheck
from models.outputs import Boxes

ACCEPTED = 0.5
NETWORKS = ("minifasnet-v2", "minifasnet-v1se", "facenox")


def run(data: Path) -> Iterator[Figure]:
    """Shares of the faces nearest to the middle of LFW's photos."""
    files = sorted((data / LFW / "images").rglob("*.jpg"))
    near, wide, second = (shipped(name) for name in NETWORKS)
    with shipped("yunet") as detector, near as one, wide as two, second as three:
        check = LivenessCheck(one, two, three)
        rows = []
        for file in watched(files, "judging faces"):
            image = pictures.read(file)
            found = detector.detect(image, FacesTask().floor)
            if len(found):
                (said,) = check.look(image, middle(found, image.shape[1], image.shape[0]))
                rows.append((*said.votes, sum(said.votes[:2]) / 2, said.score))
    accepted = (np.array(rows) >= ACCEPTED).mean(axis=0)
    for name, share in zip((*NETWORKS, "minifasnet", "score"), accepted, strict=True):
        yield figure(f"liveness.lfw.{name}", float(share), "of live faces", len(rows))


def middle(found: Boxes, width: int, height: int) -> Boxes:
    """The face whose centre is nearest to the picture's: whom LFW names."""
    centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    return found.take(np.array([np.linalg.norm(centres - np.array([width, height]) / 2, axis=1).argmin()]))
