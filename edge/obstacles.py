"""What of the files, folders and names in a configuration would keep it from running, each with its remedy."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge.cameras.base import CameraSettings
from edge.collections.records import check_collection
from edge.config import Config
from edge.errors import ConfigError, InputError

SECRETS = ("password_file", "ca_file", "cert_file", "key_file")


def obstacles(config: Config) -> Iterator[str]:
    """One sentence for each thing that is not as the configuration says."""
    yield from _folder("data", config.data)
    if config.stills.folder:
        yield from _folder("stills.folder", config.stills.folder)
    if config.custom.folder and not config.custom.folder.is_dir():
        yield f"custom.folder: {config.custom.folder} is no folder; make it, or mount what it is on"
    for key in SECRETS:
        if path := getattr(config.mqtt, key):
            yield from _file(f"mqtt.{key}", path, "name a file")
    if config.api.port:
        yield from _api(config)
    for name, camera in config.cameras.items():
        yield from _camera(f"cameras.{name}", camera)


def _camera(place: str, camera: CameraSettings) -> Iterator[str]:
    kind, path = getattr(camera, "kind", ""), getattr(camera, "path", None)
    if kind == "file" and path:
        yield from _file(f"{place}.path", path, 'name a video, or say kind = "images"')
    if kind == "images" and path:
        yield from _pictures(f"{place}.path", path, 'name a folder, or say kind = "file"')
    if camera.faces.enabled:
        try:
            check_collection(camera.faces.collection)
        except InputError as error:
            yield f"{place}.faces.collection: {error}"


def buckets(config: Config) -> Iterator[str]:
    """Folders may come and go; but one that is not there now is more likely a slip."""
    for name, bucket in config.api.buckets.items():
        if bucket.folder:
            yield from _pictures(f"api.buckets.{name}", bucket.folder, "name a folder")


def _api(config: Config) -> Iterator[str]:
    api = config.api
    absent = [fault for place, path in api.files() for fault in _file(place, path, "name a file")]
    yield from absent
    if not absent:
        try:
            api.tls()
        except ConfigError as error:
            yield str(error)
    yield from _folder("api.audit.folder", api.audit.within(config.data))


def _file(place: str, path: Path, instead: str) -> Iterator[str]:
    """Opens no pipe or device: that might wait for ever."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            yield f"{place}: {path} is a folder; {instead}"
        elif stat.S_ISREG(mode):
            path.open("rb").close()
    except OSError as error:
        yield _refused(place, path, error)


def _pictures(place: str, path: Path, instead: str) -> Iterator[str]:
    try:
        os.scandir(path).close()
    except NotADirectoryError:
        yield f"{place}: {path} is not a folder; {instead}"
    except OSError as error:
        yield _refused(place, path, error)


def _refused(place: str, path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{place}: {path} does not exist; put it there, or correct the path"
    if isinstance(error, PermissionError):
        return f"{place}: {path} may not be read by this user; change its owner or mode, or name another"
    return f"{place}: {path} cannot be read: {(error.strerror or str(error)).lower()}; correct the path"


def _folder(place: str, path: Path) -> Iterator[str]:
    """The daemon makes this folder if need be; whether it could is seen by the nearest one that is there."""
    try:
        nearest = next(parent for parent in (path.absolute(), *path.absolute().parents) if os.path.lexists(parent))
        if not stat.S_ISDIR(nearest.stat().st_mode):
            yield f"{place}: {nearest} is not a folder; name a folder, or move the file away"
        elif not os.access(nearest, os.W_OK | os.X_OK):
            yield f"{place}: {nearest} may not be written by this user; change its owner, or name another folder"
    except OSError as error:
        yield f"{place}: {path} cannot be used: {(error.strerror or str(error)).lower()}; name another folder"
