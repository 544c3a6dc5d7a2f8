"""Writes beside each shard what the stock model's encoder makes of its clips: NAME.states.npy (f16, a
row each 20 ms) and NAME.states.json (how many rows each clip has; 0 for none).

    states.py --base base-f16.bin --corpus DIR [--watch] [--most 300]

The student hears the same clips spoiled, at an audio context that fits them, and must come to the same
states: that is how it learns short contexts and noise, and it keeps it from drifting away from real
voices, since no transcript is needed. Of each shard of real words only some clips are followed.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from train import LEAD
from whisper import Base, Whisper, mel_of

RATE = 16_000
# Seconds of context of the teacher: stock Whisper at a third of its context hears almost as well as at
# the whole of it, at a quarter of the cost; longer clips get as much again as they need.
CONTEXT = 12.8


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--most", type=int, default=300, help="clips of a shard")
    parser.add_argument("--watch", action="store_true", help="wait for more shards")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    base = Base(arguments.base)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = Whisper(base, rank=1).eval().to(device)
    chance = np.random.default_rng(1)
    while True:
        left = [path for path in sorted(Path(arguments.corpus).glob("*.npz"))
                if path.with_suffix(".json").exists() and not path.with_suffix(".states.json").exists()]
        if not left and not arguments.watch:
            return
        if not left:
            time.sleep(10)
        for path in left[:1]:
            stored = np.load(path)
            samples, lengths = stored["x"], stored["l"]
            ends = np.cumsum(lengths)
            chosen = set(chance.permutation(len(lengths))[: arguments.most].tolist())
            rows, frames = [], []
            for i, (start, end) in enumerate(zip(ends - lengths, ends)):
                seconds = LEAD + (end - start) / RATE
                if i not in chosen or seconds > 20:
                    frames.append(0)
                    continue
                whole = CONTEXT if seconds < CONTEXT - 3 else 30.0
                sound = torch.zeros(1, int(whole * RATE))
                sound[0, int(LEAD * RATE) : int(LEAD * RATE) + end - start] = torch.from_numpy(samples[start:end].astype(np.float32) / 32768)
                with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
                    states = net.encode(mel_of(base, sound).to(device))[0].cpu()
                frames.append(int((seconds + 0.1) * 50))
                rows.append(states[: frames[-1]].half().numpy())
            np.save(path.with_suffix(".states.npy"), np.concatenate(rows))
            path.with_suffix(".states.json").write_text(json.dumps(frames))
            print(f"{path.name}: {sum(map(bool, frames))} of {len(frames)} clips", flush=True)


if __name__ == "__main__":
    main()
