"""Makes the calls of this folder from scripts/: Kokoro speaks the lines, the telephone band, noise
and rooms are laid over, and each NAME.flac gets its NAME.toml with the times of every line.

The sounds are committed, so neither the tests nor the demo need this script. It is for whoever
writes another call: `make fixtures` runs it for every script whose sound is missing.

    make.py VOICES [NAME …]

VOICES is the folder that make.sh fills: kokoro.onnx, vocab.json, voices/*.bin, noise/, rir/.
"""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from misaki import zh
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

HERE = Path(__file__).parent
RATE = 24_000  # what Kokoro speaks
# Voices that others measure on; a fixture may not know them.
RESERVED = {"zf_xiaoyi", "zm_yunxia", "af_sky", "am_onyx", "hf_alpha", "hm_omega", "pm_alex"}


def seed_of(name):
    """The same name gives the same noise on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


class Voices:
    def __init__(self, folder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.folder = Path(folder)
        self.session = onnxruntime.InferenceSession(str(self.folder / "kokoro.onnx"), options)
        import json

        vocabulary = json.loads((self.folder / "vocab.json").read_text())
        self.vocabulary = vocabulary.get("vocab", vocabulary)
        self.phonemes = zh.ZHG2P()

    def style(self, blend, count):
        total = 0
        for part in blend.split("+"):
            name, _, share = part.partition("*")
            if name in RESERVED:
                sys.exit(f"{name} is reserved for acceptance; choose another voice")
            styles = np.fromfile(self.folder / "voices" / f"{name}.bin", np.float32).reshape(-1, 256)
            total = total + styles[min(count, len(styles) - 1)] * float(share or 1)
        return total

    def speak(self, text, blend, speed):
        """One line as 24 kHz samples, without the silence around it."""
        phonemes = self.phonemes(text)
        phonemes = phonemes[0] if isinstance(phonemes, tuple) else phonemes
        ids = [self.vocabulary[p] for p in phonemes if p in self.vocabulary]
        if len(ids) > 500:
            sys.exit(f"{text[:12]}…: longer than Kokoro speaks in one breath; split the line")
        inputs = {
            "tokens": np.array([[0] + ids + [0]], np.int64),
            "style": self.style(blend, len(ids))[None].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        sound = self.session.run(None, inputs)[0].ravel()
        loud = np.nonzero(np.abs(sound) > np.abs(sound).max() * 0.02)[0]
        sound = sound[max(0, loud[0] - 240) : loud[-1] + 480]
        return sound * (0.12 / np.sqrt(np.mean(sound**2)))


def band_pass(sound, low, high, rate):
    return sosfilt(butter(4, [low, high], "bandpass", fs=rate, output="sos"), sound)


def mu_law(sound):
    """There and back again, by ITU-T G.711 with its 255 steps."""
    clipped = np.clip(sound, -1, 1)
    code = np.round(np.sign(clipped) * np.log1p(255 * np.abs(clipped)) / np.log1p(255) * 127)
    return np.sign(code) * ((256 ** (np.abs(code) / 127)) - 1) / 255


def a_law(sound):
    clipped = np.clip(sound, -1, 1)
    size = np.abs(clipped) * 87.6
    code = np.where(size < 1, size, 1 + np.log(np.maximum(size, 1))) / (1 + np.log(87.6))
    code = np.round(np.sign(clipped) * code * 127) / 127
    size = np.abs(code) * (1 + np.log(87.6))
    return np.sign(code) * np.where(size < 1, size, np.exp(np.maximum(size, 1) - 1)) / 87.6


def transmit(sound, band):
    """24 kHz in; the line's rate and what it makes of the sound out."""
    if band == "wide":
        return 16_000, band_pass(resample_poly(sound, 2, 3), 60, 7_600, 16_000)
    narrow = band_pass(resample_poly(sound, 1, 3), 300, 3_400, 8_000)
    return 8_000, (mu_law if band == "ulaw" else a_law)(narrow)


def read_mono(path, rate):
    sound, its_rate = soundfile.read(path)
    sound = sound.mean(axis=1) if sound.ndim > 1 else sound
    return resample_poly(sound, rate, its_rate) if rate != its_rate else sound


