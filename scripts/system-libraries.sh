#!/usr/bin/env bash
# Bring the system libraries that Qt and OpenGL need on Debian and Ubuntu.
#
# usage: scripts/system-libraries.sh [postgresql]
#
# With postgresql also the server that the tests start.
#
# As root it installs what is missing through apt-get; otherwise it prints the one line to run. The packages
# are named so on every Debian since 11 and every Ubuntu since 22.04. Nothing happens where all is there.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0

# what to look for : the package that holds it
libraries=(
    libGL.so.1:libgl1 libEGL.so.1:libegl1 libGLX_mesa.so.0:libglx-mesa0 libglib-2.0.so.0:libglib2.0-0
    libdbus-1.so.3:libdbus-1-3 libfontconfig.so.1:libfontconfig1 libxkbcommon-x11.so.0:libxkbcommon-x11-0
    libxcb-cursor.so.0:libxcb-cursor0 libxcb-icccm.so.4:libxcb-icccm4 libxcb-image.so.0:libxcb-image0
    libxcb-keysyms.so.1:libxcb-keysyms1 libxcb-randr.so.0:libxcb-randr0 libxcb-shape.so.0:libxcb-shape0
    libxcb-render-util.so.0:libxcb-render-util0 libxcb-xinerama.so.0:libxcb-xinerama0 libxcb-xkb.so.1:libxcb-xkb1
    libX11-xcb.so.1:libx11-xcb1 libgomp.so.1:libgomp1
)

missing=()
known=$({ ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null || true)
for entry in "${libraries[@]}"; do
    [[ "$known" == *"${entry%%:*} "* ]] || missing+=("${entry##*:}")
done
compgen -G "/usr/lib/*/dri/*swrast_dri.so" >/dev/null || missing+=(libgl1-mesa-dri)
compgen -G "/usr/share/fonts/*/*" >/dev/null || missing+=(fonts-dejavu-core)
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then # a virtual screen
    command -v Xvfb >/dev/null && command -v xvfb-run >/dev/null || missing+=(xvfb)
    command -v xauth >/dev/null || missing+=(xauth)
fi
if [ "${1:-}" = postgresql ]; then
    compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

install="apt-get install --yes --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "Qt and OpenGL need system libraries that are not here; on Debian they are called: ${missing[*]}" >&2
elif [ "$(id -u)" -ne 0 ]; then
    echo "Qt and OpenGL need system libraries that are not here. Run this line, then try again:" >&2
    echo "    sudo apt-get update && sudo $install" >&2
else
    echo "Installing system libraries: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && $install -qq >/dev/null; } ||
        echo "They could not be installed; the window may not open. The line was: $install" >&2
fi
