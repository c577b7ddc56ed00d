"""What a browserify bundle exports, taken out of the script as text: nothing of it is ever run.

Such a file is a fixed wrapper around `module.exports = LITERAL`, minified. Only literals are understood: a string
(base64 in the packages that ship weights this way), or objects and lists of strings, numbers and booleans.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from models.manifest import ModelError

OPENING = re.compile(r"\[function\((?:\w+),(\w+),(?:\w+)\)\{\1\.exports=")
CLOSING = "},{}]},{},[1])(1)});"

# Where JavaScript's literals differ from JSON: bare keys, !0 and !1, numbers without a leading zero.
STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
UNLIKE_JSON = re.compile(rf"({STRING})|([A-Za-z_$][\w$]*)(?=:)|!([01])|(?<![\w.-])(-?)(?=\.\d)")


def exported(script: bytes) -> Any:
    """The literal, with strings left as they are; raises ModelError if the script is another one."""
    try:
        text = script.decode("ascii")
        opening = OPENING.search(text)
        content = UNLIKE_JSON.sub(_as_json, text[opening.end() :] if opening else "")
        value, end = json.JSONDecoder().raw_decode(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"not a bundle of one literal: {error}; pull it again") from error
    if content[end:] != CLOSING:
        raise ModelError("not a bundle of one literal: something follows it; pull it again")
    return value


def exported_bytes(script: bytes) -> bytes:
    """What a bundled base64 string stands for; raises ModelError."""
    value = exported(script)
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise ModelError(f"a bundle that holds no base64: {error}; pull it again") from error


def _as_json(found: re.Match[str]) -> str:
    string, key, truth, sign = found.groups()
    if string is not None:
        return string
    if key is not None:
        return f'"{key}"'
    return {"0": "true", "1": "false"}[truth] if truth else f"{sign}0"
