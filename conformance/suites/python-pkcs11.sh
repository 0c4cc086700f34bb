#!/bin/bash
# python-pkcs11's own tests, of the version below, with its wheel from the package index.
. "$(dirname "$0")/common.sh"
version=0.10.1
folder=$kept/python-pkcs11-$version
if [ ! -e "$folder/.ready" ]; then
  rm -rf "$folder" && mkdir -p "$folder"
  python3 -m venv "$folder/venv" > "$folder/log" 2>&1 || cannot "python3 has no venv"
  "$folder/venv/bin/pip" install --quiet "python-pkcs11==$version" pytest cryptography asn1crypto oscrypto parameterized >> "$folder/log" 2>&1 &&
    "$folder/venv/bin/pip" download --quiet --no-deps --no-binary python-pkcs11 --dest "$folder" "python-pkcs11==$version" >> "$folder/log" 2>&1 ||
    cannot "the packages cannot be fetched"
  # The tests alone: beside the sources they would import those instead of the wheel.
  tar -C "$folder" -xzf "$folder"/python_pkcs11-*.tar.gz --strip-components=1 --wildcards '*/tests' && touch "$folder/.ready"
fi
token TEST "$PIN" "$SO_PIN"
export PKCS11_MODULE=$MODULE PKCS11_TOKEN_LABEL=TEST PKCS11_TOKEN_PIN=$PIN PKCS11_TOKEN_SO_PIN=$SO_PIN
cd "$folder" && timeout 400 venv/bin/python -m pytest -q -p no:cacheprovider --junit-xml="$scratch/results.xml" tests > "$scratch/log" 2>&1
[ -s "$scratch/results.xml" ] || { tail -n 20 "$scratch/log"; fail "the run" "no results"; closing; }
while IFS=$'\t' read -r outcome name why; do
  case $outcome in
    ok) ok "$name" ;;
    fail) fail "$name" "$why" ;;
    skip) skip "$name" "$why" ;;
  esac
done < <(python3 - "$scratch/results.xml" <<'END'
import sys, xml.etree.ElementTree as tree
for case in tree.parse(sys.argv[1]).iter("testcase"):
    name = case.get("classname").split(".")[-1] + "." + case.get("name")
    bad = case.find("failure") if case.find("failure") is not None else case.find("error")
    left = case.find("skipped")
    outcome, told = ("fail", bad) if bad is not None else ("skip", left) if left is not None else ("ok", None)
    why = "" if told is None else (told.get("message") or "").splitlines()[0:1]
    print(outcome, name, "".join(why), sep="\t")
END
)
closing
