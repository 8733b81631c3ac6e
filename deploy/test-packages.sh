#!/usr/bin/env bash
# Installs the Debian packages that some tests need, where it may: with root or with sudo that asks
# for no password. Elsewhere it names the tests that are left out, and why. With CI set, a package
# that is missing is a failure, since CI leaves out no test.
set -euo pipefail

# What is missing: "package|how to see that it is there|tests that need it".
needs=(
  "chromium|command -v chromium chromium-browser google-chrome|tests/browser (a browser)"
  "gir1.2-gst-rtsp-server-1.0|/usr/bin/python3 -c 'import gi; gi.require_version(\"GstRtspServer\", \"1.0\"); from gi.repository import GstRtspServer'|RTSP cameras (an RTSP server)"
  # As root: another user must run the server, and may not reach the wheel's in a private folder.
  "mosquitto|command -v mosquitto || [ -x /usr/sbin/mosquitto ]|alerts over MQTT (a broker)"
  "postgresql|has_postgres|tests on PostgreSQL"
  "redis-tools|command -v redis-cli|the health check of Compose's Redis"
  "python3-gi|/usr/bin/python3 -c 'import gi'|RTSP cameras (an RTSP server)"
  "gstreamer1.0-plugins-base|gst_has videotestsrc|RTSP cameras (an RTSP server)"
  "gstreamer1.0-plugins-good|gst_has rtph264pay|RTSP cameras (an RTSP server)"
  "gstreamer1.0-plugins-ugly|gst_has x264enc|RTSP cameras (an RTSP server)"
  "gstreamer1.0-plugins-bad|gst_has h264parse|RTSP cameras (an RTSP server)"
)

has_postgres() { [ "$(id -u)" -ne 0 ] || ls /usr/lib/postgresql/*/bin/initdb; }

gst_has() {
  /usr/bin/python3 - "$1" 2>/dev/null <<'PYTHON'
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
sys.exit(Gst.ElementFactory.find(sys.argv[1]) is None)
PYTHON
}

missing=()
look() {
  missing=()
  local need package check
  for need in "${needs[@]}"; do
    IFS='|' read -r package check _ <<<"$need"
    eval "$check" >/dev/null 2>&1 || missing+=("$package")
  done
}

look
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(no); fi
fi
why="this is no Debian or Ubuntu: there is no apt-get"
if command -v apt-get >/dev/null; then
  why="it takes root, or sudo without a password"
  if [ "${as_root[*]:-}" != no ]; then
    echo "Installing Debian packages for the tests: ${missing[*]}"
    why="apt-get could not install them"
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive bash -c '
      apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' - "${missing[@]}" \
      >/dev/null </dev/null || true
    look
  fi
fi
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Tests that are left out, since $why:"
for need in "${needs[@]}"; do
  IFS='|' read -r package _ tests <<<"$need"
  case " ${missing[*]} " in *" $package "*) echo "  $tests: Debian package $package" ;; esac
done
if [ -n "${CI:-}" ]; then
  echo "CI leaves out no test, so this is a failure." >&2
  exit 1
fi
