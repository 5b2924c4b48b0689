"""Scorers: each says whether an item can be decided by it, and grades a reply."""
