# Sourced by each suite's script. MODULE, STATE_ENV (with @DIR@ for the scratch folder), PIN and SO_PIN come from `suites`; RS_TARGET is the
# folder that is kept between runs, CONFORMANCE the program itself. A script prints `ok    NAME`, `FAIL  NAME (why)` or `skip  NAME (why)` for each test and ends with `closing`.
set -u
# Nothing is kept outside the target folder.
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
here=$(cd "$(dirname "$0")" && pwd)
kept=$RS_TARGET
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for pair in ${STATE_ENV//@DIR@/$scratch}; do export "${pair?}"; done
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok    $1"; }
fail() { failed=$((failed + 1)); echo "FAIL  $1 ($2)"; }
skip() { skipped=$((skipped + 1)); echo "skip  $1 ($2)"; }
closing() { echo "$(basename "$0"): $passed passed, $failed failed, $skipped skipped"; exit 0; }
cannot() { skip "the suite" "$1"; closing; }
token() { # LABEL PIN SO_PIN
  "$CONFORMANCE" suite-token --module "$MODULE" --label "$1" --pin "$2" --so-pin "$3" || { fail "making the token" "see above"; closing; }
}
