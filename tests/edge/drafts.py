"""What a made-up model pack says of itself: a classifier of raccoons, for one back end."""

from __future__ import annotations

from typing import Any


def raccoons(version: str, backend: str, weights: str, **more: Any) -> dict[str, Any]:
    """The values of a Draft, with `more` of them."""
    return {
        "project": "raccoons",
        "version": version,
        "task": "classify",
        "labels": [{"name": "raccoon", "threshold": 0.5}],
        "variants": {
            backend: {
                "weights": weights,
                "outputs": ["logits"],
                "input": {"width": 224, "height": 224, "fit": "square"},
                "decode": {"name": "classify"},
            }
        },
        "data": "",
        "made_at": 1.8e9,
        "images": [4, 2],
        "seconds": 12.0,
        **more,
    }
