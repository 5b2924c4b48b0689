"""Makers of variants, interchangeable behind one protocol."""
