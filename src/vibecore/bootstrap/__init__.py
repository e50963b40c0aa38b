"""Composition: what turns a URL into a platform."""
