"""`vedette doctor`: what works on this machine, and the remedy for what does not."""

from __future__ import annotations

import argparse
import json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="check back ends, models, broker, disk and clock")
    doctor.add_argument("--json", action="store_true", help="one JSON document")
    doctor.set_defaults(handler=_doctor, log_level="CRITICAL")


def _doctor(args: argparse.Namespace) -> int:
    from edge import config
    from edge.checkup import examine

    settings = config.load(args.config)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not args.json:
            print(f"{'ok ' if finding.ok else '!! '} {finding.part:<12} {finding.text}")
    if args.json:
        print(json.dumps([{"part": f.part, "ok": f.ok, "text": f.text} for f in findings]))
    return 0 if all(finding.ok for finding in findings) else 1
