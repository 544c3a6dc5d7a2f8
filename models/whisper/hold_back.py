"""Parts a folder of sounds with transcripts into what is learnt and what is held back.

    hold_back.py CALLS OUT [--share 5]     writes OUT/learn and OUT/held-back: transcripts.tsv, sounds as links

Utterances of one call stay together: the part of a name before its last dash is the call's. Which side a call falls
on depends on its name alone, so what was held back once is never learnt later.
"""

import argparse
import hashlib
from pathlib import Path


def held_back(call, share):
    return int(hashlib.sha256(call.encode()).hexdigest(), 16) % share == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=int, default=5, help="one call in so many is held back")
    arguments = parser.parse_args()
    parts = {"learn": [], "held-back": []}
    for line in (arguments.calls / "transcripts.tsv").read_text(encoding="utf-8").splitlines():
        name, _, words = line.partition("\t")
        sound = arguments.calls / name
        if not words.strip() or not sound.is_file():
            continue
        call = Path(name).stem.rpartition("-")[0] or Path(name).stem
        parts["held-back" if held_back(call, arguments.share) else "learn"].append((sound, words))
    for part, sounds in parts.items():
        if not sounds:
            raise SystemExit(f"{arguments.calls}: too few calls; none is left to {'learn' if part == 'learn' else 'hold back'}")
        folder = arguments.out / part
        folder.mkdir(parents=True)
        for sound, _ in sounds:
            (folder / sound.name).symlink_to(sound.resolve())
        (folder / "transcripts.tsv").write_text("".join(f"{sound.name}\t{words}\n" for sound, words in sounds), encoding="utf-8")
    print(", ".join(f"{part}: {len(sounds)}" for part, sounds in parts.items()))


if __name__ == "__main__":
    main()
