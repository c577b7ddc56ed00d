"""Similarity in percent: a logistic of the cosine between two SFace int8 vectors, anchored at measured error rates.

80 % is the cosine that 1 in 1,000 pairs of different people reach (false-match rate, FMR), 99 % the one that 1 in
100,000 reach. Measured with the shipped detector, alignment and int8 network on 795 photos of 451 people of LFW
(of several faces in a photo, the one nearest its centre): n = 314,858 pairs of different people, 757 of the same.

======= ======= ======== ====== =========================================================
percent cosine  FMR      TAR    how the false-match rate was read
======= ======= ======== ====== =========================================================
50      .323    4.6e-3   1.000  directly, 1,464 pairs
80      .364    1.0e-3   .996   directly, 316 pairs (95 % interval of the cosine .358 to .372)
90      .388    3.9e-4   .995   directly, 122 pairs
95      .411    1.4e-4   .984   directly, 45 pairs (FMR 1e-4 lies at .4205, .405 to .433)
97      .427    6.7e-5   .978   directly, 21 pairs
99      .460    1e-5     .970   fitted: a generalised Pareto tail over FMR 1e-3 puts 1e-5 at
                                .463, over 3e-3 at .458; 3 pairs reach .446 (.436 to .512)
======= ======= ======== ====== =========================================================

It is told in hundredths of a percent, and compared as it is told: what is told as 100 passes a threshold of 100.

TAR is the part of same-person pairs that reach the cosine. The intervals resample people, not pairs. A false-match
rate belongs to a network *and* to who is looked at: other ages, origins and cameras have others. An unknown face
meets every enrolled one, so a view of it is matched at about FMR times their number: for 1 % of unknown views, 90
serves 25 enrolled faces, 95 serves 70, 97 serves 150 and 99 serves 1,000.
"""

from __future__ import annotations

from math import exp, log, log10

LOWER = (80.0, 0.364)
UPPER = (99.0, 0.460)
DECIMALS = 2
OF_USER = 75.0  # percent that a face must be like a user's others, unless asked otherwise: Rekognition's


def _logit(percent: float) -> float:
    return log(percent / (100.0 - percent))


WIDTH = (UPPER[1] - LOWER[1]) / (_logit(UPPER[0]) - _logit(LOWER[0]))
MIDDLE = LOWER[1] - WIDTH * _logit(LOWER[0])


def percent(cosine: float) -> float:
    """Similarity of two faces whose vectors have this cosine, rounded to DECIMALS."""
    return round(100.0 * likeness(cosine), DECIMALS)


def likeness(cosine: float) -> float:
    """The same to the last digit, 0..1."""
    return 1.0 / (1.0 + exp((MIDDLE - cosine) / WIDTH))


def cosine(percent: float) -> float:
    """The least cosine that is told as this similarity, or as more; kept within -1..1."""
    least = min(percent, 100.0) - 0.5 * 10**-DECIMALS
    return min(max(MIDDLE + WIDTH * _logit(least), -1.0), 1.0) if least > 0.0 else -1.0


def cosine_at(rate: float) -> float:
    """The cosine that this part of all pairs of different people reach: on the line through both anchors' rates.

    Straight in the logarithm, as the tail was found to be; for rates below 1e-5 it goes on beyond what was measured.
    """
    (_, low), (_, high) = LOWER, UPPER
    return min(low + (high - low) * (log10(1e-3) - log10(rate)) / 2, 1.0)
