"""A real RTSP server, GStreamer's, run by the system's python3: see tests/integration/streams.py.

    python3 rtsp_server.py PORT [--user USER --password PASSWORD] [--pattern ball] [--fps 10]
                           [--file CLIP]

Serves a test picture, or a clip, as H.264 at rtsp://127.0.0.1:PORT/stream and prints "ready" when
it listens.
"""

import argparse
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--pattern", default="ball")
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--file", type=Path, help="a clip to serve instead, once per start")
    given = parser.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(given.port)
    factory = GstRtspServer.RTSPMediaFactory()
    picture = (
        f"filesrc location={given.file.absolute()} ! decodebin ! videoconvert"
        if given.file
        else f"videotestsrc is-live=true pattern={given.pattern}"
        f" ! video/x-raw,width=320,height=240,framerate={given.fps}/1"
    )
    factory.set_launch(
        f"( {picture} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={given.fps}"
        " ! rtph264pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    if given.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(given.user, given.password), token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/stream", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"port {given.port} cannot be listened on")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
