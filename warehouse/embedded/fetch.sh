#!/bin/sh
# Fetches the ClickHouse library that the embedded engine loads, at the version this program is tested with, into ./engine.
# It comes from the npm package of its makers (178 MB packed, 566 MB unpacked); npm is used only to download it, and nothing
# of the package is run. What is downloaded is checked against the sha512 below before anything is unpacked.
#
#   warehouse/embedded/fetch.sh [folder]     # default: engine/ at the top of the repository
set -eu

VERSION=26.7.3-stable.1
# From `npm view @chdb/lib-linux-x64-gnu@$VERSION dist.integrity`; a new version needs a new value here.
INTEGRITY_linux_x64=sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
folder=${1:-$top/engine}
say() { printf 'engine: %s\n' "$*"; }
fail() { printf 'engine: %s\n' "$*" >&2; exit 1; }

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-x64-gnu; integrity=$INTEGRITY_linux_x64 ;;
    Linux-aarch64 | Linux-arm64) platform=linux-arm64-gnu; integrity= ;;
    Darwin-x86_64) platform=darwin-x64; integrity= ;;
    Darwin-arm64) platform=darwin-arm64; integrity= ;;
    *) fail "there is no library for $(uname -s) on $(uname -m); use a ClickHouse server instead (--dsn)" ;;
esac
package=@chdb/lib-$platform@$VERSION

stamp=$folder/libchdb.version
if [ -f "$folder/libchdb.so" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$package" ]; then
    # make compares times: a library that is right must not look older than this script.
    touch "$folder/libchdb.so"
    say "$folder/libchdb.so is $package already"
    exit 0
fi

command -v npm >/dev/null || fail "npm is needed to download the library (it comes with Node.js); or install libchdb yourself and set LIVELLO_ENGINE to its path"
mkdir -p "$folder"
work=$(mktemp -d "$folder/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ -z "$integrity" ]; then
    integrity=$(cd "$work" && npm view "$package" dist.integrity 2>/dev/null) || integrity=
    [ -n "$integrity" ] || fail "npm knows no $package; install libchdb yourself and set LIVELLO_ENGINE to its path, or use a ClickHouse server (--dsn)"
    say "the checksum of $platform is not pinned here; trusting the registry's: $integrity"
fi

say "downloading $package (about 180 MB) ..."
(cd "$work" && npm pack --silent --ignore-scripts "$package" >/dev/null) || fail "npm could not download $package (npm pack failed, see above)"
set -- "$work"/*.tgz
[ -f "$1" ] || fail "npm pack left no file"
tarball=$1

digest() {
    if command -v openssl >/dev/null; then
        openssl dgst -sha512 -binary "$1" | openssl base64 -A
    else
        node -e 'const h=require("crypto").createHash("sha512");require("fs").createReadStream(process.argv[1]).on("data",d=>h.update(d)).on("end",()=>process.stdout.write(h.digest("base64")))' "$1"
    fi
}
got=sha512-$(digest "$tarball")
[ "$got" = "$integrity" ] || fail "the download does not match its checksum and was thrown away:
  expected $integrity
  got      $got"

say "checksum matches, unpacking ..."
tar -xzf "$tarball" -C "$work" package/libchdb.so
touch "$work/package/libchdb.so"
# The stamp goes first and comes last, so that it never vouches for another library than the one that is there.
rm -f "$stamp"
mv -f "$work/package/libchdb.so" "$folder/libchdb.so"
printf '%s\n' "$package" >"$stamp"
say "$folder/libchdb.so is ready"
