"""Speaks the texts with many voices and packs them into shards of the training corpus.

    synthesise.py TEXTS.tsv OUT --voices DIR [--hours H] [--part 0/1]

TEXTS.tsv holds a kind and a text a line (texts.py writes it); VOICES holds kokoro-float.onnx, vocab.json
and voices/*.bin (run.sh fetches them). A shard NAME.npz holds the samples one after the other (x)
and their lengths (l), NAME.json the texts (t), their kinds (k) and speakers (s). A text's speaker
depends on the seed and the text's number only, and shards that are there are not made again, so
the work may be interrupted, or shared among processes by --part.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
from misaki import zh
from scipy.signal import resample_poly

# Voices that acceptance is measured with: nothing may be trained on them, alone or blended.
RESERVED = {"zf_xiaoyi", "zm_yunxia", "af_sky", "am_onyx", "hf_alpha", "hm_omega", "pm_alex"}
# Voices of ours that are kept for development sets.
HELD_OUT = {"bf_alice", "bm_lewis", "jf_nezumi", "im_nicola"}
SHARD = 40
SPOKEN_RATE, RATE = 24_000, 16_000
MOST_PHONEMES = 500


class Voices:
    def __init__(self, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "kokoro-float.onnx"), options)
        vocabulary = json.loads((folder / "vocab.json").read_text())
        self.vocabulary = vocabulary.get("vocab", vocabulary)
        self.phonemes = zh.ZHG2P()
        self.styles = {path.stem: np.fromfile(path, np.float32).reshape(-1, 256)
                       for path in sorted((folder / "voices").glob("*.bin"))
                       if path.stem not in RESERVED | HELD_OUT}
        self.mandarin = [name for name in self.styles if name[0] == "z"]
        self.foreign = [name for name in self.styles if name[0] != "z"]

    def blend(self, chance):
        """A speaker: shares of styles. Blends are new voices; another language's gives an accent."""
        kind = chance.random()
        if kind < 0.15:
            # Alone, this one is hard to understand even for people.
            return {str(chance.choice([name for name in self.mandarin if name != "zf_xiaoni"])): 1.0}
        if kind < 0.5:
            first, second = map(str, chance.choice(self.mandarin, 2, replace=False))
            share = chance.uniform(0.2, 0.8)
        else:
            first, second = str(chance.choice(self.mandarin)), str(chance.choice(self.foreign))
            share = chance.uniform(0.55, 0.85)
        share = round(float(share), 2)
        return {first: share, second: round(1 - share, 2)}

    def speak(self, text, blend, speed):
        """16 kHz samples with a breath of silence around them; None if it did not work out."""
        phonemes = self.phonemes(text)
        phonemes = phonemes[0] if isinstance(phonemes, tuple) else phonemes
        ids = [self.vocabulary[p] for p in phonemes if p in self.vocabulary]
        if not 1 < len(ids) <= MOST_PHONEMES:
            return None
        style = sum(self.styles[name][min(len(ids), 509)] * share for name, share in blend.items())
        sound = self.session.run(None, {
            "tokens": np.array([[0] + ids + [0]], np.int64),
            "style": style[None].astype(np.float32),
            "speed": np.array([speed], np.float32),
        })[0].ravel()
        sound = resample_poly(sound, RATE, SPOKEN_RATE)
        level = np.abs(sound).max()
        if not 1e-3 < level < 10:
            return None
        loud = np.nonzero(np.abs(sound) > level * 0.02)[0]
        sound = sound[max(0, loud[0] - 800) : loud[-1] + 1200]
        return (sound / np.abs(sound).max() * 29_000).astype(np.int16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts")
    parser.add_argument("out")
    parser.add_argument("--voices", required=True)
    parser.add_argument("--hours", type=float, default=1e9, help="stop when so much is spoken")
    parser.add_argument("--part", default="0/1", help="which shards: K/N takes every Nth from K on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=12345)
    parser.add_argument("--name", default="v", help="how the shards' names begin; v is synthetic speech")
    arguments = parser.parse_args()
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    lines = [line.split("\t") for line in Path(arguments.texts).read_text().splitlines()]
    voices = Voices(Path(arguments.voices), arguments.threads)
    part, parts = map(int, arguments.part.split("/"))
    begun, spoken, made = time.time(), 0.0, 0.0
    for shard in range(part, -(-len(lines) // SHARD), parts):
        path = out / f"{arguments.name}{shard:04d}.npz"
        if path.with_suffix(".json").exists():
            spoken += float(np.load(path)["l"].sum()) / RATE
            continue
        if spoken > arguments.hours * 3600:
            break
        samples, texts, kinds, speakers = [], [], [], []
        for number in range(shard * SHARD, min(len(lines), (shard + 1) * SHARD)):
            kind, text = lines[number]
            chance = np.random.default_rng([arguments.seed, number])
            blend, speed = voices.blend(chance), float(chance.uniform(0.85, 1.35))
            sound = voices.speak(text, blend, speed)
            if sound is None or not 0.2 < len(sound) / RATE < 28:
                continue
            samples.append(sound)
            texts.append(text)
            kinds.append(kind)
            speakers.append("+".join(f"{name}*{share}" for name, share in blend.items()))
        np.savez(path, x=np.concatenate(samples), l=np.array([len(s) for s in samples]))
        described = path.with_suffix(".part")
        described.write_text(json.dumps({"t": texts, "k": kinds, "s": speakers}, ensure_ascii=False))
        described.rename(path.with_suffix(".json"))
        seconds = sum(map(len, samples)) / RATE
        spoken, made = spoken + seconds, made + seconds
        print(f"{path.name}: {spoken / 3600:.2f} h, {made / (time.time() - begun):.2f}x real time", flush=True)


if __name__ == "__main__":
    main()
