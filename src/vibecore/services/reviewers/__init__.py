"""Reviewers: what reads a file and says what is wrong in it."""
