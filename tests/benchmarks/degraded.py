"""An int4 variant that is worse by so many points of accuracy, made by noise on its scales."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests import weight_damage

ATTEMPTS = 24


def blur_scales(folder: Path, deviation: float, seed: int) -> None:
    """Multiplies every scale by log-normal noise; the same seed blurs alike, more or less."""
    random = np.random.default_rng(seed)
    for layer in weight_damage.layers(folder):

        def blur(scales: np.ndarray) -> np.ndarray:
            noise = random.standard_normal(scales.shape)
            return (scales * np.exp(deviation * noise)).astype(scales.dtype)

        weight_damage.edit(folder, layer, weight_damage.SCALES, blur)


def degrade(
    variant: Path,
    place: Path,
    lost: Callable[[Path], float],
    least: float,
    most: float,
) -> Path:
    """A copy that loses between `least` and `most`, as `lost` counts it; found by bisection."""
    low, high, seed = 0.0, 0.6, 0
    for attempt in range(ATTEMPTS):
        deviation = (low + high) / 2
        folder = place / f"attempt-{attempt}" / "degraded"
        shutil.copytree(variant, folder)
        blur_scales(folder, deviation, seed)
        points = lost(folder)
        if least <= points <= most:
            return folder
        shutil.rmtree(folder.parent)
        low, high = (deviation, high) if points < least else (low, deviation)
        if attempt % 8 == 7:  # accuracy goes down in steps; another noise has others
            low, high, seed = 0.0, 0.6, seed + 1
    raise AssertionError(f"no noise of {ATTEMPTS} loses {least} to {most} points")
