"""Similarity in percent: a logistic of the cosine between two SFace int8 vectors, anchored at measured error rates.

80 % is the cosine that 1 in 1,000 pairs of different people reach (false-match rate, FMR), 99 % the one that 1 in
100,000 reach. Measured with the shipped int8 network on 795 photos of 451 people of LFW (one detector, aligned by
five landmarks): n = 314,858 pairs of different people, 757 pairs of the same.

======= ======= ======== ====== =======================================================
percent cosine  FMR      TAR    how the false-match rate was read
======= ======= ======== ====== =======================================================
50      .319    4.0e-3   .997   directly, 1,275 pairs
80      .360    9.5e-4   .995   directly, 299 pairs (FMR 1e-3 lies at .359, 95 % interval .352 to .369)
90      .384    3.7e-4   .989   directly, 116 pairs
95      .406    1.5e-4   .984   directly, 47 pairs (FMR 1e-4 lies at .415, interval .401 to .428)
97      .422    5.4e-5   .982   directly, 17 pairs
99      .455    1e-5     .966   3 pairs at .455; a generalised Pareto tail over FMR 1e-3 gives .453 (.431 to .492)
======= ======= ======== ====== =======================================================

TAR is the part of same-person pairs that reach the cosine. The intervals resample people, not pairs. Faces of other
ages, origins and cameras differ: a false-match rate is a property of the network *and* of who is looked at.
An unknown face meets every enrolled one, so it is matched at about FMR times their number.
"""

from __future__ import annotations

from math import exp, log

LOWER = (80.0, 0.360)
UPPER = (99.0, 0.455)


def _logit(percent: float) -> float:
    return log(percent / (100.0 - percent))


WIDTH = (UPPER[1] - LOWER[1]) / (_logit(UPPER[0]) - _logit(LOWER[0]))
MIDDLE = LOWER[1] - WIDTH * _logit(LOWER[0])


def percent(cosine: float) -> float:
    """Similarity of two faces whose vectors have this cosine."""
    return 100.0 / (1.0 + exp((MIDDLE - cosine) / WIDTH))


def cosine(percent: float) -> float:
    """The cosine that gives this similarity: the inverse of `percent`, kept within -1..1."""
    if percent <= 0.0:
        return -1.0
    if percent >= 100.0:
        return 1.0
    return min(max(MIDDLE + WIDTH * _logit(percent), -1.0), 1.0)
