"""What a workstation is called at a device: by its host, for people, and by a token that its work folder keeps.

Who comes back to the folder, after a kill too, has the name of before, and with it the orders it held. Another process,
virtual machine or container has another folder and so another name, whatever its host is called.
"""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

from training import state

FILE = "workstation.json"
LONGEST = 64  # letters of a host's name; a device takes 128 in all
OURS = (FILE, f".{FILE}.part", state.LOCK)  # files in the work folder, which no project may be called by


def name(host: str, home: Path) -> str:
    """Raises StorageError where the folder cannot keep a token."""
    return f"{host[:LONGEST] or 'workstation'} ({_kept(home) or renew(home)})"


def renew(home: Path) -> str:
    """Another token from now on: for who finds a copy of its folder at work under its name."""
    token = secrets.token_hex(6)
    state.write(home / FILE, {"token": token})
    return token


def _kept(home: Path) -> str:
    """Empty where there is none, or one that nobody here has made."""
    try:
        token = str(json.loads((home / FILE).read_text("utf-8"))["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return token if re.fullmatch("[0-9a-f]{12}", token) else ""
