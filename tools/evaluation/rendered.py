"""Pictures whose text is known because it was drawn here: scenes of signs, and pages. A seed always gives the same.

The letters are those that OpenCV 5 brings along; older releases have none with accents.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import cv2
import numpy as np

from edge.errors import MissingError
from edge.values import Image

WIDTH, HEIGHT = 1280, 720
FACES = ("sans", "italic", "uni")
SIGNS = (
    "EXIT 24", "Deliveries Only", "Gate B 17", "WARNING High Voltage", "Serial: QX-4471-88", "Café crème 3,50 €",
    "Straße gesperrt", "Niño pequeño", "AB12 CDE", "No parking 08:00-18:00", "Über 90 % Rabatt", "Sortie de secours",
    "¿Dónde está?", "Caution: wet floor", "Platz für 12 Personen", "Total: 1.249,00 €", "Señalización", "Push to open",
    "À bientôt", "Größe 42/44",
)  # fmt: skip
PROSE = (
    "The guard at the gate writes down who comes and who goes. When the evening train is late, the lamps are lit "
    "before it arrives, and the clerk reads the list again: 14 parcels, 3 letters, 1 bicycle. Nobody asks why the "
    "north door stays shut, for everybody has been told. A notice hangs beside it, printed in small letters on "
    "yellow paper, that visitors may wait in the hall until 17:45 and shall keep their dogs on a lead."
)
# The first article of the Universal Declaration of Human Rights, or its beginning.
ARTICLES = {
    "English": "All human beings are born free and equal in dignity and rights.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos, dotados como están de razón.",
    "Portuguese": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão.",
    "Italian": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "Dutch": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
    "Swedish": "Alla människor är födda fria och lika i värde och rättigheter.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
    "Hungarian": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van.",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",  # noqa: RUF001 the letter
    "Chinese": "人人生而自由,在尊严和权利上",
}


@dataclass(frozen=True, slots=True)
class Pen:
    """How a sign is written: its letters, their size in pixels and weight, and both colours."""

    face: Any
    size: int
    weight: int
    ground: list[int]
    ink: list[int]


def scene(seed: int) -> tuple[Image, list[str]]:
    """Ten signs on a blurred wall, [720,1280,3], and what they say."""
    chance = np.random.default_rng(seed)
    noise = chance.integers(150, 190, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 6).astype(np.uint8)
    texts = [SIGNS[place] for place in chance.permutation(len(SIGNS))[:10]]
    for place, text in enumerate(texts):
        left, top = 30 + place % 2 * 620 + chance.integers(60), 20 + place // 2 * 138 + chance.integers(50)
        size, weight = int(chance.integers(18, 44)), (400, 700)[place % 2]
        ground, ink = chance.integers(200, 255, 3).tolist(), chance.integers(0, 90, 3).tolist()
        pen = Pen(_face(FACES[int(chance.integers(len(FACES)))]), size, weight, ground, ink)
        _sign(image, text, (int(left), int(top)), pen)
    return image, texts


def page(seed: int) -> tuple[Image, list[str]]:
    """A sheet of prose in lines of about fifty letters, [1000,900,3], and its lines."""
    chance = np.random.default_rng(seed)
    image = np.full((1000, 900, 3), int(chance.integers(225, 256)), np.uint8)
    face, size = _face(FACES[seed % len(FACES)]), int(chance.integers(18, 26))
    texts = wrap(" ".join([PROSE] * 3)[int(chance.integers(len(PROSE))) :], 55)[: int(900 / (size * 1.6))]
    for row, text in enumerate(texts):
        cv2.putText(image, text, (60, 60 + int(row * size * 1.6)), (30, 30, 30), face, size, 400)
    return image, texts


def article(language: str) -> tuple[Image, list[str]]:
    """A sentence in lines of about thirty letters on a plain ground, once in larger and once in smaller letters."""
    texts = wrap(ARTICLES[language], 30)
    image = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    for left, size in ((40, 36), (740, 24)):
        for row, text in enumerate(texts):
            cv2.putText(image, text, (left, 80 + row * 80), (30, 30, 30), _face("uni"), size, 400)
    return image, [text for text in texts for _ in range(2)]


def _sign(image: Image, text: str, at: tuple[int, int], pen: Pen) -> None:
    base = at[0], at[1] + pen.size
    x, y, width, height = cv2.getTextSize((WIDTH, HEIGHT), text, base, pen.face, pen.size, pen.weight)
    cv2.rectangle(image, (x - 8, y - 6), (x + width + 8, y + height + 6), pen.ground, cv2.FILLED)
    cv2.putText(image, text, base, pen.ink, pen.face, pen.size, pen.weight)


def _face(name: str) -> Any:
    if not hasattr(cv2, "FontFace"):
        raise MissingError(
            f"OpenCV {cv2.__version__} brings no letters with accents: pip install 'opencv-python-headless>=5'"
        )
    return cv2.FontFace(name)
