#!/usr/bin/env bash
# Learning on site: goes on from the adapter in use with a city's own corrected calls.
#
#   hotline export --corrections CALLS        sound and transcripts.tsv of what agents corrected
#   models/whisper/learn.sh CALLS [WORK]      WORK: data/learn without one; safe to stop, and to start again
#
# A fifth of the utterances is held back, by a hash of the call. Only an adapter that hears them better than the one
# in use is installed, as the model `base-city` of MODELS (the models folder in use; models/ without one), which
# becomes the default; `hotline models use base-hotline` goes back. Nothing leaves the machine.
# Settings by environment: MODELS, MINUTES of training (60), THREADS, HOTLINE, STEPS. Speech of `make adapter` in
# WORK/corpus is trained on beside the calls: it keeps what was learnt before.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
calls="$(cd "${1:?learn.sh: name the folder that \`hotline export --corrections\` wrote}" && pwd)"
work="$(mkdir -p "${2:-$root/data/learn}" && cd "${2:-$root/data/learn}" && pwd)"
[ -f "$calls/transcripts.tsv" ] || { echo "learn.sh: $calls has no transcripts.tsv; write it with \`hotline export --corrections\`" >&2; exit 1; }
source "$(dirname "$0")/setup.sh"
models="$(cd "${MODELS:-$root/models}" && pwd)"

# What is in use: the city's own, if it has learnt before and has not gone back.
current="$here/adapter.safetensors"
[ "$(cat "$models/default-model" 2>/dev/null)" != base-city ] || current="$models/whisper/city.safetensors"

rm -rf "$work/split"
"$python" "$here/hold_back.py" "$calls" "$work/split"
mkdir -p "$work/corpus"
"$python" "$here/corpus.py" "$work/split/learn" "$work/corpus/ccalls.npz"
rm -f "$work"/corpus/ccalls.states.*
"$python" "$here/states.py" --base "$base" --corpus "$work/corpus" --most 300 --threads "$THREADS"

# A tenth of the rate at which the adapter was made: there is more to lose than to learn.
rm -rf "$work/run"
train --from "$current" --rate 4e-5 --corpus "$work/corpus" --noise "$work/none" --out "$work/run" \
    --minutes "${MINUTES:-60}" ${STEPS:+--steps "$STEPS" --every 1}

# Whole, or half-way between what was and what was learnt.
cp "$current" "$work/best.safetensors"
before="$(sha256sum <"$work/best.safetensors")"
"$python" "$here/pick.py" --hotline "$HOTLINE" --models "$root/models" --out "$work/best.safetensors" --log "$work/pick.tsv" \
    --dev "$work/split/held-back" --scales 1.0 --average 1,2 --context 64:0 "$current" "$(ls "$work"/run/step-*.safetensors | tail -1)"
if [ "$before" = "$(sha256sum <"$work/best.safetensors")" ]; then
    echo "not installed: nothing that was learnt hears the held-back utterances better ($work/pick.tsv)"
    exit 0
fi
"$here/install.sh" "$work/best.safetensors" "$models"
