"""Trains the adapter: the words that were said, whatever the line does to them, at an audio context
that fits the utterance.

    train.py --base base-f16.bin --corpus DIR --noise DIR --out DIR --minutes 50 [--from adapter.safetensors]

CORPUS holds shards: NAME.npz (x: int16 samples one after the other, l: their lengths) with NAME.json
(t: texts, s: speakers), and what states.py made of them. Every ten minutes (--save-minutes), at the end and when terminated it leaves
OUT/step-NNNNN.safetensors (averaged weights, unscaled: pick.py chooses), OUT/last.pt (to go on from)
and OUT/curve.csv. Seeded; the time of stopping is not.
"""

import argparse
import csv
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import sound
from whisper import (EOT, FIRST_TIME, NO_SPEECH, NO_TIMESTAMPS, PREVIOUS, SOT, TRANSCRIBE, ZH, Base,
                     Whisper, mel_of)

PROMPT = "以下是普通话的句子。"
# Seconds of sound that a batch is padded to. A handful of shapes keeps the allocator calm, and
# the surplus that they leave is the margin that the decoder learns to live with.
LENGTHS = [1.92, 2.56, 3.84, 5.12, 6.4, 8.96, 12.8, 17.92, 24.32, 30.0]
MOST_TOKENS = 120


# What share of the lessons each source has: synthetic speech (v) teaches the words; real sentences (s, a)
# and words (w, d) keep the ears from drifting to the voices it was made with. A city's own corrected calls
# (c), where there are any, are the most like what will be heard.
SHARES = {"v": 0.62, "w": 0.2, "a": 0.08, "s": 0.05, "d": 0.05, "c": 0.6}
# Synthetic speech gets its whole share from so many clips on; a few clips are not heard over and over.
ENOUGH = 400
# Silence before the words where a lesson also follows the stock model's states (states.py).
LEAD = 0.2


def shards(folder):
    """Every text with its samples, where it comes from, and the stock model's states or none."""
    items = []
    for path in sorted(Path(folder).glob("*.npz")):
        described = path.with_suffix(".json")
        if not described.exists():
            continue
        stored = np.load(path)
        samples, ends = stored["x"], np.cumsum(stored["l"])
        texts = json.loads(described.read_text())["t"]
        states, frames = path.with_suffix(".states.npy"), [0] * len(texts)
        if states.exists():
            states = np.load(states, mmap_mode="r")
            frames = json.loads(path.with_suffix(".states.json").read_text())
        at = np.concatenate([[0], np.cumsum(frames)])
        for i, (start, end, text) in enumerate(zip(np.concatenate([[0], ends]), ends, texts)):
            followed = states[at[i] : at[i + 1]] if frames[i] else None
            items.append((samples[start:end], text, path.name[0], followed))
    return items


# Noises that development sets are made with.
HELD_OUT_NOISES = {"sb_noise4", "tam_stereo_noise", "am_hens"}


