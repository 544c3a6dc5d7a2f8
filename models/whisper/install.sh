#!/usr/bin/env bash
# Installs an adapter as the model `base-city` and makes it the default.
#
#   install.sh ADAPTER [MODELS]      MODELS: the models folder, with its manifest; models/ without one
#
# `hotline models use base-hotline` goes back. HOTLINE names another binary.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
adapter="${1:?install.sh: name the adapter, a safetensors file}"
models="$(cd "${2:-$root/models}" && pwd)"
HOTLINE="${HOTLINE:-$root/target/release/hotline}"
mkdir -p "$models/whisper"
cp "$adapter" "$models/whisper/city.safetensors.part"
mv "$models/whisper/city.safetensors.part" "$models/whisper/city.safetensors"
if ! grep -q '^name = "base-city"' "$models/manifest.toml"; then
    cat >>"$models/manifest.toml" <<'END'

# Learnt on site by whisper/learn.sh from corrected calls.
[[model]]
name = "base-city"
about = "Whisper base with the adapter that this city's corrected calls taught"
licence = "MIT, adapter the city's own"
base = "base"
adapter = "whisper/city.safetensors"
format = "q8_0"
context = { margin = 64, least = 0 }
END
fi
"$HOTLINE" --models "$models" models build base-city --force
"$HOTLINE" --models "$models" models use base-city
echo "installed; back with: hotline models use base-hotline"
