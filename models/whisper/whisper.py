"""Whisper in PyTorch with low-rank adapters on every linear layer, read from a GGML file.

The GGML file is the one that `hotline models build --format f16` makes: it holds the mel filters
and the vocabulary as well, so nothing else is needed.
"""

import math
import struct

import numpy as np
import tiktoken
import torch
import torch.nn.functional as F
from torch import nn

# Special tokens of the multilingual vocabulary.
EOT, SOT, ZH, TRANSCRIBE, PREVIOUS, NO_SPEECH, NO_TIMESTAMPS, FIRST_TIME = (
    50257, 50258, 50260, 50359, 50361, 50362, 50363, 50364)
TEXT_TOKENS = 50257
WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


class Base:
    """Tensors under OpenAI's names, mel filters and vocabulary of one GGML file."""

    def __init__(self, path):
        data = open(path, "rb").read()
        magic, *sizes = struct.unpack_from("<I11i", data)
        if magic != 0x67676D6C:
            raise SystemExit(f"{path}: no GGML file; make it with `hotline models build --format f16`")
        self.width, self.heads, self.encoder_layers, self.decoder_layers = sizes[2], sizes[3], sizes[4], sizes[8]
        at = 48
        mels, bins = struct.unpack_from("<2i", data, at)
        self.mel_filters = np.frombuffer(data, "<f4", mels * bins, at + 8).reshape(mels, bins)
        at += 8 + 4 * mels * bins
        (count,) = struct.unpack_from("<i", data, at)
        at += 4
        words = []
        for _ in range(count):
            (length,) = struct.unpack_from("<I", data, at)
            words.append(data[at + 4 : at + 4 + length])
            at += 4 + length
        ranks = {word: rank for rank, word in enumerate(words[:TEXT_TOKENS])}
        self.text = tiktoken.Encoding("whisper", pat_str=WORDS, mergeable_ranks=ranks, special_tokens={})
        self.tensors = {}
        while at < len(data):
            dims, name_length, kind = struct.unpack_from("<3i", data, at)
            shape = struct.unpack_from(f"<{dims}i", data, at + 12)[::-1]
            at += 12 + 4 * dims
            name = data[at : at + name_length].decode()
            at += name_length
            number = {0: "<f4", 1: "<f2"}[kind]
            total = math.prod(shape)
            values = np.frombuffer(data, number, total, at).astype(np.float32).reshape(shape)
            at += total * np.dtype(number).itemsize
            self.tensors[name] = torch.from_numpy(values.squeeze() if "bias" in name else values)


class Linear(nn.Module):
    """W + B·A: W is the base's and stays, A and B and the bias are trained."""

    def __init__(self, weight, bias, rank):
        super().__init__()
        # Frozen, so half the bits are enough, and no step casts them anew.
        self.register_buffer("weight", weight.bfloat16())
        self.bias = None if bias is None else nn.Parameter(bias.clone())
        self.lora_a = nn.Parameter(torch.randn(rank, weight.shape[1]) / math.sqrt(weight.shape[1]))
        self.lora_b = nn.Parameter(torch.zeros(weight.shape[0], rank))

    SCALE = 2.0

    def forward(self, x):
        return F.linear(x, self.weight, self.bias) + F.linear(F.linear(x, self.lora_a), self.lora_b) * self.SCALE


def norm(tensors, name):
    layer = nn.LayerNorm(tensors[name + ".weight"].shape[0])
    layer.load_state_dict({"weight": tensors[name + ".weight"], "bias": tensors[name + ".bias"]})
    return layer


