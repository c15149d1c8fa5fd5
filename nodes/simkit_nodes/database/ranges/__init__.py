"""Ranges: the key space in parts, and how a request finds the part and the store that it belongs to."""
