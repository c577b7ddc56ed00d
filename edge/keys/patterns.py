"""The wildcards of policies: `*` stands for any run of characters, `?` for one."""

from __future__ import annotations

import re
from collections.abc import Callable

Matches = Callable[[str], bool]
PARTS = 6  # of an ARN: arn:partition:service:region:account:resource


def glob(pattern: str, *, cased: bool = True) -> Matches:
    """Whether a text is what the pattern says, from end to end; the time grows with both lengths, no faster."""
    first, *rest = (_literal(part) for part in re.split(r"\*+", pattern))
    # What lies between two stars is best found as early as may be, and never looked for again (an atomic group).
    between = "".join(f"(?>.*?{part})" for part in rest[:-1])
    last = f".*{rest[-1]}" if rest else ""
    matches = re.compile(first + between + last, re.DOTALL | (0 if cased else re.IGNORECASE | re.ASCII)).fullmatch
    return lambda text: matches(text) is not None


def arn(pattern: str) -> Matches:
    """Part by part between colons, wildcards staying in their part; a `*` at the end takes all parts that follow.

    Raises ValueError for what could never be the name of anything.
    """
    if set(pattern) == {"*"}:
        return lambda _: True
    wanted = pattern.split(":", PARTS - 1)
    if wanted[0] != "arn" or (len(wanted) < PARTS and not pattern.endswith("*")):
        raise ValueError("is neither '*' nor such as 'arn:aws:rekognition:*:*:collection/NAME'")
    tests = [glob(part) for part in wanted]

    def matches(text: str) -> bool:
        given = text.split(":", len(wanted) - 1)
        return len(given) == len(wanted) and all(test(part) for test, part in zip(tests, given, strict=True))

    return matches


def _literal(part: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in part)
