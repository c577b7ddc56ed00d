"""Faces in the wild: small, poor, with a wrong one among them, and strangers among celebrities; and portraits.

*Portraits*: every two of five portraits of public figures, right at a similarity of 80 percent. *Small*: faces of LFW
of that width in pixels pasted into 1920 x 1080 pictures of no person; the reference is the detector without tiles.
*Quality*: of comparisons of a blurred, darkened, overexposed, shrunk or turned picture with another one of the same
person, those that 80 percent does not match, among the views that the filter's level keeps; the reference is without
filter. The limits were chosen on other people's pictures, degraded in the same ways. *Users*: two pictures and a
wrong person's make a user; the reference is their plain mean. *Celebrities*: a pack of all people with two pictures or
more (enrolled with up to three, another one is the probe), and the people of one picture as strangers; its threshold,
and the rule that sets it, were checked on these same people.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from evaluation.faces import LFW, Vectors, embed
from evaluation.figures import Figure, figure, watched
from evaluation.opening import shipped
from numpy.typing import NDArray

from edge import pictures
from edge.centre import centre
from edge.comparison import compare
from edge.packs.celebrities import Index, Maker, Pack, Person
from edge.packs.records import BuiltFile
from edge.quality import LEVELS, View, reasons
from edge.settings import FacesTask
from edge.similarity import cosine
from edge.values import Image
from edge.vision.celebrities import Celebrities
from edge.vision.faces import FaceAnalyzer, view_of
from models.boxes import iou
from models.outputs import Boxes
from models.tensors import align

PORTRAITS = Path("faces", "public_figures")
FIGURES = {
    "obama_official.jpg": "Obama", "obama2.jpg": "Obama", "biden_official.jpg": "Biden", "biden2.jpg": "Biden",
    "astronaut_eileen_collins.jpg": "Collins",
}  # fmt: skip
EMPTY = Path("detection", "no_person_images.txt")
WIDTHS = (16, 20, 24, 32)
SCENES, FACES, HEIGHT, WIDTH = 6, 24, 1080, 1920
MATCHED = cosine(80.0)


def run(data: Path) -> Iterator[Figure]:
    """All five, with the shipped detector and embedding."""
    folder = data / LFW / "images"
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    with shipped("yunet") as detector, shipped("sface") as embedder:
        analyzer = FaceAnalyzer(detector, embedder)
        if (data / PORTRAITS).is_dir():
            yield portraits(data / PORTRAITS, analyzer)
        if (data / EMPTY).is_file():
            yield from small(data / EMPTY, [folder / name for name in names[::13]], analyzer)
        (vectors,) = embed(folder, names, detector, (embedder,))
        yield from quality(folder, vectors, analyzer)
    yield from users(vectors)
    yield from celebrities(vectors)


def portraits(folder: Path, analyzer: FaceAnalyzer) -> Figure:
    views = {name: analyzer.analyze(pictures.read(folder / name)) for name in FIGURES}
    pairs = [(one, other) for one in views for other in views if one < other]
    right = [
        bool(compare(views[one], views[other]).matches) == (FIGURES[one] == FIGURES[other]) for one, other in pairs
    ]
    return figure("recognition.portraits", float(np.mean(right)), "of pairs", len(pairs))


def small(listed: Path, photos: list[Path], analyzer: FaceAnalyzer) -> Iterator[Figure]:
    empty = [pictures.read(next(listed.parent.rglob(Path(name).name))) for name in listed.read_text("utf-8").split()]
    heads = [head for photo in photos if (head := _head(pictures.read(photo), analyzer)) is not None]
    for width in WIDTHS:
        hits, whole, doubles = 0, 0, 0
        for number in range(SCENES):
            image, truth = scene(empty[number], heads, width, np.random.default_rng(number))
            found = iou(truth, analyzer.find(image, FacesTask().floor, small=True).xyxy) > 0.4
            hits, doubles = hits + int(found.any(axis=1).sum()), doubles + int((found.sum(axis=1) > 1).sum())
            whole += int((iou(truth, analyzer.find(image, FacesTask().floor).xyxy) > 0.4).any(axis=1).sum())
        count = SCENES * FACES
        yield figure(f"recognition.small.{width}", hits / count, "of faces", count, whole / count)
        yield figure(f"recognition.small.{width}_doubles", doubles, "faces", count)
    large = [cv2.resize(image, None, fx=3.0, fy=3.0, interpolation=cv2.INTER_CUBIC) for image in empty]
    for what, small_too in (("whole", False), ("tiled", True)):
        false = sum(len(analyzer.find(image.astype(np.uint8), FacesTask().floor, small=small_too)) for image in large)
        yield figure(f"recognition.small.false_{what}", false, "faces", len(large))


def _head(image: Image, analyzer: FaceAnalyzer) -> tuple[Image, NDArray[np.float32]] | None:
    """A cut-out head, and where its face is in it."""
    found = analyzer.find(image, 0.8)
    if len(found) != 1:
        return None
    x1, y1, x2, y2 = found.xyxy[0].tolist()
    margin = 0.35 * (x2 - x1)
    left, top = max(int(x1 - margin), 0), max(int(y1 - margin), 0)
    cut = image[top : int(y2 + margin), left : int(x2 + margin)]
    return cut, np.array([x1 - left, y1 - top, x2 - left, y2 - top], np.float32)


def scene(
    background: Image, heads: list[tuple[Image, NDArray[np.float32]]], width: int, random: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    """FACES heads with faces `width` pixels wide, one somewhere in each cell of a grid, and the faces' boxes."""
    image = cv2.resize(background, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    truth, columns = [], 6
    cell = np.array([WIDTH // columns, HEIGHT // (FACES // columns)])
    for place in range(FACES):
        head, face = heads[int(random.integers(len(heads)))]
        zoom = width / float(face[2] - face[0])
        shrunk = cv2.resize(head, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        size = np.array(shrunk.shape[1::-1])
        corner = cell * [place % columns, place // columns] + random.integers(0, cell - size)
        image[corner[1] : corner[1] + size[1], corner[0] : corner[0] + size[0]] = shrunk
        truth.append(face * zoom + np.tile(corner, 2))
    return image, np.array(truth, np.float32)


def degraded(image: Image, found: Boxes) -> Iterator[Image]:
    """The picture, and what weather, lenses and distance make of it; `found` is its face."""
    random = np.random.default_rng(zlib.crc32(image.tobytes()))
    width = float(found.xyxy[0, 2] - found.xyxy[0, 0])
    yield image
    for sigma in (0.02, 0.03, 0.045, 0.06):
        yield cv2.GaussianBlur(image, (0, 0), sigma * width).astype(np.uint8)
    for gain in (0.3, 0.12, 0.07):
        yield np.clip(image * gain + random.normal(0, 2.5, image.shape), 0, 255).astype(np.uint8)
    for gain in (1.8, 2.5, 3.5):
        yield np.clip(image * gain, 0, 255).astype(np.uint8)
    for size in (28, 18, 14):
        yield cv2.resize(image, None, fx=size / width, fy=size / width, interpolation=cv2.INTER_AREA).astype(np.uint8)
    for angle in (35, 55, 65):
        yield turned(image, found.xyxy[0], angle * (1 if random.random() < 0.5 else -1))


def turned(image: Image, box: NDArray[np.float32], angle: float) -> Image:
    """The face as the front of an ellipsoid, turned about its upright axis by degrees."""
    centre_x, centre_y = (box[:2] + box[2:]) / 2
    radius_x, radius_y = 0.62 * (box[2] - box[0]), 0.75 * (box[3] - box[1])
    x, y = np.meshgrid(np.arange(image.shape[1], dtype=np.float32), np.arange(image.shape[0], dtype=np.float32))
    u, v = (x - centre_x) / radius_x, (y - centre_y) / radius_y
    depth = np.sqrt(np.clip(1 - u * u - v * v, 0, None))
    back = u * np.cos(np.radians(angle)) - depth * np.sin(np.radians(angle))
    source = np.where(u * u + v * v < 1, centre_x + back * radius_x, x).astype(np.float32)
    return cv2.remap(image, source, y, cv2.INTER_LINEAR).astype(np.uint8)


def quality(folder: Path, vectors: Vectors, analyzer: FaceAnalyzer) -> Iterator[Figure]:
    people = {
        who: names for who, names in by_person(vectors).items() if len(names) > 1 and zlib.crc32(who.encode()) % 2
    }
    missed: dict[str, list[float]] = defaultdict(list)
    clean: dict[str, list[bool]] = defaultdict(list)
    for who in watched(sorted(people), "degrading faces"):
        for name in people[who]:
            others = np.stack([vectors[other] for other in people[who] if other != name])
            for number, (view, vector) in enumerate(_views(pictures.read(folder / name), analyzer)):
                error = float((others @ vector < MATCHED).mean())
                for level in LEVELS:
                    kept = not reasons(view, level)
                    if kept:
                        missed[level].append(error)
                    if not number:
                        clean[level].append(kept)
    unfiltered = missed["NONE"]
    for level in LEVELS[1:]:
        name = f"recognition.quality.{level.lower()}"
        kept_ones = missed[level]
        yield figure(f"{name}_missed", float(np.mean(kept_ones)), "of kept", len(kept_ones), float(np.mean(unfiltered)))
        yield figure(f"{name}_kept", len(kept_ones) / len(unfiltered), "of views", len(unfiltered))
        yield figure(f"{name}_kept_clean", float(np.mean(clean[level])), "of pictures", len(clean[level]))


def _views(image: Image, analyzer: FaceAnalyzer) -> Iterator[tuple[View, NDArray[np.float32]]]:
    """Of the picture and each that is made of it: what the filter sees of the face in the middle, and its vector."""
    face = _middle(analyzer.find(image, FacesTask().floor), np.array(image.shape[1::-1]) / 2)
    if face is None:
        return
    for number, picture in enumerate(degraded(image, face)):
        goal = (face.xyxy[0, :2] + face.xyxy[0, 2:]) / 2 * (picture.shape[1] / image.shape[1])
        found = _middle(analyzer.find(picture, FacesTask().floor), goal)
        if found is not None and found.landmarks is not None:
            vector, _ = analyzer.embed(picture, found.landmarks[0])
            yield view_of(align(picture, found.landmarks[0]), found), vector
        elif not number:
            return


def _middle(found: Boxes, goal: NDArray[np.floating]) -> Boxes | None:
    if not len(found):
        return None
    centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    return found.take(np.array([np.argmin(np.linalg.norm(centres - goal, axis=1))]))


def by_person(vectors: Vectors) -> dict[str, list[str]]:
    people: dict[str, list[str]] = defaultdict(list)
    for name in sorted(vectors):
        people[name.split("/")[0]].append(name)
    return people


def users(vectors: Vectors) -> Iterator[Figure]:
    """Of each person with three pictures or more, the third is the probe; the others' pictures are strangers'."""
    people = by_person(vectors)
    known = [names for names in people.values() if len(names) >= 3]
    strangers = [vectors[name] for names in people.values() if len(names) < 3 for name in names]
    order = np.random.default_rng(0).permutation(len(strangers))
    wrong, free = order[: len(known)], np.stack([strangers[row] for row in order[len(known) :]])
    faces = [
        np.stack([vectors[names[0]], vectors[names[1]], strangers[row]])
        for names, row in zip(known, wrong, strict=True)
    ]
    probes = np.stack([vectors[names[2]] for names in known])
    shares = [_user_shares(faces, probes, free, mean) for mean in (centre, _plain)]
    for (name, value, count), (_, reference, _) in zip(*shares, strict=True):
        unit = "of probes" if name in ("found", "first") else "of wrong faces" if name == "wrong" else "of pairs"
        yield figure(f"recognition.users.{name}", value, unit, count, reference)


def _plain(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    total = faces.mean(axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _user_shares(
    faces: list[NDArray[np.float32]],
    probes: NDArray[np.float32],
    strangers: NDArray[np.float32],
    mean: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> list[tuple[str, float, int]]:
    """Probes that match their user, and no other user better; wrong faces that match, and strangers."""
    made = np.stack([mean(rows) for rows in faces])
    cosines, count = probes @ made.T, len(made)
    wrong = np.array([rows[2] @ vector for rows, vector in zip(faces, made, strict=True)])
    false = strangers @ made.T >= MATCHED
    return [
        ("found", float((np.diag(cosines) >= MATCHED).mean()), count),
        ("first", float((cosines.argmax(axis=1) == np.arange(count)).mean()), count),
        ("wrong", float((wrong >= MATCHED).mean()), count),
        ("strangers", float(false.mean()), false.size),
    ]


def celebrities(vectors: Vectors) -> Iterator[Figure]:
    people = by_person(vectors)
    known = {who: names for who, names in people.items() if len(names) > 1}
    enrolled = [np.stack([vectors[name] for name in names[1:4]]) for names in known.values()]
    rows = np.concatenate(enrolled)
    listed = tuple(
        Person(id=str(number), name=who, faces=len(faces))
        for number, (who, faces) in enumerate(zip(known, enrolled, strict=True))
    )
    seal = BuiltFile(bytes=rows.nbytes, sha256="0" * 64)
    maker = Maker(name="sface", digest="0" * 64, dimensions=rows.shape[1])
    pack = Celebrities(Pack(Index(name="lfw", embedding=maker, people=listed, vectors=seal), rows, ""))
    probes = [pack.look(vectors[names[0]][None])[0] for names in known.values()]
    strangers = [pack.look(vectors[names[0]][None])[0] for names in people.values() if len(names) == 1]
    right = [found is not None and found.name == who for found, who in zip(probes, known, strict=True)]
    wrong = sum(found is not None and found.name != who for found, who in zip(probes, known, strict=True))
    yield figure("recognition.celebrities.found", float(np.mean(right)), "of probes", len(right))
    yield figure("recognition.celebrities.mistaken", wrong, "probes", len(right))
    yield figure("recognition.celebrities.strangers", sum(map(bool, strangers)), "of strangers", len(strangers))
