"""Rounds weights to blocks of levels, and packs them as MatMulNBits and its kin have them."""

import numpy as np


def rounded(weights, bits, size, symmetric=True):
    """Levels (rows, blocks, size) from 0 on, scales and zero points (rows, blocks), by nearest."""
    rows, columns = weights.shape
    blocks = -(-columns // size)
    padded = np.pad(weights, ((0, 0), (0, blocks * size - columns))).reshape(rows, blocks, size)
    top, bottom = np.maximum(padded.max(-1), 0), np.minimum(padded.min(-1), 0)
    if symmetric:
        scales = np.where(top > -bottom, top, bottom) / -(2 ** (bits - 1))  # keeps the extreme
        points = np.full(scales.shape, 2.0 ** (bits - 1))
    else:
        scales = (top - bottom) / (2**bits - 1)
        points = np.rint(-bottom / np.where(scales == 0, 1, scales))
    steps = padded / np.where(scales == 0, 1, scales)[..., None]
    levels = np.clip(np.rint(steps + points[..., None]), 0, 2**bits - 1)
    return levels.astype(np.uint8), scales.astype(np.float32), points.astype(np.float32)


def packed(levels, bits):
    """Two levels of 4 bits a byte, the first one low; the last axis filled up with zeros."""
    if bits == 8:
        return levels.astype(np.uint8)
    if levels.shape[-1] % 2:
        levels = np.concatenate([levels, np.zeros_like(levels[..., :1])], axis=-1)
    pairs = levels.astype(np.uint8).reshape(*levels.shape[:-1], -1, 2)
    return pairs[..., 0] | pairs[..., 1] << 4
