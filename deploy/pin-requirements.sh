#!/bin/sh
# Pin the packages of every image with their hashes, from the extras in pyproject.toml.
#
# What is pinned already stays, unless an argument asks for more:
#   deploy/pin-requirements.sh                            after pyproject.toml has changed
#   deploy/pin-requirements.sh --upgrade                  everything anew
#   deploy/pin-requirements.sh --upgrade-package pillow   one package, for a security fix
#
# For Linux on x86-64 under the images' Python; `pip install uv` first. The packages come from the
# registry that uv is set to, and the files name none.
set -eu
cd "$(dirname "$0")/.."
python_version=3.12
uv=$(command -v .venv/bin/uv || command -v uv) || {
    echo "uv is missing: .venv/bin/pip install uv" >&2
    exit 1
}

# pin NAME SOURCE OPTION…: write deploy/requirements/NAME.txt
pin() {
    name=$1
    source=$2
    shift 2
    echo "$name"
    "$uv" pip compile "$source" "$@" \
        --quiet --generate-hashes --python-version "$python_version" \
        --python-platform x86_64-manylinux_2_28 \
        --no-emit-index-url --no-emit-find-links \
        --custom-compile-command deploy/pin-requirements.sh \
        --output-file "deploy/requirements/$name.txt" >/dev/null
}

# What builds Lineside's own wheel: the `requires` of pyproject's [build-system].
sed -n 's/^requires = \["\(.*\)"\]$/\1/p' pyproject.toml | pin build - "$@"
grep -v '^#' deploy/images.txt | while read -r image extras; do
    # shellcheck disable=SC2046,SC2086  # the options are words
    pin "$image" pyproject.toml $(printf -- '--extra %s ' $extras) "$@" </dev/null
done
