"""Train a model on your own labels: check the data, learn, measure, export and pack it for devices.

DATASET is a folder for each label, COCO's JSON, YOLO's texts, a manifest of SageMaker or Rekognition, or a CSV. What
is finished stays in the work folder, so the same command goes on after a Ctrl-C, a crash or a full disk.
"""

from __future__ import annotations

import argparse
import errno
import json
import math
import os
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from training import datasets, stages, state
from training.display import Display, verdict
from training.settings import Job
from training.stages import Outcome

from edge.errors import EXPECTED, StorageError, exit_code
from edge.packs import custom, signing
from edge.packs.drafts import is_name

HOME = Path("training")
STOPPED = 130
MOST_SEED = (1 << 32) - 1
HEEDED = {"example": {"example"}, "serve_device": {"serve_device", "key_id", "key", "out", "minutes", "seed"}}
FIGURES = {"F1": "F1Score", "precision": "Precision", "recall": "Recall", "average precision": "AveragePrecision"}
REFUSED = ("No space left", "disk is full", "iostream error")  # what C++ and SQLite say then


def main() -> int:
    console = Console(stderr=True, soft_wrap=True)
    arguments = parser().parse_args()
    try:
        return _do(arguments, console)
    except EXPECTED as error:
        console.print(f"train: {error}", markup=False, highlight=False)
        return exit_code(error)
    except BrokenPipeError:
        # Who read our output has left (`tools/train … | head`): not an error.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        console.print("train: stopped; the same command goes on from here", markup=False)
        return STOPPED
    except (OSError, RuntimeError, sqlite3.Error) as error:
        # torch, OpenVINO and SQLite each have their own way of saying it.
        if _is_full(folder(arguments), error):
            said = f"{folder(arguments)}: the disk is full ({error}); free some space, and the same command goes on"
            console.print(f"train: {said} from here", markup=False, highlight=False)
        elif isinstance(error, OSError) and error.filename:
            said = f"{error.filename}: {error.strerror}; check the path, its owner and the disk"
            console.print(f"train: {said}", markup=False, highlight=False)
        else:
            raise
        return StorageError.exit_code


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("dataset", nargs="?", type=Path, metavar="DATASET", help="a folder or file of labelled pictures")
    add("--project", type=_name, help="what the model is about: letters, digits, '_', '.' and '-'")
    add("--version", type=_name, default="1", help="which attempt at it (default: %(default)s)")
    add("--task", choices=["auto", "classify", "detect"], default="auto",
                        help="whole pictures or boxes; auto: boxes if the data set has any")  # fmt: skip
    add("--multi", action="store_true", help="several labels may apply to one picture")
    add("--seed", type=_count, default=1, help="the same seed and data give the same model (%(default)s)")
    add("--out", type=Path, metavar="DIR", help="the work folder (default: training/PROJECT/VERSION)")
    add("--minutes", type=_minutes, metavar="M", help="learn no longer than this")
    add("--key", type=Path, metavar="FILE", help="the key that signs the pack; made if it is not there")
    add("--tflite-io", choices=["int8", "uint8"], default="int8", help="numbers in and out (%(default)s)")
    add("--check", action="store_true", help="only check the data set; exit 1 if it cannot be learnt")
    add("--example", type=Path, metavar="FOLDER", help="cut two small data sets out of public photos")
    add("--serve-device", metavar="URL", help="train what a device orders, until Ctrl-C")
    add("--key-id", help="with --serve-device: the access key; its secret is VEDETTE_SECRET")
    return parser


def folder(arguments: argparse.Namespace) -> Path:
    """The work folder."""
    return Path(arguments.out or HOME / (arguments.project or "") / arguments.version)


def _do(arguments: argparse.Namespace, console: Console) -> int:
    _refuse_ignored(arguments)
    if arguments.example:
        return _example(arguments.example)
    if arguments.serve_device:
        return _serve(arguments, console)
    if not arguments.dataset or not arguments.project:
        parser().error("a DATASET and --project are needed, or --example or --serve-device")
    if arguments.key:
        signing.open_key(arguments.key)  # before any work that would be for nothing
    samples = datasets.read(arguments.dataset, arguments.task)
    job = Job(
        arguments.project, arguments.version, datasets.task_of(samples), arguments.seed, folder(arguments).resolve(),
        arguments.minutes, arguments.multi, arguments.tflite_io, arguments.key,
    )  # fmt: skip
    root = arguments.dataset if arguments.dataset.is_dir() else arguments.dataset.parent
    display = Display(job.task, console)
    with display:
        findings = stages.check(samples, root, job, display)
    print("\n".join(findings.lines()), flush=True)
    if arguments.check:
        return 1 if findings.stops else 0
    with display:
        outcome = stages.train(findings, job, display)
    _say(outcome)
    return 0


def _refuse_ignored(arguments: argparse.Namespace) -> None:
    """What is given and would have no effect is a mistake."""
    plain = vars(parser().parse_args([]))
    given = {name for name, value in vars(arguments).items() if value != plain[name]}
    mode = next((mode for mode in HEEDED if mode in given), "")
    extra = given - HEEDED[mode] if mode else given & {"key_id"}
    if extra:
        first = min(extra)
        what = "DATASET" if first == "dataset" else _option(first)
        parser().error(f"{what} has no effect {f'with {_option(mode)}' if mode else 'without --serve-device'}; drop it")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _say(outcome: Outcome) -> None:
    evaluation = json.loads(outcome.evaluation.read_text("utf-8"))
    found, poor = evaluation["AggregatedEvaluationResults"], verdict(evaluation)
    worth = ", ".join(f"{word} {found[key]:.3f}" for word, key in FIGURES.items() if key in found)
    print(f"on {len(outcome.dataset.test)} test pictures: {worth}; see {outcome.report}")
    if poor:
        print(f"warning: {poor}")
    ready = ("finished" if poor else "ready") if outcome.fresh else f"was {'finished' if poor else 'ready'} before"
    print(f"{outcome.pack}: {ready}; on a device:")
    with outcome.pack.open("rb") as stream:
        signer = custom.KIND.open(stream, outcome.pack).signer
    print(f"  vedette custom install {outcome.pack.name} --trust {signer}")


def _example(out: Path) -> int:
    from training import cuts

    labels, boxes = cuts.write(out)
    print(f"{out / 'labels'}: {labels} pictures of {len(cuts.PHOTOS)} labels; {out / 'boxes'}: {boxes} with boxes")
    print(f"next: tools/train {out / 'labels'} --project example")
    return 0


def _serve(arguments: argparse.Namespace, console: Console) -> int:
    from training import device

    secret = os.environ.get("VEDETTE_SECRET", "")
    return device.serve(arguments.serve_device, arguments.key_id, secret, console, arguments)


def _name(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits, '_', '.' and '-' only, and not dots alone")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(MOST_SEED)) or int(text) > MOST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {MOST_SEED}")
    return int(text)


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time above 0")
    return value


def _is_full(out: Path, error: Exception) -> bool:
    """Whether it says so, or there is no room left."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(word in str(error) for word in REFUSED) or state.free(out) < state.FULL
