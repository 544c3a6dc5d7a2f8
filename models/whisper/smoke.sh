#!/usr/bin/env bash
# The whole way to an adapter with next to nothing, in minutes; `make test` runs it.
#
#   smoke.sh [WORK]      WORK: target/smoke without one; Python's packages and the voices there are used again
#
# Shows that the committed code and seeds make an adapter (texts, voices, training, choice, merging, recognising),
# that the same seeds give the same training, that training goes on where it stopped, and that learning on site
# installs nothing that is not better.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
here="$root/models/whisper"
work="$(mkdir -p "${1:-$root/target/smoke}" && cd "${1:-$root/target/smoke}" && pwd)"
rm -rf "$work"/{corpus,run,again,texts.tsv,adapter.safetensors,pick.tsv,dev,calls,split,city}
mkdir -p "$work"/{dev,calls,city/whisper}
failed() { echo "smoke.sh: $*" >&2; exit 1; }
for call in 28-wrong-number 29-only-hello; do
    ln -s "$root/audio-fixtures/$call".{flac,toml} "$work/dev/"
done

# Twelve texts, a voice each, four steps; the stock model's error at this context would be far greater.
TEXTS=12 HOURS=0.001 STEPS=4 DEV="$work/dev" SCALES=0.6 "$here/run.sh" "$work"
source "$here/setup.sh"
[ -s "$work/adapter.safetensors" ] || failed "no adapter was chosen"

# The same seeds from the start, then two steps more from where it stopped.
train --corpus "$work/corpus" --noise "$work/none" --out "$work/again" --steps 4 --every 1 >/dev/null
train --corpus "$work/corpus" --noise "$work/none" --out "$work/again" --steps 6 --every 1 >/dev/null
"$python" - "$work" <<'END'
import csv, sys
from pathlib import Path

losses = {run: [float(row[3]) for row in csv.reader((Path(sys.argv[1]) / run / "curve.csv").open())] for run in ("run", "again")}
print("losses", losses)
assert len(losses["run"]) == 4 and len(losses["again"]) == 6, "a line a step, and none of them twice"
assert all(0 < loss < 20 for run in losses.values() for loss in run), "finite losses"
assert all(abs(a - b) < 0.02 * a for a, b in zip(losses["run"], losses["again"])), "the same seeds, another training"
END

# Corrected calls as `hotline export --corrections` writes them; one step at a rate near nothing changes no word.
"$python" - "$work" <<'END'
import json, sys
from pathlib import Path

import numpy as np
import soundfile

work = Path(sys.argv[1])
stored, texts = np.load(work / "corpus/v0000.npz"), json.loads((work / "corpus/v0000.json").read_text())["t"]
with (work / "calls/transcripts.tsv").open("w") as table:
    for number, (end, length, text) in enumerate(zip(np.cumsum(stored["l"]), stored["l"], texts)):
        soundfile.write(work / f"calls/line{number}-000.wav", stored["x"][end - length : end], 16000)
        table.write(f"line{number}-000.wav\t{text}\n")
END
cp "$root/models/manifest.toml" "$work/city/"
cp "$here/adapter.safetensors" "$work/city/whisper/"
MODELS="$work/city" STEPS=1 "$here/learn.sh" "$work/calls" "$work" | tee "$work/learn.log"
grep -q '^not installed' "$work/learn.log" || failed "one step was better than the adapter that ships"
grep -q base-city "$work/city/manifest.toml" && failed "something was installed that is not better"

# What is installed becomes the default, and hears.
"$here/install.sh" "$work/adapter.safetensors" "$work/city"
"$HOTLINE" --models "$work/city" models list | grep -F 'base-city *' || failed "what was installed is not the default"
"$HOTLINE" --models "$work/city" eval asr "$work/dev" --json
