#!/bin/bash
# One guide inside the laboratory root, with what docs/guides/README.md says is there: two blobs, the PINs in files, the module's path in M,
# and a token "web" that holds both keys (for start.md: none, since it makes one). Called by `guides`; $1 is the scratch folder, $2 the guide.
cd "$1/home" || exit 2
export PATH="$1/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$1/home" LC_ALL=C.UTF-8 M="$1/bin/libcngtoken.so" CNGTOKEN_KDF=test
printf 12345678 > pin.txt
printf 87654321 > so-pin.txt
chmod 600 pin.txt so-pin.txt
if [ "$2" != start ]; then
  export CNGTOKEN_STORE=$PWD/token.db CNGTOKEN_PIN_SOURCE=file:pin.txt CNGTOKEN_SO_PIN_SOURCE=file:so-pin.txt
  cngtoken init --label web &&
    cngtoken import server.blob --label server --id 01 &&
    cngtoken import signing.blob --label signing --id 02 || exit 2
fi
set -e -x -o pipefail
. "$1/lines.sh"
