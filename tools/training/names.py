"""What labels may be called, so that every pack and device takes them."""

from __future__ import annotations

from unicodedata import category

MOST = 255  # letters of a label
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, breaks of lines and paragraphs


def fault_of_label(label: str) -> str:
    """What is wrong with it; empty where nothing is."""
    if not label.strip():
        return "its label is empty"
    if len(label) > MOST:
        return f"its label {label[:20]!r}… has {len(label)} letters, and {MOST} are the most"
    if any(category(letter) in _UNSEEN for letter in label):
        return f"its label {label!r} has a line break or control character"
    return ""
