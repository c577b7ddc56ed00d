"""From a manifest to the file it names, over HTTP or HTTPS or out of one folder: the bytes announced, or none."""

from __future__ import annotations

import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

from edge.custom.manifests import MB, CustomSettings, Manifest
from edge.errors import DeniedError, MissingError, UnavailableError
from edge.packs.records import file_digest
from edge.packs.store import reported

TIMEOUT = 30.0  # seconds without a byte
LONGEST = 3600.0  # seconds that one attempt may take
CHUNK = 1 << 16
SPARE = 16 * MB  # bytes of disk that are left to others
LATER = "it is tried again"


def fetch(manifest: Manifest, settings: CustomSettings, folder: Path, given_up: Callable[[], bool]) -> Path:
    """The file that a manifest announces, its digest checked; one that was downloaded lies in `folder`.

    Raises DeniedError for what is refused for good; MissingError, UnavailableError or StorageError for what may pass. A
    broken download is kept, and gone on with next time.
    """
    if manifest.bytes > settings.max_mb * MB:
        raise DeniedError(f"{manifest.bytes / MB:.1f} MB are more than custom.max_mb = {settings.max_mb} allows")
    if manifest.file is not None:
        return _local(manifest, manifest.file, settings.folder)
    part = folder / f"{manifest.sha256}.part"
    with reported(folder, "name another folder in data"):
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, part, manifest)
        _download(manifest, part, given_up)
        if file_digest(part) != manifest.sha256:
            part.unlink()
            raise UnavailableError(f"{manifest.url}: is not the pack that was announced (its digest differs); {LATER}")
    return part


def _local(manifest: Manifest, name: str, folder: Path | None) -> Path:
    if folder is None:
        raise DeniedError(f"file {name!r}: custom.folder names no folder where packs may lie")
    with reported(folder, "mount what it is on"):
        try:
            place = (folder / name).resolve()
            inside = place.is_relative_to(folder.resolve())
        except RuntimeError:  # links in a circle
            inside = False
        if not inside:
            raise DeniedError(f"file {name!r}: leads out of custom.folder; name a file within it")
        if not place.is_file():
            raise MissingError(f"{place}: no such file; {LATER}")
        if place.stat().st_size != manifest.bytes or file_digest(place) != manifest.sha256:
            raise UnavailableError(f"{place}: is not the pack that was announced (its digest differs); {LATER}")
    return place


def _make_room(folder: Path, part: Path, manifest: Manifest) -> None:
    """What other manifests left behind goes; raises UnavailableError where pack and unpacked files would not fit."""
    for other in folder.glob("*.part"):
        if other != part:
            other.unlink()
    needed = 2 * manifest.bytes - _length(part) + SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UnavailableError(f"{folder}: {free / MB:.0f} MB are free, {needed / MB:.0f} MB needed; {LATER}")


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _download(manifest: Manifest, part: Path, given_up: Callable[[], bool]) -> None:
    url = str(manifest.url)
    if _length(part) == manifest.bytes:
        return
    try:
        _continue(url, part, manifest.bytes, given_up)
    except urllib.error.HTTPError as error:
        with error:
            _refused(url, part, error)
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise UnavailableError(f"{url}: {reason}; {LATER}") from error
    except (TimeoutError, ConnectionError, ssl.SSLError, HTTPException, ValueError, OverflowError) as error:
        raise UnavailableError(f"{url}: {str(error) or type(error).__name__}; {LATER}") from error
    if (have := _length(part)) < manifest.bytes:
        raise UnavailableError(f"{url}: ended after {have} of {manifest.bytes} bytes; {LATER}")


def _refused(url: str, part: Path, error: urllib.error.HTTPError) -> None:
    if HTTPStatus.MULTIPLE_CHOICES <= error.code < HTTPStatus.BAD_REQUEST:
        raise DeniedError(f"{url}: redirects to where nothing is fetched from ({error.headers.get('Location')})")
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        with suppress(OSError):
            part.unlink()  # longer than the file there, so not its beginning
    raise UnavailableError(f"{url}: the server answers {error.code} {error.reason}; {LATER}") from error


def _continue(url: str, part: Path, size: int, given_up: Callable[[], bool]) -> None:
    """Fetch what `part` lacks; raises UnavailableError, and drops it all, where there is more than was announced."""
    have, until = _length(part), time.monotonic() + LONGEST
    headers = {"User-Agent": "vedette"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the manifest saw to the scheme
    with _opener().open(request, timeout=TIMEOUT) as answer:
        resumed = answer.status == HTTPStatus.PARTIAL_CONTENT
        if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise ConnectionError("another part of the file was sent than was asked for")
        done = have if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while done <= size and (chunk := answer.read(CHUNK)):
                done += len(chunk)
                file.write(chunk)
                if given_up() or time.monotonic() > until:
                    raise ConnectionError("took too long" if not given_up() else "was given up")
    if done > size:
        part.unlink()
        raise UnavailableError(f"{url}: holds more than the {size} bytes that were announced; {LATER}")


def _opener() -> urllib.request.OpenerDirector:
    """Of HTTP and HTTPS alone: urllib's usual one would open files and FTP, too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Followed to HTTP and HTTPS, and never from HTTPS to HTTP; what is not is the server's answer, an HTTPError."""

    def redirect_request(self, *told: Any) -> urllib.request.Request | None:
        request, url = told[0], told[-1]
        scheme = url.partition(":")[0].lower()
        if scheme not in ("http", "https") or (request.type == "https" and scheme == "http"):
            return None
        return super().redirect_request(*told)
