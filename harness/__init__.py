"""The release gate for quantized small language models."""
