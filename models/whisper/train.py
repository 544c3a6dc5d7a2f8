"""Trains the adapter: the words that were said, whatever the line does to them, at an audio context
that fits the utterance.

    train.py --base base-f16.bin --corpus DIR --noise DIR --out DIR --minutes 50

CORPUS holds shards: NAME.npz (x: int16 samples one after the other, l: their lengths) with NAME.json
(t: texts, s: speakers). Stops after the minutes and leaves OUT/adapter.safetensors, OUT/last.pt
(to go on from, written every ten minutes) and OUT/curve.csv. Seeded; the time of stopping is not.
"""

import argparse
import csv
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
from safetensors.torch import save_file

import sound
from whisper import (EOT, FIRST_TIME, NO_SPEECH, NO_TIMESTAMPS, PREVIOUS, SOT, TRANSCRIBE, ZH, Base,
                     Whisper, mel_of)

PROMPT = "以下是普通话的句子。"
# Seconds of sound that a batch is padded to. A handful of shapes keeps the allocator calm, and
# the surplus that they leave is the margin that the decoder learns to live with.
LENGTHS = [1.92, 2.56, 3.84, 5.12, 6.4, 8.96, 12.8, 17.92, 24.32, 30.0]
MOST_TOKENS = 120


def shards(folder):
    """Every text with its samples and where it comes from."""
    items = []
    for path in sorted(Path(folder).glob("*.npz")):
        described = path.with_suffix(".json")
        if not described.exists():
            continue
        stored = np.load(path)
        samples, ends = stored["x"], np.cumsum(stored["l"])
        texts = json.loads(described.read_text())["t"]
        for start, end, text in zip(np.concatenate([[0], ends]), ends, texts):
            items.append((samples[start:end], text, path.name[0]))
    return items


