#!/usr/bin/env bash
# Run a command with a screen: the one that is there, or else a virtual one.
set -euo pipefail

if [ "$(uname -s)" != Linux ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec "$@"
fi
command -v xvfb-run >/dev/null || {
    echo "There is no screen and no virtual one. Run: sudo apt-get install xvfb xauth" >&2
    exit 1
}
# Set and empty, it makes OpenGL look for Wayland on a screen of X.
unset WAYLAND_DISPLAY
exec xvfb-run --auto-servernum --server-args="-screen 0 1920x1200x24" "$@"
