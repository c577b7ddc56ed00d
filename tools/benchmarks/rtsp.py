"""720p H.264 over RTSP from Debian's gst-rtsp-server, run by the system's Python: PORT.

Without its packages (gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and -ugly) there are no streams.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PYTHON = "/usr/bin/python3"  # the one that finds Debian's python3-gi
LAUNCH = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=1280,height=720,framerate=25/1 ! videoconvert "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 bitrate=2000 ! rtph264pay name=pay0 pt=96 )"
)


@contextmanager
def streams(count: int) -> Iterator[list[str]]:
    """As many URLs of one encoded picture; none where the packages are missing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    try:
        process = subprocess.Popen([PYTHON, __file__, port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        yield []
        return
    try:
        ready = process.stdout is not None and process.stdout.readline() == b"ready\n"
        yield [f"rtsp://127.0.0.1:{port}/yard"] * count if ready else []
    finally:
        process.kill()
        process.communicate()


def serve(port: str) -> None:
    """Until killed."""
    import gi  # type: ignore[import-not-found]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]

    Gst.init(None)
    if Gst.ElementFactory.find("x264enc") is None:
        sys.exit("missing: x264enc")
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH)
    factory.set_shared(True)
    server.get_mount_points().add_factory("/yard", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(sys.argv[1])
