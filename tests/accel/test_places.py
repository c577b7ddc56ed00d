from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from accel.places import Places
from accel.session import AcceleratorError


def test_a_place_given_back_goes_to_who_waits() -> None:
    places = Places(["only"])
    place = places.take()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(places.take)
        places.give(place)
        assert waiting.result(10) == "only"


def test_closing_wakes_who_waits() -> None:
    places = Places(["only"])
    place = places.take()
    started = Event()

    def wait() -> str:
        started.set()
        return places.take()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        started.wait(10)
        places.close()
        with pytest.raises(AcceleratorError, match="closed"):
            waiting.result(10)
    places.give(place)
    with pytest.raises(AcceleratorError, match="closed"):
        places.take()
