"""What a worker process does: opens one model, and runs it on tensors that it shares with whoever wants it.

Started by `accel.worker` as ``python -m accel.serve FD JSON``; it ends with the process that started it.
"""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import resource
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from accel import shared
from accel.session import AcceleratorError, Options, Session, Tensors, open_session, probe, try_out

OK = b"\0"  # no sentence begins with it


def main() -> None:
    _end_with_parent()
    channel = socket.socket(fileno=int(sys.argv[1]))
    wanted: dict[str, Any] = json.loads(sys.argv[2])
    cache = wanted["options"].pop("cache")
    options = Options(**wanted["options"], cache=Path(cache) if cache else None)
    said = io.StringIO()
    logging.basicConfig(stream=said, format="%(message)s")
    if not wanted["weights"]:
        reason = probe(wanted["backend"], options)
        channel.send(json.dumps({"refused": reason} if reason else {"works": True}).encode())
        return
    try:
        session = open_session(wanted["backend"], Path(wanted["weights"]), options)
        room = shared.lane_bytes((*session.inputs, *session.outputs))
        try_out(session)  # now, for the first inference may take long
    except AcceleratorError as error:
        channel.send(json.dumps({"refused": str(error)}).encode())
        return
    memory = os.memfd_create("tensors")
    os.ftruncate(memory, room * session.streams)
    ours, theirs = zip(*(socket.socketpair(type=socket.SOCK_SEQPACKET) for _ in range(session.streams)), strict=True)
    fds = [memory, *(lane.fileno() for lane in theirs)]
    socket.send_fds(channel, [json.dumps(_introduced(session, said.getvalue())).encode()], fds)
    for lane in theirs:
        lane.close()
    _silence()
    arrays = shared.lanes(memory, session.inputs, session.outputs, session.streams)
    with ThreadPoolExecutor(session.streams) as pool:
        list(pool.map(_serve, [session] * session.streams, ours, arrays))
    session.close()


def _end_with_parent() -> None:
    """End when the parent does, even inside a call that never comes back: stdin is a pipe whose other end it holds.

    Unlike PR_SET_PDEATHSIG, this does not depend on which of its threads started us.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the parent, which tells us when to end
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    try:
        os.read(0, 1)
        sys.exit()  # the parent was quicker
    except BlockingIOError:
        pass
    # A core dump would take seconds in which nobody knows that we are gone; the kernel takes 1 for none at all.
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    if most:  # a service may be held to none at all already
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def _introduced(session: Session, said: str) -> dict[str, Any]:
    specs = {"inputs": shared.plain(session.inputs), "outputs": shared.plain(session.outputs)}
    return {"device": session.device, "streams": session.streams, "said": said.splitlines(), **specs}


def _silence() -> None:
    """What was printed so far explains a failed start; from now on nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _serve(session: Session, lane: socket.socket, arrays: tuple[Tensors, Tensors]) -> None:
    """Run the lane's inputs whenever asked, until the other side closes it."""
    inputs, outputs = arrays
    with lane:
        while lane.recv(1):
            try:
                found = session.run(inputs)
            except AcceleratorError as error:
                lane.send(str(error).encode())
                continue
            for name, array in outputs.items():
                np.copyto(array, found[name])
            lane.send(OK)


if __name__ == "__main__":
    main()
