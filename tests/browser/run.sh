#!/usr/bin/env bash
# The console in a real browser, against the built binary and a store of its own with a few real calls.
#   run.sh [FILE.test.mjs...]      HOTLINE: another binary; CHROMIUM: another browser
# Pictures of how each test ended lie in target/browser.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
hotline=${HOTLINE:-$root/target/release/hotline}
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
calls=(09-gym-refund 24-crime-fight 35-manhole 36-medical-insurance 37-bribe-report)
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(*.test.mjs)

missing() { echo "tests/browser: $1" >&2; exit 1; }
command -v node >/dev/null || missing "node is missing: apt-get install nodejs npm"
[ -x "$CHROMIUM" ] || missing "no browser at $CHROMIUM: apt-get install chromium, or set CHROMIUM"
[ -x "$hotline" ] || missing "no $hotline: make build"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent || missing "npm ci failed: is a package registry within reach?"

store=$(mktemp -d "${TMPDIR:-/tmp}/hotline-browser.XXXXXX")
server=
end() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$store"
}
trap end EXIT
trap 'exit 130' INT TERM

cd "$root"
calls=("${calls[@]/#/audio-fixtures/}")
"$hotline" --data "$store/data" take "${calls[@]/%/.flac}" >"$store/log" 2>&1 ||
  { cat "$store/log" >&2; missing "the calls could not be taken"; }
"$hotline" --data "$store/data" serve --listen 127.0.0.1:0 >"$store/out" 2>"$store/log" &
server=$!
for _ in $(seq 300); do
  grep -q '#/once/' "$store/out" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
grep -q '#/once/' "$store/out" || { cat "$store/log" >&2; missing "the server did not start"; }
HOTLINE_ADDRESS=$(head -n 1 "$store/out")
HOTLINE_LINK=$(grep -o 'http[^ ]*#/once/[^ ]*' "$store/out")
export HOTLINE_ADDRESS HOTLINE_LINK

cd tests/browser
node --test --test-concurrency=1 --test-reporter=spec "${tests[@]}"
