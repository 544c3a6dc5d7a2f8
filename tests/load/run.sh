#!/usr/bin/env bash
# The desk under load: fills a store, serves it, and measures pages, live updates and many agents at
# once. Prints a table; the last column says what is asked of the city's machine (two cores).
#   run.sh [TICKETS HOURS]      100000 and 20000 unless given; HOTLINE: another binary
set -eu
cd "$(dirname "$0")/../.."
hotline=$(realpath "${HOTLINE:-target/release/hotline}")
tickets=${1:-100000} hours=${2:-20000}
data=target/load
if [ "$(cat "$data/FILLED" 2>/dev/null)" != "$tickets $hours" ]; then
  rm -rf "$data"
  "$hotline" --data "$data" bench fill --tickets "$tickets" --hours "$hours"
  echo "$tickets $hours" >"$data/FILLED"
fi
said=$(mktemp)
"$hotline" --data "$data" serve --listen 127.0.0.1:0 --link >"$said" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -f "$said"' EXIT
began=$(date +%s%N)
until grep -q '#/once/' "$said"; do
  kill -0 $server || exit 1
  sleep 0.1
done
echo "ready after $((($(date +%s%N) - began) / 1000000)) ms"
address=$(head -1 "$said")
node tests/load/load.mjs "$address" "$(sed -n 's|.*#/once/||p' "$said")"
