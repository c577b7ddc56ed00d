"""Tiles cover a picture, whole things lie whole in one of them, and no thing is told of twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models import tiles
from models.outputs import Boxes
from models.tiles import Tile

SIDE, SMALLEST, SEEN = 640, 20.0, 24.0
sides = st.integers(1, 12_000)


def boxes(*corners: tuple[float, float, float, float], scores: tuple[float, ...] = ()) -> Boxes:
    xyxy = np.array(corners, np.float32).reshape(-1, 4)
    middle = (xyxy[:, None, :2] + xyxy[:, None, 2:]) / 2
    values = np.array(scores or np.linspace(0.9, 0.8, len(xyxy)), np.float32)
    return Boxes(xyxy, values, np.zeros(len(xyxy), np.int64), np.repeat(middle, 5, axis=1))


def test_a_picture_that_the_network_sees_at_full_size_needs_none() -> None:
    assert tiles.plan(500, 400, SIDE, SMALLEST, SEEN) == []
    assert len(tiles.plan(1920, 1080, SIDE, SMALLEST, SEEN)) == 15


@given(sides, sides)
def test_every_pixel_is_in_a_tile_and_no_tile_leaves_the_picture(width: int, height: int) -> None:
    planned = tiles.plan(width, height, SIDE, SMALLEST, SEEN)
    for scale in {tile.scale for tile in planned}:
        level = [tile for tile in planned if tile.scale == scale]
        assert all(tile.left >= 0 and tile.left + tile.width <= width for tile in level)
        assert all(tile.top >= 0 and tile.top + tile.height <= height for tile in level)
        for starts in ({(tile.left, tile.width) for tile in level}, {(tile.top, tile.height) for tile in level}):
            reached = 0
            for start, length in sorted(starts):
                assert start <= reached
                reached = start + length
        assert max(tile.left + tile.width for tile in level) == width
        assert max(tile.top + tile.height for tile in level) == height


@given(st.integers(1500, 9000), st.integers(900, 9000), st.data())
def test_a_thing_of_any_size_is_large_enough_and_whole_somewhere(width: int, height: int, data: st.DataObject) -> None:
    size = data.draw(st.floats(SMALLEST, min(width, height) / 2))
    x, y = data.draw(st.floats(0, width - size)), data.draw(st.floats(0, height - size))
    whole = Tile(0, 0, width, height, SIDE / max(width, height))
    assert any(
        tile.scale * size >= SEEN * 0.999
        and tile.left <= x
        and tile.top <= y
        and x + size <= tile.left + tile.width
        and y + size <= tile.top + tile.height
        for tile in [whole, *tiles.plan(width, height, SIDE, SMALLEST, SEEN)]
    )


def test_what_a_seam_cuts_is_left_to_the_neighbour_but_not_at_the_pictures_own_edge() -> None:
    tile = Tile(left=100, top=0, width=200, height=200, scale=1.0)
    found = boxes((0, 50, 20, 70), (50, 0, 70, 20), (180, 50, 200, 70), (90, 90, 110, 110))
    placed = tiles.place(found, tile, width=300, height=400)
    assert placed.xyxy.tolist() == [[150, 0, 170, 20], [280, 50, 300, 70], [190, 90, 210, 110]]
    assert placed.landmarks is not None
    assert placed.landmarks[2, 0].tolist() == [200, 100]


def test_doubles_and_pieces_go_and_neighbours_stay() -> None:
    whole, shifted, piece, beside = (0, 0, 100, 100), (5, 5, 104, 104), (10, 40, 50, 90), (80, 0, 180, 100)
    joined = tiles.join([boxes(whole, scores=(0.9,)), boxes(shifted, piece, beside, scores=(0.95, 0.7, 0.8))])
    assert joined.xyxy.tolist() == [list(shifted), list(beside)]


@given(st.lists(st.tuples(*[st.integers(1, 400)] * 4), max_size=30))
def test_joining_gives_some_of_the_boxes_best_first(drawn: list[tuple[int, int, int, int]]) -> None:
    found = boxes(*((x, y, x + width, y + height) for x, y, width, height in drawn))
    joined = tiles.join([found, found])
    assert {tuple(row) for row in joined.xyxy.tolist()} <= {tuple(row) for row in found.xyxy.tolist()}
    assert (np.diff(joined.scores) <= 0).all()
    assert len(joined) <= len(found)
    assert bool(len(joined)) == bool(len(found))
