"""What projects, versions and labels may be called, so that every pack and device takes them."""

from __future__ import annotations

import re
from unicodedata import category

MOST = 255  # letters of a label
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, breaks of lines and paragraphs


def is_name(text: str) -> bool:
    """Of a project or version. Its folder is called so: what is dots only would be another one."""
    return bool(re.fullmatch(r"[a-zA-Z0-9_.\-]{1,255}", text)) and bool(text.strip("."))


def fault_of_label(label: str) -> str:
    """What is wrong with it; empty where nothing is."""
    if not label.strip():
        return "its label is empty"
    if len(label) > MOST:
        return f"its label {label[:20]!r}… has {len(label)} letters, and {MOST} are the most"
    if any(category(letter) in _UNSEEN for letter in label):
        return f"its label {label!r} has a line break or control character"
    return ""
