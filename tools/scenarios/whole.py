"""The daemon as it is shipped, with every model, on a loop of photos."""

from __future__ import annotations

import shutil

from edge.errors import EdgeError, UnavailableError
from tools.media import get
from tools.scenarios.stage import DEVICE, Sentry

PHOTOS = ("astronaut.png", "sample1.jpg", "chelsea.png")
TOML = """device = "{device}"
data = "{data}"
[mqtt]
port = {port}
[stills]
folder = "{folder}/stills"
keep = 50
[cameras.hall]
kind = "images"
path = "{folder}/slides"
seconds = 1.0
loop = true
[cameras.hall.labels]
every = 1.0
"""


class Whole(Sentry):
    """Tells about an event a second, whatever rate is asked for."""

    module = "edge.cli"

    def _configuration(self, port: int, _rate: float, _cameras: int) -> str:
        slides = self.folder / "slides"
        try:
            photos = get(*PHOTOS)
        except EdgeError as error:
            raise UnavailableError(f"no photos: {error}") from error
        slides.mkdir(exist_ok=True)
        for photo in photos:
            shutil.copy(photo, slides)
        return TOML.format(device=DEVICE, data=self.data, port=port, folder=self.folder)
