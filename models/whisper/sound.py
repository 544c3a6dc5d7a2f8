"""What a line, a room and a street make of a voice. Every function takes and gives mono float32
at 16 kHz, and takes its chance from the generator that it is given."""

import io

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 16_000


def filtered(sound, shape):
    spectrum = np.fft.rfft(sound)
    return np.fft.irfft(spectrum * shape(np.fft.rfftfreq(len(sound), 1 / RATE)), len(sound)).astype(np.float32)


def coded(sound, subtype):
    """There and back through a codec of libsndfile's, at 8 kHz as mobile telephones do."""
    peak = np.abs(sound).max() + 1e-6
    file = io.BytesIO()
    soundfile.write(file, resample_poly(sound / peak * 0.9, 1, 2), RATE // 2, format="WAV", subtype=subtype)
    file.seek(0)
    back = resample_poly(soundfile.read(file, dtype="float32")[0], 2, 1) * peak / 0.9
    return np.resize(np.pad(back, (0, max(0, len(sound) - len(back)))), len(sound)).astype(np.float32)


def telephone(sound, chance):
    """300–3400 Hz with edges that differ from line to line, then G.711 or a mobile telephone's codec."""
    low, high = chance.uniform(80, 350), chance.uniform(3100, 3900)
    sound = filtered(sound, lambda f: 1 / (1 + (low / np.maximum(f, 1)) ** 6) / (1 + (f / high) ** 24))
    kind = chance.random()
    if kind < 0.12 and len(sound) > RATE // 4:
        # GSM full rate: linear prediction at 13 kbit/s, kin of AMR, whose coder is not free.
        sound = coded(sound, "GSM610")
    elif kind < 0.75:
        peak = np.abs(sound).max() + 1e-6
        x = np.clip(sound / peak * chance.uniform(0.2, 1.0), -1, 1)
        code = np.round(np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256) * 127) / 127
        sound = (np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255 * peak).astype(np.float32)
    if chance.random() < 0.15:
        # Lost packets of 20 ms, filled with silence as simple receivers do.
        for start in range(0, len(sound) - 320, 320):
            if chance.random() < 0.02:
                sound[start : start + 320] = 0
    return sound


def tinted(sound, chance):
    """Another microphone: a gentle slope."""
    slope = chance.uniform(-0.5, 0.7)
    return np.append(sound[:1], sound[1:] - slope * sound[:-1]).astype(np.float32)


def in_room(sound, chance, rooms):
    if rooms and chance.random() < 0.5:
        response = rooms[chance.integers(len(rooms))]
    else:
        length = int(RATE * chance.uniform(0.05, 0.35))
        decay = np.exp(-np.arange(length) / (length / 5))
        response = (chance.standard_normal(length) * decay * (chance.random(length) < 0.03)).astype(np.float32)
        response *= chance.uniform(0.1, 0.5)
        response[0] = 1
    size = 1 << (len(sound) + len(response)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]
    return wet.astype(np.float32)


def clipped(sound, chance):
    edge = np.abs(sound).max() * chance.uniform(0.2, 0.7) + 1e-6
    return np.clip(sound, -edge, edge)


def background(length, chance, noises):
    """Street, kitchen, office, or coloured noise."""
    if noises and chance.random() < 0.6:
        noise = noises[chance.integers(len(noises))]
        start = chance.integers(len(noise))
        return np.resize(np.roll(noise, -start), length)
    noise = chance.standard_normal(length).astype(np.float32)
    if chance.random() < 0.6:
        width = int(chance.choice([4, 8, 16, 40]))
        noise = np.convolve(noise, np.ones(width, np.float32) / width, "same")
    return noise


def with_noise(sound, chance, noises):
    noise = background(len(sound), chance, noises)
    power = np.sqrt(np.mean(sound**2)) + 1e-6
    level = power / (np.sqrt(np.mean(noise**2)) + 1e-6) * 10 ** (-chance.uniform(5, 40) / 20)
    return (sound + noise * level).astype(np.float32)


def spoiled(sound, chance, noises, rooms):
    """One voice as it might arrive."""
    if chance.random() < 0.15:
        return sound
    if chance.random() < 0.35:
        sound = in_room(sound, chance, rooms)
    sound = with_noise(sound, chance, noises)
    if chance.random() < 0.08:
        sound = clipped(sound, chance)
    kind = chance.random()
    if kind < 0.6:
        sound = telephone(sound, chance)
    elif kind < 0.8:
        sound = tinted(sound, chance)
    return sound


def nobody(length, chance, noises):
    """Silence, noise, ringing, hold tones, chords: what must not become words."""
    kind = chance.random()
    time = np.arange(length) / RATE
    if kind < 0.15:
        return np.zeros(length, np.float32)
    if kind < 0.3:
        tone = np.sin(2 * np.pi * chance.choice([425, 440, 450, 480]) * time)
        return (tone * (time % chance.uniform(0.7, 5) < chance.uniform(0.3, 1))).astype(np.float32)
    if kind < 0.5:
        total = np.zeros(length)
        for start in np.arange(0, length / RATE, chance.uniform(0.15, 0.8)):
            pitch = 110 * 2 ** (chance.integers(36) / 12)
            gone = np.maximum(time - start, 0)
            total += (time >= start) * np.exp(-chance.uniform(1, 6) * gone) * sum(
                np.sin(2 * np.pi * pitch * k * gone) / k for k in (1, 2, 3))
        return (total / (np.abs(total).max() + 1e-6)).astype(np.float32)
    return background(length, chance, noises) * 10 ** chance.uniform(-4, -0.5)
