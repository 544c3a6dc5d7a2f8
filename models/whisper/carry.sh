#!/usr/bin/env bash
# Training on another machine that has a GPU and no network.
#
#   carry.sh WORK OUT [DATA]    after `run.sh` has made WORK's corpus: packs code, base, corpus and, with DATA, noise
#                               into OUT/part-*, of at most 60 MiB each, with OUT/go.sh
#
# Carry OUT there, in as many trips as it takes, and run `bash go.sh MINUTES`. Python there must have PyTorch; the
# small packages come along. go.sh leaves RESULT/: the adapters (11 MB each), the curve, and last.pt.* in pieces of
# 15 MiB, which go.sh takes up again when they lie beside it. pick.py chooses here, with the runtime.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(cd "${1:?carry.sh: name the folder that run.sh works in}" && pwd)"
mkdir -p "${2:?carry.sh: name the folder to pack into}"
out="$(cd "$2" && pwd)"
[ -f "$work/models/base-f16.bin" ] && ls "$work"/corpus/*.npz >/dev/null 2>&1 || { echo "carry.sh: $work has no base or no corpus; run run.sh first" >&2; exit 1; }
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage"/{code,wheels,noise}
cp "$here"/{train,whisper,sound,curve}.py "$stage/code/"
(cd "$stage/wheels" && grep -E '^(numpy|scipy|soundfile|tiktoken|safetensors)==' "$here/requirements.txt" \
    | "$work/venv/bin/python" -m pip download --quiet --only-binary=:all: -r /dev/stdin)
[ -z "${3:-}" ] || cp -r "$3"/noise/{noise,music,rir} "$stage/noise/"
rm -f "$out"/part-*
tar -c --dereference -C "$stage" code wheels noise -C "$work" corpus models/base-f16.bin | split -b 60M -d -a 3 - "$out/part-"
cat >"$out/go.sh" <<'END'
#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"
[ -d code ] || cat part-* | tar -x
python3 -c 'import numpy, scipy, soundfile, tiktoken, safetensors' 2>/dev/null \
    || python3 -m pip install --quiet --no-index --find-links wheels soundfile tiktoken safetensors scipy
python3 -c 'import torch; print("GPU:", torch.cuda.is_available())'
mkdir -p RESULT
ls last.pt.* >/dev/null 2>&1 && cat last.pt.* >RESULT/last.pt
python3 code/train.py --base models/base-f16.bin --corpus corpus --noise noise --out RESULT --loaders "$(($(nproc) > 1 ? $(nproc) - 1 : 1))" \
    --batch-seconds "${BATCH_SECONDS:-240}" --minutes "${1:-10}" ${STEPS:+--steps "$STEPS" --every 1}
python3 code/curve.py RESULT/curve.csv RESULT/curve.svg || true
split -b 15M -d -a 2 RESULT/last.pt RESULT/last.pt. && rm RESULT/last.pt
END
ls -l "$out"
