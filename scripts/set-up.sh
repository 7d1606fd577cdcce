#!/usr/bin/env bash
# Make a virtual environment with this package in it.
#
# usage: scripts/set-up.sh FOLDER EXTRAS [WHEEL]
#
# Without a wheel the source is installed, editable.
#
# PYTHON       the interpreter to start from, 3.11 or newer (default: python3)
# TORCH        the torch to install first where there is no NVIDIA GPU (default: that of CONSTRAINTS, or torch==2.13.0)
# TORCH_INDEX  a package index to take it from, such as https://download.pytorch.org/whl/cpu (default: pip's own)
# CONSTRAINTS  a file of versions to install, such as scripts/minimum.txt (default: the newest)
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1 extras=$2 wheel=${3:-}
python=${PYTHON:-python3}
torch=${TORCH:-torch==2.13.0}
constraints=
if [ -n "${CONSTRAINTS:-}" ]; then
    torch=${TORCH:-$(grep '^torch==' "$CONSTRAINTS")}
    constraints=$(mktemp)
    trap 'rm -f "$constraints"' EXIT
    { grep -v '^torch==' "$CONSTRAINTS"; echo "$torch"; } >"$constraints"
fi

fail() {
    echo "$1" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "There is no '$python': install Python 3.11 or newer, or name one with PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: Python 3.11 or newer is needed; name one with PYTHON=..."

if [ ! -x "$folder/bin/python" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || {
        version=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
        package="python$version-venv"
        [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && { apt-get update -qq && apt-get install -qq -y "$package"; } ||
            fail "Python's venv module is not complete. Run: sudo apt-get install $package"
    }
    "$python" -m venv "$folder"
fi
pip=("$folder/bin/python" -m pip --disable-pip-version-check)
"${pip[@]}" install -qq --upgrade pip

has_gpu() {
    [ -e /proc/driver/nvidia/version ] || { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }
}

# Before anything else can pull gigabytes of CUDA.
if ! has_gpu && ! "${pip[@]}" show --quiet torch 2>/dev/null; then
    echo "No NVIDIA GPU found: installing $torch for the CPU (if pip fetches CUDA packages here, see TORCH_INDEX in README.md)"
    "${pip[@]}" install -qq ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$torch"
fi
echo "Installing napari-uncertainseg[$extras]"
if [ -n "$wheel" ]; then
    "${pip[@]}" install -qq ${constraints:+--constraint "$constraints"} "$wheel[$extras]"
else
    "${pip[@]}" install -qq ${constraints:+--constraint "$constraints"} --editable ".[$extras]"
fi

# Tests make nnU-Net's folders with its own classes. It asks for torchvision, whose packages can pull CUDA, and
# imports it nowhere: so it comes without what it asks for, but with what it imports.
if [ "$extras" = dev ] && [ -z "$constraints" ]; then
    echo "Installing nnU-Net without torchvision"
    "${pip[@]}" install -qq blosc2 einops seaborn
    "${pip[@]}" install -qq --no-deps nnunetv2==2.8.1 dynamic-network-architectures==0.4.4 \
        acvl-utils==0.2.6 batchgenerators==0.25.5 batchgeneratorsv2==0.3.6
fi