def looped(sound, length):
    return np.tile(sound, -(-length // len(sound)))[:length]


def made_sound(sound, folder):
    """What is on a line when nobody speaks."""
    length = int(sound["seconds"] * RATE)
    time = np.arange(length) / RATE
    if sound["kind"] == "silence":
        return np.zeros(length)
    if sound["kind"] == "ringing":
        # YD/T 5.2: 450 Hz, 1 s on, 4 s off.
        return 0.2 * np.sin(2 * np.pi * 450 * time) * (time % 5 < 1)
    if sound["kind"] == "noise":
        return 0.5 * looped(read_mono(folder / (sound["file"] + ".flac"), RATE), length)
    # A chord progression with decaying notes: music that nobody owns.
    total = np.zeros(length)
    chords = [(262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294)]
    for beat in range(int(sound["seconds"] * 2)):
        start = beat * RATE // 2
        within = time[: min(RATE, length - start)]
        chord = chords[beat // 4 % 4]
        note = chord[beat % 3] * (2 if beat % 4 == 3 else 1)
        for pitch, loud in [(note, 1.0), (note * 2, 0.4), (note * 3, 0.2), (chord[0] / 2, 0.7)]:
            total[start : start + len(within)] += loud * np.sin(2 * np.pi * pitch * within) * np.exp(-3 * within)
    return 0.15 * total / np.abs(total).max() * 3


def call(script, name, voices):
    """Sound by leg at 24 kHz, and the lines with their times in milliseconds."""
    chance = np.random.default_rng(seed_of(name))
    legs = script.get("legs", ["agent", "caller"])
    if "sound" in script:
        return legs, [made_sound(script["sound"], voices.folder)], []
    spoken, at, before = [], 0.6, None
    for line in script["lines"].strip().splitlines():
        who, text = line[0], line[2:]
        if who == "P":
            at += int(text) / 1000
            continue
        leg = {"A": "agent", "C": "caller"}[who]
        blend, speed = script[f"{leg}_voice"], script.get(f"{leg}_speed", 1.1)
        # People answer after 0.3 to 1 s; who goes on speaking takes breath.
        at += chance.uniform(0.35, 1.0) if before != leg else chance.uniform(0.25, 0.5)
        sound = voices.speak(text, blend, speed)
        spoken.append((leg, at, text, sound))
        at += len(sound) / RATE
        before = leg
    length = int((at + 0.8) * RATE)
    tracks = {leg: np.zeros(length) for leg in ("agent", "caller")}
    lines = []
    for leg, start, text, sound in spoken:
        first = int(start * RATE)
        tracks[leg][first : first + len(sound)] += sound
        lines.append((leg, round(start * 1000), round((start + len(sound) / RATE) * 1000), text))
    caller = tracks["caller"]
    if "room" in script:
        room = read_mono(voices.folder / (script["room"] + ".flac"), RATE)
        room = room[np.abs(room).argmax() :][: RATE // 2]
        wet = fftconvolve(caller, room / np.abs(room).max())[:length]
        caller = wet * np.sqrt(np.mean(caller**2) / np.mean(wet**2))
    if noise := script.get("noise"):
        background = looped(read_mono(voices.folder / (noise["file"] + ".flac"), RATE), length)
        speech = np.sqrt(np.mean(caller[np.abs(caller) > 0.01] ** 2))
        background *= speech / np.sqrt(np.mean(background**2)) / 10 ** (noise["snr_db"] / 20)
        caller = caller + background
    tracks["caller"] = caller
    if legs == ["mixed"]:
        return legs, [tracks["agent"] + tracks["caller"]], lines
    return legs, [tracks[leg] for leg in legs], lines


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def describe(script, text, legs, lines):
    """The call's TOML: what is known beforehand, what was said when, what must come of it."""
    out = [f"started_at = {quoted(script['started_at'])}"]
    if "caller" in script:
        out.append(f"caller = {quoted(script['caller'])}")
    out.append(f"legs = [{', '.join(map(quoted, legs))}]")
    for leg, start, end, words in lines:
        out += ["[[line]]", f"leg = {quoted(leg)}", f"start_ms = {start}", f"end_ms = {end}", f"text = {quoted(words)}"]
    return "\n".join(out) + "\n" + text[text.index("[expect]") :]


def main():
    voices = Voices(sys.argv[1])
    scripts = HERE / "scripts"
    wanted = sys.argv[2:] or [str(p.relative_to(scripts).with_suffix("")) for p in sorted(scripts.rglob("*.toml"))]
    for name in wanted:
        text = (scripts / f"{name}.toml").read_text()
        # TOML has no "rest of the script" after [expect]; the script's own keys stand before it.
        script = tomllib.loads(text)
        target = HERE / (name + (".wav" if "damage" in script else ".flac"))
        if target.exists():
            continue
        legs, tracks, lines = call(script, name, voices)
        sent = [transmit(track, script["band"]) for track in tracks]
        rate = sent[0][0]
        # Telephone sound needs no more than 11 bits, with noise over it 10; FLAC stores no bit that
        # is never set, and the repository stays small.
        steps = 512 if "noise" in script or "sound" in script else 1024
        samples = np.stack([np.clip(sound, -0.99, 0.99) for _, sound in sent], axis=1)
        samples = (np.round(samples * steps) * (32768 // steps)).astype(np.int16)
        if script.get("damage") == "length_0":
            soundfile.write(target, samples, rate, subtype="PCM_16")
            whole = bytearray(target.read_bytes())
            at = whole.index(b"data") + 4
            whole[at : at + 4] = whole[4:8] = b"\0\0\0\0"
            target.write_bytes(whole)
        else:
            wave = target.with_suffix(".part.wav")
            soundfile.write(wave, samples, rate, subtype="PCM_16")
            subprocess.run(["flac", "-s", "-8", "-e", "-r", "8", "-b", "1152", "--no-padding", "--no-seektable", "-f", "-o", target, wave], check=True)
            wave.unlink()
        (HERE / f"{name}.toml").write_text(describe(script, text, legs, lines))
        print(f"{name}: {len(samples) / rate:.1f} s, {target.stat().st_size / 1024:.0f} KiB", flush=True)


main()
