"""Memory for pictures, used again once nobody holds the picture in it: what the kernel gives anew, it clears first.

That clearing costs as much as the picture's conversion. Whether a picture is held is what CPython counts anyway.
"""

from __future__ import annotations

import sys

from edge.values import Image

KEPT = 22  # pictures at most: one being filled, those waiting, those looked at
NOBODY = 2  # references: the list's, and that of the question itself


class Buffers:
    """The pictures of one camera. Not thread-safe; whoever holds a picture, or a part of one, may be in any thread."""

    def __init__(self) -> None:
        self._kept: list[Image] = []

    def spare(self) -> Image | None:
        """A picture that nobody holds any more, to be overwritten; None if there is none."""
        for place in range(len(self._kept)):
            if sys.getrefcount(self._kept[place]) <= NOBODY:
                return self._kept[place]
        return None

    def keep(self, image: Image) -> None:
        """Use the memory of `image` again later; one of another size drives out the older ones."""
        if any(image is kept for kept in self._kept):
            return
        self._kept = [kept for kept in self._kept if kept.shape == image.shape][: KEPT - 1]
        self._kept.append(image)
