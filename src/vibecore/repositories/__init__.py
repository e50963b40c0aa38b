"""Contracts of the stores, and the two backends that keep them."""
