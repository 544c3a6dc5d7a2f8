#!/usr/bin/env bash
# From nothing to the adapter: fetches the voices, writes and speaks the texts, trains, chooses.
#
#   run.sh [WORK]        WORK: where everything is put, data/adapter without one; what is there is not made again
#
# Settings by environment: DATA (the public data: speech/, noise/, text/), HOURS of synthetic speech (2), MINUTES of
# training (100), TEXTS (20000), THREADS (as many as there are cores), DEV (folders with transcripts.tsv that
# the choice is made on; the AISHELL sample, which nothing is trained on), SCALES. Without DATA there is no real
# speech, no recorded noise and no citizen's message in it, and DEV must be named. STEPS ends training early, with a
# line of the curve for each step.
# Needs Python 3.11 or newer with venv, pip, npm and the built hotline.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
work="$(mkdir -p "${1:-$root/data/adapter}" && cd "${1:-$root/data/adapter}" && pwd)"
if [ -n "${DATA:-}" ]; then
    DATA="$(cd "$DATA" && pwd)"
    DEV="${DEV:-$DATA/speech/aishell_S0150}"
fi
[ -n "${DEV:-}" ] || { echo "run.sh: set DATA to the folder of public data (speech/, noise/, text/), or DEV to a folder of sounds with transcripts.tsv" >&2; exit 1; }
source "$(dirname "$0")/setup.sh"
fetch_voices

corpus="$work/corpus"
mkdir -p "$corpus"
if [ -n "${DATA:-}" ]; then
    while read -r letter folder; do
        out="$corpus/$letter$folder.npz"
        [ -f "$out" ] || "$python" "$here/corpus.py" "$DATA/speech/$folder" "$out"
    done <<'END'
w words_cmn
d dspspeech_words
s seedlingo
a aishell_demos
END
fi
[ -f "$work/texts.tsv" ] || "$python" "$here/texts.py" "$work/texts.tsv" ${DATA:+--data "$DATA"} --count "${TEXTS:-20000}"

# Speech is synthesised while training is under way: the trainer reads a growing corpus again. The first
# tenth comes before, so that it does not begin with real words alone.
hours="${HOURS:-2}"
speak() { "$python" "$here/synthesise.py" "$work/texts.tsv" "$corpus" --voices "$voices" "$@"; }
speak --threads "$THREADS" --hours "$(awk "BEGIN { print $hours / 10 }")"
"$python" "$here/states.py" --base "$base" --corpus "$corpus" --most 120 --threads "$THREADS"
speak --threads 1 --hours "$hours" &
speaking=$!
trap 'kill $speaking 2>/dev/null || true' EXIT

train --corpus "$corpus" --noise "${DATA:-$work/none}/noise" --out "$work/run" --minutes "${MINUTES:-100}" ${STEPS:+--steps "$STEPS" --every 1}

"$python" "$here/curve.py" "$work/run/curve.csv" "$work/curve.svg"
dev=()
for folder in $DEV; do dev+=(--dev "$folder"); done
"$python" "$here/pick.py" --hotline "$HOTLINE" --models "$root/models" --out "$work/adapter.safetensors" \
    --log "$work/pick.tsv" "${dev[@]}" --scales "${SCALES:-0.5,0.6,0.7,0.8,0.9}" --context 64:0 "$work"/run/step-*.safetensors
echo "$work/adapter.safetensors is the adapter; copy it to $here if it is to be shipped"