def sounds(folder):
    out = []
    for path in sorted(Path(folder).glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        samples = samples.mean(axis=1)
        if rate != sound.RATE:
            from scipy.signal import resample_poly

            samples = resample_poly(samples, sound.RATE, rate).astype(np.float32)
        out.append(samples)
    return out


class Lessons:
    """Makes batches out of the corpus, in a process of its own."""

    def __init__(self, arguments, seed):
        self.base = Base(arguments.base)
        noise = Path(arguments.noise)
        self.noises = sounds(noise / "noise") + sounds(noise / "music")
        self.rooms = [room / np.abs(room).max() for room in (r[np.abs(r).argmax() :][:8000] for r in sounds(noise / "rir"))]
        self.budget = arguments.batch_seconds
        self.chance = np.random.default_rng(seed)
        self.corpus, self.known = Path(arguments.corpus), None

    def refresh(self):
        """Reads the corpus again when it has grown: speech may still be synthesised meanwhile."""
        found = sorted(self.corpus.glob("*.json"))
        if found == self.known:
            return
        self.known, self.items = found, shards(self.corpus)
        # Synthetic speech (v) teaches the words; real sentences (s, a) and words (w, d) keep it from
        # drifting to the voices it was made with.
        shares = {"v": 0.75, "s": 0.08, "a": 0.1, "w": 0.05, "d": 0.02}
        kinds = np.array([kind for _, _, kind in self.items])
        weight = sum((kinds == kind) * share / max(1, (kinds == kind).sum()) for kind, share in shares.items())
        self.weight = weight / weight.sum()

    def voice(self, index):
        """One utterance, faster or slower with its pitch and formants."""
        samples, text, _ = self.items[index]
        factor = self.chance.uniform(0.88, 1.14)
        length = int(len(samples) / factor)
        at = np.linspace(0, len(samples) - 1, length)
        return np.interp(at, np.arange(len(samples)), samples.astype(np.float32) / 32768).astype(np.float32), text

    def lesson(self):
        """Sound, text, and where speech begins and ends."""
        chance = self.chance
        if chance.random() < 0.05:
            length = int(sound.RATE * chance.uniform(0.5, 8))
            return sound.nobody(length, chance, self.noises), "", (0, 0)
        parts, texts, at = [np.zeros(int(sound.RATE * chance.uniform(0.03, 0.4)), np.float32)], [], 0
        most = 26 if chance.random() < 0.12 else 12
        wanted = chance.choice([1, 1, 1, 1, 2, 2, 3, 4]) if most == 12 else 8
        total = len(parts[0])
        for index in chance.choice(len(self.items), wanted, p=self.weight):
            voice, text = self.voice(index)
            if texts and total + len(voice) > most * sound.RATE:
                break
            parts += [voice * chance.uniform(0.7, 1.0), np.zeros(int(sound.RATE * chance.uniform(0.08, 0.6)), np.float32)]
            texts.append(text)
            total += len(parts[-1]) + len(voice)
        speech = np.concatenate(parts)
        begin, end = len(parts[0]) / sound.RATE, (len(speech) - len(parts[-1])) / sound.RATE
        speech = sound.spoiled(speech, chance, self.noises, self.rooms)
        speech = speech * (chance.uniform(0.05, 0.95) / (np.abs(speech).max() + 1e-6))
        return speech[: 30 * sound.RATE], "".join(texts), (begin, end)

    def tokens(self, text, times):
        """What the decoder is given and what it must answer; -1 where it is not asked."""
        chance = self.chance
        prompt = [PREVIOUS, *self.base.text.encode(PROMPT)] if chance.random() < 0.5 else []
        if not text:
            # At SOT the model says that nobody speaks; asked for words all the same, it has none.
            given = [*prompt, SOT, ZH, TRANSCRIBE, NO_TIMESTAMPS]
            asked = [-1] * len(prompt) + [NO_SPEECH, -1, -1, EOT]
            return given, asked
        words = self.base.text.encode(text)[:MOST_TOKENS]
        if chance.random() < 0.12:
            stamp = lambda second: FIRST_TIME + min(1500, round(second * 50))
            body, lead = [stamp(times[0]), *words, stamp(times[1])], [ZH, -1]
        else:
            body, lead = [NO_TIMESTAMPS, *words], [ZH, -1]
        given = [*prompt, SOT, ZH, TRANSCRIBE, *body]
        asked = [-1] * len(prompt) + lead + ([body[0]] if body[0] != NO_TIMESTAMPS else [-1]) + body[1:] + [EOT]
        return given, asked

    def batches(self):
        while True:
            self.refresh()
            waiting = {length: [] for length in LENGTHS}
            for _ in range(400):
                speech, text, times = self.lesson()
                seconds = len(speech) / sound.RATE + self.chance.uniform(0.3, 0.9)
                fits = [length for length in LENGTHS if length >= seconds] or [30.0]
                length = fits[0] if self.chance.random() < 0.94 else fits[self.chance.integers(len(fits))]
                waiting[length].append((speech[: int(length * sound.RATE)], *self.tokens(text, times)))
                if len(waiting[length]) >= max(1, int(self.budget / length)):
                    yield self.batch(waiting[length], length)
                    waiting[length] = []

    def batch(self, lessons, length):
        x = torch.zeros(len(lessons), int(length * sound.RATE))
        most = -(-max(len(given) for _, given, _ in lessons) // 16) * 16
        given = torch.full((len(lessons), most), EOT)
        asked = torch.full((len(lessons), most), -1)
        for row, (speech, tokens, answers) in enumerate(lessons):
            x[row, : len(speech)] = torch.from_numpy(speech)
            given[row, : len(tokens)] = torch.tensor(tokens)
            asked[row, : len(answers)] = torch.tensor(answers)
        mel = mel_of(self.base, x)
        for row in range(len(lessons)):
            if self.chance.random() < 0.5:  # SpecAugment (Park et al., 2019)
                width, first = self.chance.integers(12), self.chance.integers(68)
                mel[row, first : first + width] = mel[row].mean()
                width, first = self.chance.integers(20), self.chance.integers(mel.shape[2] - 20)
                mel[row, :, first : first + width] = mel[row].mean()
        return mel, given, asked


def serve(queue, arguments, seed):
    torch.set_num_threads(1)
    for batch in Lessons(arguments, seed).batches():
        queue.put(batch)


def loss_of(net, mel, given, asked):
    hidden = net.decode(given, net.encode(mel))
    wanted = asked >= 0
    logits = F.linear(hidden[wanted], net.words)
    return F.cross_entropy(logits.float(), asked[wanted], label_smoothing=0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--noise", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--batch-seconds", type=float, default=80)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=12345)
    parser.add_argument("--scale", type=float, default=0.7)
    arguments = parser.parse_args()
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    base = Base(arguments.base)
    net = Whisper(base, arguments.rank)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net.to(device)
    low, others = net.trained()
    groups = [{"params": low, "share": 1.0}, {"params": others, "share": 0.1}]
    optimiser = torch.optim.AdamW(groups, lr=arguments.rate, betas=(0.9, 0.98), weight_decay=0.0)
    spent, step, seed = 0.0, 0, arguments.seed
    if (out / "last.pt").exists():
        state = torch.load(out / "last.pt", map_location=device)
        net.load_state_dict(state["net"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        spent, step, seed = state["spent"], state["step"], arguments.seed + state["step"]
    # The loader keeps the system's allocator: one that never gives pages back eats the memory.
    for name in ("LD_PRELOAD", "MALLOC_CONF"):
        os.environ.pop(name, None)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(6)
    context.Process(target=serve, args=(queue, arguments, seed), daemon=True).start()
    torch.set_num_threads(arguments.threads)
    begun, saved, total = time.time() - spent, time.time(), arguments.minutes * 60
    curve = csv.writer(open(out / "curve.csv", "a"), lineterminator="\n")
    recent, heard = [], 0.0

    def save():
        trained = {n: p for n, p in net.state_dict().items() if n not in ("positions", "text_positions", "words") and not n.endswith("weight.weight")}
        kept = {n: p for n, p in trained.items() if not (n.endswith(".weight") and n.replace(".weight", ".lora_a") in trained)}
        state = {"net": kept, "optimiser": optimiser.state_dict(), "spent": time.time() - begun, "step": step}
        torch.save(state, out / "part.pt")
        os.replace(out / "part.pt", out / "last.pt")
        save_file(net.adapter(base, arguments.scale), out / "adapter.safetensors")

    while (elapsed := time.time() - begun) < total:
        mel, given, asked = (part.to(device) for part in queue.get())
        pace = min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * elapsed / total))
        for group in optimiser.param_groups:
            group["lr"] = arguments.rate * group["share"] * max(pace, 0.01)
        with torch.autocast(device, torch.bfloat16):
            loss = loss_of(net, mel, given, asked)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(low + others, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
        recent.append(loss.item())
        heard += mel.shape[0] * mel.shape[2] / 100
        if step % 20 == 0:
            mean = sum(recent) / len(recent)
            curve.writerow([step, round(elapsed), round(heard / 3600, 3), round(mean, 4)])
            print(f"step {step}, {elapsed / 60:.1f} min, {heard / 3600:.2f} h heard, {heard / max(elapsed - spent, 1):.0f}x real time, loss {mean:.3f}", flush=True)
            recent = []
        if time.time() - saved > 600:
            save()
            saved = time.time()
    save()


if __name__ == "__main__":
    main()
