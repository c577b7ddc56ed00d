"""What sections of the report are made of."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def section(title: str, words: str, body: str) -> str:
    """A titled card."""
    told = f"<p class=soft>{words}</p>" if words else ""
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>\n"


def table(head: Sequence[str], rows: Sequence[str]) -> str:
    """Rows of HTML under a head whose columns are numbers from the third on."""
    cells = "".join(f"<th{' class=number' if place > 1 else ''}>{name}</th>" for place, name in enumerate(head))
    return f"<div class=wide><table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
