#!/usr/bin/env bash
# The desk under load: fills a store, serves it, and measures pages, live updates and many agents at
# once; then a call of an hour in a browser. Prints tables; the last column says what is asked of the
# city's machine (two cores).
#   run.sh [TICKETS HOURS]      100000 and 20000 unless given; HOTLINE, CHROMIUM: others than usual
set -eu
cd "$(dirname "$0")/../.."
hotline=$(realpath "${HOTLINE:-target/release/hotline}")
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
said=$(mktemp)
server=
end() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  server=
}
trap 'end; rm -f "$said"' EXIT

# Fills a store unless it is filled like that already, and serves it.
serve() { # DATA TICKETS HOURS
  if [ "$(cat "$1/FILLED" 2>/dev/null)" != "$2 $3" ]; then
    rm -rf "$1"
    "$hotline" --data "$1" bench fill --tickets "$2" --hours "$3"
    echo "$2 $3" >"$1/FILLED"
  fi
  "$hotline" --data "$1" serve --listen 127.0.0.1:0 --link >"$said" &
  server=$!
  local began
  began=$(date +%s%N)
  until grep -q '#/once/' "$said"; do
    kill -0 $server || exit 1
    sleep 0.1
  done
  echo "ready after $((($(date +%s%N) - began) / 1000000)) ms"
  export HOTLINE_ADDRESS HOTLINE_LINK
  HOTLINE_ADDRESS=$(head -1 "$said")
  HOTLINE_LINK=$(sed -n 's|sign in, once: ||p' "$said")
}

serve target/load "${1:-100000}" "${2:-20000}"
node tests/load/load.mjs "$HOTLINE_ADDRESS" "${HOTLINE_LINK##*/}"
end
[ -d tests/browser/node_modules ] || (cd tests/browser && npm ci --silent)
# Calls share the hours evenly.
serve target/load-hour 3 3
node --test --test-reporter=dot tests/load/hour.mjs
