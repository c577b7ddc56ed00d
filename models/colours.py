"""A picture's dominant colours: each pixel goes to the CSS colour that looks nearest, and those are counted.

"Looks nearest" is the smallest Euclidean distance in CIELAB (CIE 1976, D65). A colour is told as the one of its
pixels that is nearest to their mean.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.outputs import Floats

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MOST = 12
LEAST = 1.0  # percent; less is no dominant colour
BATCH = 1024  # colours compared at a time: half a megabyte, which stays in the processor's cache

# The named colours of CSS (Color Module Level 4) under the twelve names Rekognition simplifies to, grouped as
# usual, but for the slate blues, which are blue to the eye and by name.
# Of two names for one colour, the one that Rekognition was seen to give: "dimgrey", but "gray".
NAMED = {
    "pink": ("mediumvioletred c71585 deeppink ff1493 palevioletred db7093 hotpink ff69b4 lightpink ffb6c1 pink ffc0cb"),
    "red": (
        "darkred 8b0000 red ff0000 firebrick b22222 crimson dc143c indianred cd5c5c lightcoral f08080 salmon fa8072 "
        "darksalmon e9967a lightsalmon ffa07a"
    ),
    "orange": ("orangered ff4500 tomato ff6347 darkorange ff8c00 coral ff7f50 orange ffa500"),
    "yellow": (
        "darkkhaki bdb76b gold ffd700 khaki f0e68c peachpuff ffdab9 yellow ffff00 palegoldenrod eee8aa "
        "moccasin ffe4b5 papayawhip ffefd5 lightgoldenrodyellow fafad2 lemonchiffon fffacd lightyellow ffffe0"
    ),
    "brown": (
        "maroon 800000 brown a52a2a saddlebrown 8b4513 sienna a0522d chocolate d2691e darkgoldenrod b8860b "
        "peru cd853f rosybrown bc8f8f goldenrod daa520 sandybrown f4a460 tan d2b48c burlywood deb887 wheat f5deb3 "
        "navajowhite ffdead bisque ffe4c4 blanchedalmond ffebcd cornsilk fff8dc"
    ),
    "purple": (
        "indigo 4b0082 purple 800080 rebeccapurple 663399 darkmagenta 8b008b darkviolet 9400d3 blueviolet 8a2be2 "
        "darkorchid 9932cc magenta ff00ff mediumorchid ba55d3 mediumpurple 9370db orchid da70d6 violet ee82ee "
        "plum dda0dd thistle d8bfd8 lavender e6e6fa"
    ),
    "blue": (
        "darkslateblue 483d8b slateblue 6a5acd mediumslateblue 7b68ee midnightblue 191970 navy 000080 darkblue 00008b "
        "mediumblue 0000cd blue 0000ff royalblue 4169e1 steelblue 4682b4 dodgerblue 1e90ff deepskyblue 00bfff "
        "cornflowerblue 6495ed skyblue 87ceeb lightskyblue 87cefa lightsteelblue b0c4de lightblue add8e6 "
        "powderblue b0e0e6"
    ),
    "cyan": (
        "teal 008080 darkcyan 008b8b lightseagreen 20b2aa cadetblue 5f9ea0 darkturquoise 00ced1 "
        "mediumturquoise 48d1cc turquoise 40e0d0 cyan 00ffff aquamarine 7fffd4 paleturquoise afeeee lightcyan e0ffff"
    ),
    "green": (
        "darkgreen 006400 green 008000 darkolivegreen 556b2f forestgreen 228b22 seagreen 2e8b57 olive 808000 "
        "olivedrab 6b8e23 mediumseagreen 3cb371 limegreen 32cd32 lime 00ff00 springgreen 00ff7f "
        "mediumspringgreen 00fa9a darkseagreen 8fbc8f mediumaquamarine 66cdaa yellowgreen 9acd32 lawngreen 7cfc00 "
        "chartreuse 7fff00 lightgreen 90ee90 greenyellow adff2f palegreen 98fb98"
    ),
    "white": (
        "mistyrose ffe4e1 antiquewhite faebd7 linen faf0e6 beige f5f5dc whitesmoke f5f5f5 lavenderblush fff0f5 "
        "oldlace fdf5e6 aliceblue f0f8ff seashell fff5ee ghostwhite f8f8ff honeydew f0fff0 floralwhite fffaf0 "
        "azure f0ffff mintcream f5fffa snow fffafa ivory fffff0 white ffffff"
    ),
    "grey": (
        "darkslategrey 2f4f4f dimgrey 696969 slategrey 708090 gray 808080 lightslategrey 778899 darkgrey a9a9a9 "
        "silver c0c0c0 lightgrey d3d3d3 gainsboro dcdcdc"
    ),
    "black": ("black 000000"),
}


class Colour(NamedTuple):
    """`percent` of the pixels look like this one of red, green and blue."""

    red: int
    green: int
    blue: int
    css: str
    simple: str
    percent: float


def dominant(pixels: Pixels) -> list[Colour]:
    """At most MOST colours of uint8 [N,3] BGR pixels, the commonest first; N is at least 1."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    unique, counts = np.unique(packed, return_counts=True)
    tones = lab(np.stack([unique >> 16, unique >> 8 & 255, unique & 255], axis=1).astype(np.uint8))
    css, simple, _ = named()
    nearest = nearest_css(tones)
    shares = np.bincount(nearest, counts, len(css)) * (100.0 / len(pixels))
    chosen = [name for name in np.argsort(-shares, kind="stable")[:MOST].tolist() if shares[name] >= LEAST]
    return [
        Colour(*_middle(unique, counts, tones, nearest == name), css[name], simple[name], float(shares[name]))
        for name in chosen
    ]


def _middle(packed: NDArray[np.uint32], counts: NDArray[np.intp], tones: Floats, there: Mask) -> tuple[int, int, int]:
    """Red, green and blue of the packed pixel `there` that is nearest to the mean of all of them."""
    away = tones[there] - np.average(tones[there], axis=0, weights=counts[there])
    value = int(packed[there][np.argmin((away**2).sum(axis=1))])
    return value & 255, value >> 8 & 255, value >> 16


def lab(pixels: Pixels) -> Floats:
    """CIELAB [N,3] of uint8 [N,3] BGR."""
    unit: Floats = pixels[None].astype(np.float32) / np.float32(255)
    return _floats(cv2.cvtColor(unit, cv2.COLOR_BGR2LAB)[0])


def nearest_css(tones: Floats) -> NDArray[np.intp]:
    """The row in NAMED's order of the CSS colour nearest to each CIELAB [N,3]."""
    places = named()[2]
    # |a - b|² = |a|² - 2 ab + |b|², of which |a|² is the same for every b
    twice, squares = 2 * places.T, (places**2).sum(axis=1)
    parts = [tones[start : start + BATCH] for start in range(0, len(tones), BATCH)]
    return np.concatenate([np.argmin(squares - part @ twice, axis=1) for part in parts])


@cache
def named() -> tuple[tuple[str, ...], tuple[str, ...], Floats]:
    """CSS names, their simplified names, and CIELAB [names,3]."""
    css, simple, bgr = [], [], []
    for group, text in NAMED.items():
        words = text.split()
        css += words[::2]
        simple += [group] * (len(words) // 2)
        bgr += [list(bytes.fromhex(code))[::-1] for code in words[1::2]]
    return tuple(css), tuple(simple), lab(np.array(bgr, np.uint8))


def _floats(converted: NDArray[np.generic]) -> Floats:
    return np.asarray(converted, np.float32)  # cv2 types it wider than what it was given
