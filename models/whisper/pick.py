"""Chooses what part of a training is best on development speech, and installs it.

    pick.py --hotline BIN --models DIR --out adapter.safetensors --dev DIR… RUN/step-*.safetensors
            [--scales 0.6,0.7,0.8] [--average 1,2] [--context 32:0,64:128] [--format q8_0]

Each candidate (a checkpoint, or the average of the last few) is scaled: what was learnt drifts towards
the voices it was learnt from, and part of it taken back is better on real ones. It is merged by
`hotline models build` and measured by `hotline eval asr` on every DEV folder, that is, by the runtime
itself. The best (mean of the folders' error rates) replaces OUT if it is better than what lies there.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def scaled(adapter, scale):
    return {name: value if name.endswith(".lora_a") else (value.float() * scale).half() for name, value in adapter.items()}


def mean(adapters):
    """Of checkpoints near each other. The products B·A are averaged by joining the matrices, then cut back
    to their rank, since the mean of the factors is not the factor of the mean."""
    if len(adapters) == 1:
        return adapters[0]
    out = {}
    for name in adapters[0]:
        if name.endswith(".delta"):
            out[name] = (sum(a[name].float() for a in adapters) / len(adapters)).half()
        elif name.endswith(".lora_b"):
            other = name[: -len("lora_b")] + "lora_a"
            rank = adapters[0][name].shape[1]
            b = torch.cat([a[name].float() / len(adapters) for a in adapters], 1)
            a = torch.cat([a[other].float() for a in adapters], 0)
            # Singular values of the product by way of two thin factorisations.
            q_b, r_b = torch.linalg.qr(b)
            q_a, r_a = torch.linalg.qr(a.T)
            u, s, v = torch.linalg.svd(r_b @ r_a.T)
            root = s[:rank].sqrt()
            out[name] = ((q_b @ u[:, :rank]) * root).half().contiguous()
            out[other] = ((q_a @ v.T[:, :rank]) * root).T.half().contiguous()
    return out


class Runtime:
    """The product's own merging and recognising, in a folder of models of its own."""

    def __init__(self, hotline, models, format):
        self.hotline, self.format = hotline, format
        self.folder = Path(tempfile.mkdtemp(prefix="pick-"))
        manifest = (Path(models) / "manifest.toml").read_text()
        # Of the base's entry only its sources are taken over.
        entry = manifest[manifest.index('\nname = "base"\n') :].split("[[model]]")[0]
        self.sources = entry[entry.index("[[model.source]]") :]

    def errors(self, adapter, context, dev):
        """What `hotline eval asr` says of every folder; the stock model without an adapter."""
        margin, least = context.split(":")
        lines = ['default = "base"', "[[model]]", 'name = "base"', 'about = "a candidate"', 'licence = "MIT"',
                 f'format = "{self.format}"', f"context = {{ margin = {margin}, least = {least} }}"]
        if adapter is not None:
            save_file(adapter, self.folder / "adapter.safetensors")
            lines.append('adapter = "adapter.safetensors"')
        (self.folder / "manifest.toml").write_text("\n".join(lines) + "\n\n" + self.sources)
        self.run("models", "build", "--force", "--format", self.format)
        return {str(folder): json.loads(self.run("eval", "asr", str(folder), "--json").strip().splitlines()[-1])
                for folder in dev}

    def run(self, *arguments):
        done = subprocess.run([self.hotline, "--models", str(self.folder), *arguments], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"hotline {' '.join(arguments)}: {done.stderr}")
        return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", help="in order; none measures the stock model")
    parser.add_argument("--hotline", required=True)
    parser.add_argument("--models", required=True, help="folder with the manifest")
    parser.add_argument("--dev", action="append", required=True)
    parser.add_argument("--out", help="where the best is put")
    parser.add_argument("--scales", default="0.6,0.7,0.8")
    parser.add_argument("--average", default="1", help="how many of the last checkpoints; several counts are tried: 1,2")
    parser.add_argument("--context", default="32:0", help="MARGIN:LEAST, positions of 20 ms; several are tried: 32:0,64:128")
    parser.add_argument("--format", default="q8_0")
    parser.add_argument("--log", help="a table that every measurement is added to")
    arguments = parser.parse_args()
    runtime = Runtime(arguments.hotline, arguments.models, arguments.format)
    loaded = [load_file(path) for path in arguments.checkpoints]

    def measured(what, adapter, context):
        errors = runtime.errors(adapter, context, arguments.dev)
        mean_error = sum(e["cer"] for e in errors.values()) / len(errors)
        each = ", ".join(f"{Path(folder).name} {e['cer']:.4f} ({1 / e['rtf']:.1f}x)" for folder, e in errors.items())
        line = f"{mean_error:.4f}\t{what}\tcontext {context}\t{arguments.format}\t{each}"
        print(line, flush=True)
        if arguments.log:
            with open(arguments.log, "a") as log:
                log.write(line + "\n")
        return mean_error

    contexts = arguments.context.split(",")
    if not loaded:
        for context in contexts:
            measured("stock", None, context)
        return
    best, chosen = float("inf"), None
    if arguments.out and Path(arguments.out).exists():
        best = min(measured("installed", load_file(arguments.out), context) for context in contexts)
    for count in map(int, arguments.average.split(",")):
        joined = mean(loaded[-count:])
        for scale in map(float, arguments.scales.split(",")):
            for context in contexts:
                candidate = scaled(joined, scale)
                name = f"{Path(arguments.checkpoints[-1]).stem}, {count} averaged, scale {scale}"
                error = measured(name, candidate, context)
                if error < best:
                    best, chosen = error, (name, candidate)
    if arguments.out and chosen:
        save_file(chosen[1], arguments.out, metadata={"from": chosen[0]})
        print(f"{arguments.out}: {chosen[0]}")
    shutil.rmtree(runtime.folder)


if __name__ == "__main__":
    main()
