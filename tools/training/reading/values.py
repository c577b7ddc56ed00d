"""Values of foreign JSON, as strangers write them."""

from __future__ import annotations

from typing import Any


def number(value: Any, what: str) -> float:
    """Infinite where it is too large, which the check of the boxes names. Raises ValueError where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} has {value!r}, which is no number")  # noqa: TRY004 - a fault of the data
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def text(value: Any) -> str:
    """Without blanks around it; empty where it is none, which the check of the labels names."""
    return str(value).strip() if isinstance(value, str | int | float) else ""
