#!/bin/sh
# NIST's answers against the built module: fetches the package cryptography-vectors (56 MB, Apache-2.0 or BSD-3-Clause) into target/nist
# once, unpacks it and runs the tests that read it. Needs Python with pip.
set -e
cd "$(dirname "$0")/.."
folder=${CARGO_TARGET_DIR:-$PWD/target}/nist
if [ ! -d "$folder/cryptography_vectors" ]; then
  mkdir -p "$folder"
  python3 -m pip download --quiet --no-deps --dest "$folder" cryptography-vectors==50.0.2
  python3 -m zipfile -e "$folder"/cryptography_vectors-*.whl "$folder"
fi
CNGTOKEN_NIST_VECTORS=$folder/cryptography_vectors exec cargo test --locked --test wycheproof nist:: -- --nocapture
