"""A real RTSP server for one test, run by the system's Python: PORT PATTERN TRANSPORT [USER PASSWORD]."""

from __future__ import annotations

import sys

try:
    import gi  # type: ignore[import-untyped]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtsp", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-untyped]
except (ImportError, ValueError) as error:
    sys.exit(f"missing: {error}")

TRANSPORTS = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}
LAUNCH = (
    "( videotestsrc is-live=true pattern={} ! video/x-raw,width=320,height=240,framerate=25/1 "
    "! videoconvert ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 )"
)


def main(port: str, pattern: str, transport: str, user: str = "", password: str = "") -> None:
    Gst.init(None)
    for element in ("videotestsrc", "x264enc", "rtph264pay", "rtpbin"):
        if Gst.ElementFactory.find(element) is None:
            sys.exit(f"missing: {element}")
    server = GstRtspServer.RTSPServer(service=port, address="127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH.format(pattern))
    factory.set_shared(True)
    factory.set_protocols(TRANSPORTS[transport])
    if user:
        protect(server, factory, user, password)
    server.get_mount_points().add_factory("/door", factory)
    if not server.attach(None):
        sys.exit("port in use")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def protect(
    server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, user: str, password: str
) -> None:
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    access = GstRtspServer.RTSPAuth()
    access.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(access)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role("user", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    factory.set_permissions(permissions)


main(*sys.argv[1:])
