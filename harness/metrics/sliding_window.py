"""The sliding window that a genai_config.json states."""

from collections.abc import Mapping
from typing import Any


def window_tokens(decoder: Mapping[str, Any]) -> int:
    """How many tokens some layers look back on, by a decoder of a genai_config.json; 0 for all.

    Of a window that no layer has, as Phi-3's and Phi-4's of twice their context, nothing follows.
    """
    window = decoder.get("sliding_window")
    if not isinstance(window, Mapping) or window.get("layers") == []:
        return 0
    return int(window.get("window_size") or 0)
