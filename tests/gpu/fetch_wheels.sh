#!/usr/bin/env bash
# Download the wheels of wheels.txt for Python 3.12 on x86-64 Linux, and with apt-get Fashion-MNIST (30 MB), for the race:
#   fetch_wheels.sh [FOLDER]    by default .whl here
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-.whl}
platforms=()
for name in manylinux_2_39 manylinux_2_35 manylinux_2_34 manylinux_2_31 manylinux_2_28 manylinux_2_27 manylinux_2_24 manylinux_2_17 manylinux2014 manylinux_2_5 manylinux1; do
    platforms+=(--platform "${name}_x86_64")
done
python3 -m pip download --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    --implementation cp "${platforms[@]}" -d "$folder" -r "$here/wheels.txt"
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    package=$(mktemp -d)
    (cd "$package" && apt-get download -qq dataset-fashion-mnist && dpkg-deb -x ./*.deb .)
    mkdir -p "$folder/fashion-mnist"
    cp "$package"/usr/share/datasets/fashion-mnist/*.gz "$folder/fashion-mnist"
    rm -rf "$package"
fi
du -sh "$folder"