def sounds(folder):
    out = []
    for path in sorted(Path(folder).glob("*.flac")):
        if path.stem in HELD_OUT_NOISES:
            continue
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
        kinds = np.array([kind for _, _, kind, _ in self.items])
        counts = {kind: max(1, (kinds == kind).sum()) for kind in SHARES}
        shares = {**SHARES, "v": SHARES["v"] * min(1, counts["v"] / ENOUGH)}
        weight = sum((kinds == kind) * share / counts[kind] for kind, share in shares.items())
        self.weight = weight / weight.sum()
        # Which clips are of the same source, for lessons of several.
        self.same = {kind: np.nonzero(kinds == kind)[0] for kind in SHARES}

    def changed(self, samples):
        """One utterance, faster or slower with its pitch and formants."""
        factor = self.chance.uniform(0.88, 1.14)
        at = np.linspace(0, len(samples) - 1, int(len(samples) / factor))
        return np.interp(at, np.arange(len(samples)), samples.astype(np.float32) / 32768).astype(np.float32)

    def lesson(self):
        """Sound, text, where speech begins and ends, and the states to follow or none."""
        chance = self.chance
        if chance.random() < 0.05:
            length = int(sound.RATE * chance.uniform(0.3, 8))
            return sound.nobody(length, chance, self.noises), "", (0, 0), None
        index = chance.choice(len(self.items), p=self.weight)
        samples, text, kind, states = self.items[index]
        if states is not None and chance.random() < (0.3 if kind == "w" else 0.6):
            voice = samples.astype(np.float32) / 32768
            tail = int(sound.RATE * chance.uniform(0.2, 0.6))
            speech = np.concatenate([np.zeros(int(LEAD * sound.RATE), np.float32), voice, np.zeros(tail, np.float32)])
            begin, end = LEAD, LEAD + len(voice) / sound.RATE
        else:
            states = None
            speech, text, begin, end = self.several(index)
        speech = sound.spoiled(speech, chance, self.noises, self.rooms)
        if chance.random() < 0.06:
            # Somebody else, at a distance.
            other = self.changed(self.items[chance.choice(len(self.items), p=self.weight)][0])[: len(speech)]
            start = chance.integers(len(speech) - len(other) + 1)
            speech[start : start + len(other)] += other * np.abs(speech).max() * 10 ** (-chance.uniform(18, 32) / 20)
        speech = speech * (chance.uniform(0.05, 0.95) / (np.abs(speech).max() + 1e-6))
        return speech[: 30 * sound.RATE], text, (begin, end), states

    def several(self, index):
        """A clip and perhaps more of the same source after it. Single words are strung together closely,
        as a caller who names things; else the decoder would learn to stop after each."""
        chance = self.chance
        kind = self.items[index][2]
        words = kind in "wd"
        long = chance.random() < 0.08
        wanted = 10 if long else chance.choice([1, 2, 3, 4, 5, 6]) if words else chance.choice([1, 1, 1, 1, 2, 2, 3])
        most = 27 if long else 11
        parts, text = [np.zeros(int(sound.RATE * chance.uniform(0.03, 0.4)), np.float32)], ""
        total = len(parts[0])
        for number in range(wanted):
            samples, said, _, _ = self.items[index if number == 0 else chance.choice(self.same[kind])]
            voice = self.changed(samples)
            if number and total + len(voice) > most * sound.RATE:
                break
            gap = chance.uniform(0.0, 0.35) if words else chance.uniform(0.05, 0.6)
            if words:
                text += ("，" if text and pause > 0.2 else "") + said.rstrip("。")
            else:
                text += said
            pause = gap
            parts += [voice * chance.uniform(0.7, 1.0), np.zeros(int(sound.RATE * gap), np.float32)]
            total += len(voice) + len(parts[-1])
        parts.append(np.zeros(int(sound.RATE * chance.uniform(0.05, 0.5)), np.float32))
        speech = np.concatenate(parts)
        end = (total - len(parts[-2])) / sound.RATE
        return speech, text + "。" if words else text, len(parts[0]) / sound.RATE, end

    def prompt(self, text):
        """What stands before: nothing, the plain prompt, or words of the city with it, of which few are said.
        That a word is prompted must help to hear it and never be a reason to write it."""
        kind = self.chance.random()
        if kind < 0.3:
            return []
        vocabulary = ""
        if kind > 0.9:
            lists = [self.items[i][1] for i in self.chance.choice(len(self.items), self.chance.integers(2, 8))]
            if self.chance.random() < 0.5:
                lists.append(text)
            named = [part for said in lists for part in re.split("[，。？！、]", said)[:1] if 2 <= len(part) <= 8]
            vocabulary = "、".join(self.chance.permutation(named)) + "。" if named else ""
        return [PREVIOUS, *self.base.text.encode(vocabulary + PROMPT)]

    def tokens(self, text, times):
        """What the decoder is given and what it must answer; -1 where it is not asked."""
        prompt = self.prompt(text)
        if not text:
            # At SOT the model says that nobody speaks; asked for words all the same, it has none.
            given = [*prompt, SOT, ZH, TRANSCRIBE, NO_TIMESTAMPS]
            asked = [-1] * len(prompt) + [NO_SPEECH, -1, -1, EOT]
            return given, asked
        words = self.base.text.encode(text)[:MOST_TOKENS]
        if self.chance.random() < 0.12:
            stamp = lambda second: FIRST_TIME + min(1500, round(second * 50))
            body = [stamp(times[0]), *words, stamp(times[1])]
        else:
            body = [NO_TIMESTAMPS, *words]
        given = [*prompt, SOT, ZH, TRANSCRIBE, *body]
        # Each position answers with what follows it; the language and the task are given, not asked.
        first = body[0] if body[0] != NO_TIMESTAMPS else -1
        asked = [-1] * (len(prompt) + 2) + [first, *body[1:], EOT]
        return given, asked

    def batches(self):
        waiting = {length: [] for length in LENGTHS}
        while True:
            self.refresh()
            for _ in range(200):
                speech, text, times, states = self.lesson()
                seconds = len(speech) / sound.RATE + self.chance.uniform(0.1, 0.9)
                fits = [length for length in LENGTHS if length >= seconds] or [30.0]
                length = fits[0] if self.chance.random() < 0.95 else fits[self.chance.integers(len(fits))]
                waiting[length].append((speech[: int(length * sound.RATE)], *self.tokens(text, times), states))
                if len(waiting[length]) >= max(1, int(self.budget / length)):
                    yield self.batch(waiting[length], length)
                    waiting[length] = []

    def batch(self, lessons, length):
        x = torch.zeros(len(lessons), int(length * sound.RATE))
        most = -(-max(len(given) for _, given, _, _ in lessons) // 16) * 16
        given = torch.full((len(lessons), most), EOT)
        asked = torch.full((len(lessons), most), -1)
        rows, followed = [], []
        for row, (speech, tokens, answers, states) in enumerate(lessons):
            x[row, : len(speech)] = torch.from_numpy(speech)
            given[row, : len(tokens)] = torch.tensor(tokens)
            asked[row, : len(answers)] = torch.tensor(answers)
            if states is not None:
                states = torch.from_numpy(np.array(states[: int(length * 50)]))
                rows += [row * int(length * 50) + frame for frame in range(len(states))]
                followed.append(states)
        mel = mel_of(self.base, x)
        for row in range(len(lessons)):
            if self.chance.random() < 0.5:  # SpecAugment (Park et al., 2019)
                width, first = self.chance.integers(12), self.chance.integers(68)
                mel[row, first : first + width] = mel[row].mean()
                width, first = self.chance.integers(20), self.chance.integers(mel.shape[2] - 20)
                mel[row, :, first : first + width] = mel[row].mean()
        states = torch.cat(followed) if followed else torch.zeros(0, self.base.width)
        return mel, given, asked, torch.tensor(rows, dtype=torch.long), states


def serve(queue, arguments, seed):
    torch.set_num_threads(1)
    for batch in Lessons(arguments, seed).batches():
        queue.put(batch)


def losses(net, mel, given, asked, frames, states):
    """Of the words, and of the encoder's states against those that the stock model has of the clean sound at
    a generous context: squared error over variance."""
    heard = net.encode(mel)
    wanted = asked >= 0
    logits = F.linear(net.decode(given, heard)[wanted], net.words)
    words = F.cross_entropy(logits.float(), asked[wanted], label_smoothing=0.05)
    if not len(frames):
        return words, None
    states = states.float()
    error = (heard.flatten(0, 1)[frames].float() - states).square().mean()
    return words, error / states.var()


class Average:
    """The mean of recent weights: what a falling rate would give, at any time."""

    def __init__(self, parameters, keep=0.985):
        self.parameters, self.keep, self.count = parameters, keep, 0
        self.values = [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def update(self):
        self.count += 1
        keep = min(self.keep, self.count / (self.count + 10))
        torch._foreach_lerp_(self.values, [p.detach() for p in self.parameters], 1 - keep)

    def swap(self):
        for value, parameter in zip(self.values, self.parameters):
            kept = parameter.data
            parameter.data, value.data = value.data, kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--noise", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--steps", type=int, default=1 << 40, help="stop after so many, however long they take")
    parser.add_argument("--every", type=int, default=10, help="steps from one line of the curve to the next")
    parser.add_argument("--from", dest="begin", help="an adapter to go on from")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--batch-seconds", type=float, default=40)
    parser.add_argument("--follow", type=float, default=1.0, help="weight of following the stock model's states")
    parser.add_argument("--falling", type=float, default=0.3, help="last share of the time, in which the rate falls to nothing")
    parser.add_argument("--save-minutes", type=float, default=10, help="from one checkpoint to the next")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=1)
    parser.add_argument("--seed", type=int, default=12345)
    arguments = parser.parse_args()
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    base = Base(arguments.base)
    net = Whisper(base, arguments.rank)
    if arguments.begin:
        net.load_adapter(load_file(arguments.begin), base)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net.to(device)
    low, others = net.trained()
    groups = [{"params": low, "share": 1.0}, {"params": others, "share": 0.1}]
    optimiser = torch.optim.AdamW(groups, lr=arguments.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    spent, step, heard = 0.0, 0, 0.0
    average = Average(low + others)
    if (out / "last.pt").exists():
        state = torch.load(out / "last.pt", map_location=device)
        net.load_state_dict(state["net"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        average.values, average.count = state["average"], state["step"]
        spent, step, heard = state["spent"], state["step"], state["heard"]
    # The loader keeps the system's allocator: one that never gives pages back eats the memory.
    for name in ("LD_PRELOAD", "MALLOC_CONF"):
        os.environ.pop(name, None)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(6)
    for loader in range(arguments.loaders):
        context.Process(target=serve, args=(queue, arguments, arguments.seed + step + 1000 * loader), daemon=True).start()
    torch.set_num_threads(arguments.threads)
    total, saved = arguments.minutes * 60, spent
    file = open(out / "curve.csv", "a")
    curve = csv.writer(file, lineterminator="\n")
    recent = []

    def save():
        names = {n for n, _ in net.named_parameters()}
        kept = {n: p for n, p in net.state_dict().items() if n in names}
        state = {"net": kept, "optimiser": optimiser.state_dict(), "average": average.values, "spent": spent, "step": step, "heard": heard}
        torch.save(state, out / "part.pt")
        os.replace(out / "part.pt", out / "last.pt")
        average.swap()
        # Unscaled: what part of it is best is chosen on development speech afterwards (pick.py).
        save_file(net.adapter(base), out / f"step-{step:05}.safetensors")
        average.swap()

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    while spent < total and step < arguments.steps and not stopped.is_set():
        begun = time.time()
        mel, given, asked, frames, states = (part.to(device) for part in queue.get())
        pace = min(1.0, (step + 1) / 60, (total - spent) / (arguments.falling * total))
        for group in optimiser.param_groups:
            group["lr"] = arguments.rate * group["share"] * max(pace, 0.01)
        with torch.autocast(device, torch.bfloat16):
            words, followed = losses(net, mel, given, asked, frames, states)
        loss = words if followed is None else words + arguments.follow * followed
        loss.backward()
        torch.nn.utils.clip_grad_norm_(low + others, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        average.update()
        step += 1
        # A machine that sleeps, or stops us to measure something, does not shorten the training.
        spent += min(time.time() - begun, 60)
        recent.append((words.item(), float("nan") if followed is None else followed.item()))
        heard += mel.shape[0] * mel.shape[2] / 100
        if step % arguments.every == 0:
            words, followed = (float(np.mean([x for x in column if x == x] or [0])) for column in zip(*recent))
            curve.writerow([step, round(spent), round(heard / 3600, 3), round(words, 4), round(followed, 4)])
            file.flush()
            print(f"step {step}, {spent / 60:.1f} min, {heard / 3600:.2f} h heard, {heard / spent:.1f}x real time, words {words:.3f}, states {followed:.3f}", flush=True)
            recent = []
        if spent - saved > 60 * arguments.save_minutes:
            save()
            saved = spent
    save()


if __name__ == "__main__":
    main()
