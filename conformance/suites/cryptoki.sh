#!/bin/bash
# The integration tests of the cryptoki crate, of the version in Cargo.lock, from the sources that cargo has fetched.
. "$(dirname "$0")/common.sh"
project=$(cd "$here/../.." && pwd)
source=$(cd "$project" && cargo metadata --locked --format-version 1 2> /dev/null |
  python3 -c 'import json, os, sys; print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "cryptoki"))') ||
  cannot "cargo metadata does not tell where the crate's sources are"
folder=$kept/cryptoki
rm -rf "$folder/src" && mkdir -p "$folder/src" && cp -r "$source/." "$folder/src" && chmod -R u+w "$folder/src"
cd "$folder/src" || cannot "no sources"
export CARGO_TARGET_DIR=$folder/target CARGO_PROFILE_TEST_DEBUG=0 RUST_BACKTRACE=0 TEST_PKCS11_MODULE=$MODULE
unset RUSTFLAGS
cargo test --quiet --tests --no-run > "$scratch/build" 2>&1 || { tail -n 20 "$scratch/build"; cannot "its tests do not build here"; }
# Its own PINs; its tests initialise the token again and again.
token suite fedcba123456 abcdef654321
# Blocks until C_Finalize, as the standard says of a token whose slots never change.
timeout 400 cargo test --no-fail-fast --tests -- --test-threads=1 --skip wait_for_slot_event > "$scratch/log" 2>&1
skip wait_for_slot_event "not run"
while read -r _ name _ outcome why; do
  case $outcome in
    ok) ok "$name" ;;
    FAILED) fail "$name" "its assertion" ;;
    ignored,*) skip "$name" "${outcome#ignored,}$why" ;;
    ignored) skip "$name" ignored ;;
  esac
done < <(grep -E '^test .* \.\.\. (ok|FAILED|ignored)' "$scratch/log" | grep -v '^test src/')
[ "$passed" -gt 0 ] || { tail -n 20 "$scratch/log"; fail "the run" "no test passed"; }
closing
