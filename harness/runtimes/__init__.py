"""Runtimes that answer requests, interchangeable behind one protocol."""
