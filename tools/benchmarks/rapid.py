"""RapidOCR in an environment of its own: reads names of pictures from stdin, answers with milliseconds and lines.

usage: rapid.py ENGINE [DETECTOR READER CHARACTERS]
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    import cv2
    from rapidocr import EngineType, RapidOCR

    engine, *paths = sys.argv[1:]
    settings = {f"{part}.engine_type": EngineType(engine) for part in ("Det", "Cls", "Rec")}
    settings |= dict(zip(("Det.model_path", "Rec.model_path", "Rec.rec_keys_path"), paths, strict=False))
    reader = RapidOCR(params=settings | {"Global.log_level": "critical"})
    answers, sys.stdout = sys.stdout, sys.stderr  # it may print
    for name in sys.stdin:
        image = cv2.imread(name.rstrip("\n"))
        started = time.perf_counter()
        found = reader(image)
        spent = 1e3 * (time.perf_counter() - started)
        print(json.dumps({"ms": spent, "lines": list(found.txts or ())}), file=answers, flush=True)


if __name__ == "__main__":
    main()