class Attention(nn.Module):
    def __init__(self, tensors, name, heads, rank):
        super().__init__()
        self.heads = heads
        make = lambda part: Linear(tensors[f"{name}.{part}.weight"], tensors.get(f"{name}.{part}.bias"), rank)
        self.query, self.key, self.value, self.out = map(make, ("query", "key", "value", "out"))

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        batch, length, width = x.shape
        split = lambda y: y.view(batch, -1, self.heads, width // self.heads).transpose(1, 2)
        query, key, value = split(self.query(x)), split(self.key(memory)), split(self.value(memory))
        # Written out: in training this is twice as fast on a CPU as the fused kernel.
        weights = (query * (width // self.heads) ** -0.5) @ key.transpose(2, 3)
        if mask is not None:
            weights = weights + mask
        mixed = weights.float().softmax(-1).to(value.dtype) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, tensors, name, heads, rank, cross):
        super().__init__()
        linear = lambda part: Linear(tensors[f"{name}.{part}.weight"], tensors[f"{name}.{part}.bias"], rank)
        self.attn, self.attn_ln = Attention(tensors, name + ".attn", heads, rank), norm(tensors, name + ".attn_ln")
        self.cross_attn = Attention(tensors, name + ".cross_attn", heads, rank) if cross else None
        if cross:
            self.cross_attn_ln = norm(tensors, name + ".cross_attn_ln")
        self.mlp = nn.ModuleDict({"0": linear("mlp.0"), "2": linear("mlp.2")})
        self.mlp_ln = norm(tensors, name + ".mlp_ln")

    def forward(self, x, memory=None, mask=None):
        x = x + self.attn(self.attn_ln(x), mask=mask)
        if self.cross_attn is not None:
            x = x + self.cross_attn(self.cross_attn_ln(x), memory)
        return x + self.mlp["2"](F.gelu(self.mlp["0"](self.mlp_ln(x))))


class Side(nn.Module):
    """The encoder or the decoder; attribute names follow OpenAI's tensor names."""


class Whisper(nn.Module):
    def __init__(self, base, rank=32):
        super().__init__()
        t, heads = base.tensors, base.heads
        blocks = lambda side, count, cross: nn.ModuleList(
            Block(t, f"{side}.blocks.{i}", heads, rank, cross) for i in range(count))
        self.encoder, self.decoder = Side(), Side()
        width = t["encoder.conv1.weight"].shape[0]
        for name, size, stride in (("conv1", t["encoder.conv1.weight"].shape[1], 1), ("conv2", width, 2)):
            conv = nn.Conv1d(size, width, 3, stride, padding=1)
            conv.load_state_dict({k: t[f"encoder.{name}.{k}"] for k in ("weight", "bias")})
            setattr(self.encoder, name, conv)
        self.register_buffer("positions", t["encoder.positional_embedding"])
        self.register_buffer("text_positions", t["decoder.positional_embedding"])
        self.register_buffer("words", t["decoder.token_embedding.weight"].bfloat16())
        self.encoder.blocks = blocks("encoder", base.encoder_layers, False)
        self.encoder.ln_post = norm(t, "encoder.ln_post")
        self.decoder.blocks = blocks("decoder", base.decoder_layers, True)
        self.decoder.ln = norm(t, "decoder.ln")

    def encode(self, mel):
        x = F.gelu(self.encoder.conv1(mel))
        x = F.gelu(self.encoder.conv2(x)).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        for block in self.encoder.blocks:
            x = block(x)
        return self.encoder.ln_post(x)

    def decode(self, tokens, memory):
        """Hidden states; times `words` transposed they are logits."""
        length = tokens.shape[1]
        x = F.embedding(tokens, self.words) + self.text_positions[:length]
        mask = torch.full((length, length), -1e9, device=x.device).triu(1)
        for block in self.decoder.blocks:
            x = block(x, memory, mask)
        return self.decoder.ln(x)

    def trained(self):
        """Parameters of the low-rank matrices, and of biases, norms and convolutions."""
        named = [(n, p) for n, p in self.named_parameters() if p.requires_grad]
        low = [p for n, p in named if ".lora_" in n]
        return low, [p for n, p in named if ".lora_" not in n]

    def adapter(self, base, scale=1.0):
        """What `hotline models build` lays over the base: NAME.lora_a and NAME.lora_b for a matrix,
        with every factor in B, and NAME.delta for everything else. `scale` below 1 takes part of
        what was learnt back, which keeps it from drifting to the voices it was trained on."""
        out = {}
        for name, parameter in self.named_parameters():
            value = parameter.detach().float().cpu()
            if name.endswith(".lora_a"):
                out[name.replace(".lora_a", ".weight.lora_a")] = value
            elif name.endswith(".lora_b"):
                out[name.replace(".lora_b", ".weight.lora_b")] = value * Linear.SCALE * scale
            else:
                out[name + ".delta"] = (value - base.tensors[name].reshape(value.shape)) * scale
        return {k: v.half().contiguous() for k, v in out.items()}

    @torch.no_grad()
    def load_adapter(self, tensors, base):
        """Takes up what `adapter` gave."""
        for name, parameter in self.named_parameters():
            if name.endswith(".lora_a"):
                value = tensors[name.replace(".lora_a", ".weight.lora_a")].float()
            elif name.endswith(".lora_b"):
                value = tensors[name.replace(".lora_b", ".weight.lora_b")].float() / Linear.SCALE
            else:
                value = base.tensors[name].reshape(parameter.shape) + tensors[name + ".delta"].float()
            parameter.copy_(value)


def mel_of(base, sound):
    """Log-mel spectrogram of a batch of sounds at 16 kHz, as Whisper was trained on."""
    filters, window = torch.from_numpy(base.mel_filters.copy()), torch.hann_window(400)
    power = torch.stft(sound, 400, 160, window=window, return_complex=True)[..., :-1].abs() ** 2
    mel = (filters @ power).clamp(min=1e-10).log10()
    return (torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8) + 4) / 4
