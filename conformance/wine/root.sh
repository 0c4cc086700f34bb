#!/bin/bash
# root.sh DIR: a Debian trixie root with Wine 10 and the mingw-w64 compiler, for `cngtoken-conformance wine --root DIR`.
# About three minutes and 1.5 GB. Needs root; mmdebstrap is installed if it is missing. A complete root is left as it is.
set -eu
dir=${1:?which folder}
[ -e "$dir/.complete" ] && { echo "$dir is ready"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "this needs root"; exit 1; }
command -v mmdebstrap > /dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mmdebstrap > /dev/null; }
# The packages come from where this machine's own come from.
mirror=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2> /dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" && $2 ~ /:/ { print $2; exit }' /etc/apt/sources.list)
[ -n "$mirror" ] || { echo "no Debian mirror is configured"; exit 1; }
rm -rf "$dir"
mmdebstrap --quiet --variant=minbase --include=wine,wine64,gcc-mingw-w64-x86-64-win32 \
  --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' trixie "$dir" "deb $mirror trixie main"
touch "$dir/.complete"
echo "$dir is built"
