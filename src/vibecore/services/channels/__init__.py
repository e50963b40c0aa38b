"""Channels: how notifications reach a user outside of the inbox."""
