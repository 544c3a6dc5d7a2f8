"""Draws the curve of a training as an SVG: curve.py curve.csv OUT.svg [MEASURED.csv]

MEASURED.csv, if given, has lines of hours heard and character error rate on development speech.
"""

import csv
import sys

import numpy as np


def smooth(values, width=9):
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, "valid")


def line(xs, ys, left, right, low, high, box, colour):
    x0, y0, width, height = box
    points = " ".join(f"{x0 + width * (x - left) / (right - left):.1f},{y0 + height * (1 - (y - low) / (high - low)):.1f}" for x, y in zip(xs, ys))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def panel(title, xs, ys, box, colour, dots=False):
    x0, y0, width, height = box
    low, high = 0.0, max(ys) * 1.08
    out = [f'<rect x="{x0}" y="{y0}" width="{width}" height="{height}" fill="none" stroke="#bbb"/>',
           f'<text x="{x0}" y="{y0 - 6}" font-weight="bold">{title}</text>']
    for tick in np.linspace(low, high, 5):
        y = y0 + height * (1 - (tick - low) / (high - low))
        out.append(f'<text x="{x0 - 6}" y="{y + 4:.0f}" text-anchor="end">{tick:.2f}</text>')
    for tick in np.linspace(0, max(xs), 5):
        out.append(f'<text x="{x0 + width * tick / max(xs):.0f}" y="{y0 + height + 14}" text-anchor="middle">{tick:.2f} h</text>')
    out.append(line(xs, ys, 0, max(xs), low, high, box, colour))
    if dots:
        for x, y in zip(xs, ys):
            out.append(f'<circle cx="{x0 + width * x / max(xs):.1f}" cy="{y0 + height * (1 - (y - low) / (high - low)):.1f}" r="3" fill="{colour}"/>')
    return out


def main():
    rows = np.array([[float(v) for v in row] for row in csv.reader(open(sys.argv[1]))])
    _, _, heard, words, states = rows.T
    panels = [("Cross-entropy of the words (nats a token, smoothed labels)", heard, smooth(words), "#1f5fa8", False),
              ("Distance from the stock model's states (squared error over variance)", heard, smooth(states), "#b0502a", False)]
    if len(sys.argv) > 3:
        measured = np.array([[float(v) for v in row] for row in csv.reader(open(sys.argv[3]))])
        panels.append(("Character error rate on development speech", measured[:, 0], measured[:, 1], "#2a7f3f", True))
    height = 210 * len(panels) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" font-family="sans-serif" font-size="11">',
           f'<rect width="640" height="{height}" fill="#fff"/>']
    for number, (title, xs, ys, colour, dots) in enumerate(panels):
        out += panel(title, xs, ys, (50, 30 + 210 * number, 570, 150), colour, dots)
    open(sys.argv[2], "w").write("\n".join([*out, "</svg>"]) + "\n")


main()
