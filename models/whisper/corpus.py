"""Packs sounds with transcripts into a shard of the training corpus.

    corpus.py FOLDER OUT.npz     FOLDER/transcripts.tsv (file, tab, words); without one, each
                             file's name is its words

OUT begins with a letter that says what it is: v synthetic voices, s and a real sentences, w and d real words.
"""

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 16_000


def read(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples.mean(axis=1)
    if rate != RATE:
        samples = resample_poly(samples, RATE, rate)
    # Silence around the words is the lessons' own business.
    loud = np.nonzero(np.abs(samples) > np.abs(samples).max() * 0.03)[0]
    if len(loud):
        samples = samples[max(0, loud[0] - 800) : loud[-1] + 1600]
    return np.clip(samples * 32768, -32768, 32767).astype(np.int16)


def listed(folder):
    table = folder / "transcripts.tsv"
    if table.exists():
        rows = csv.reader(table.open(), delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(folder / row[0], row[1]) for row in rows if (folder / row[0]).exists()]
    named = [(path, re.sub(r"[^\u4e00-\u9fff]", "", path.stem)) for path in sorted(folder.glob("*.mp3"))]
    # A name with a gap in it is a pattern of grammar, not a word.
    return [(path, words) for path, words in named if words and "_" not in path.stem]


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    samples, texts = [], []
    for path, words in listed(folder):
        sound = read(path)
        if 0.2 * RATE < len(sound) < 25 * RATE:
            samples.append(sound)
            texts.append(words if re.search("[。？！]$", words) else words + "。")
    np.savez(out, x=np.concatenate(samples), l=np.array([len(s) for s in samples]))
    out.with_suffix(".json").write_text(json.dumps({"t": texts, "s": [folder.name] * len(texts)}, ensure_ascii=False))
    print(f"{out}: {len(texts)} texts, {sum(map(len, samples)) / RATE / 3600:.2f} h")


main()
