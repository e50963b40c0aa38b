"""Appending to the log of a deployment: what a line costs, and that it costs the same however many came before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final
from uuid import uuid4

from bench.measure import Figure, micro
from vibecore.bootstrap.connect import connect
from vibecore.domain.actors import Actor

LINES: Final = 100_000
BATCH: Final = 1000
TEXT: Final = "2025-01-01T00:00:00Z GET /api/v1/projects 200 12 ms request=%08d"
PARTS: Final = 5
"""The first and the last of so many equal parts are compared."""


def figures(url: str) -> Iterator[Figure]:
    """On PostgreSQL and in memory."""
    for name, where in (("PostgreSQL", url), ("memory", "memory://")):
        yield appended(name, where)


def appended(name: str, url: str) -> Figure:
    """100,000 lines in batches of 1,000: the ratio is that of the last fifth to the first."""
    with connect(url) as vibe:
        email = f"{uuid4().hex}@example.org"
        vibe.auth.register(Actor.anonymous(), email=email, password="correct horse battery staple", name="Ada")
        actor = vibe.auth.login(email=email, password="correct horse battery staple").actor
        project = vibe.projects.create(actor, name="engine")
        made = vibe.deployments.create(actor, project.id, environment="production")
        batches = [[TEXT % number for number in range(start, start + BATCH)] for start in range(1, LINES + 1, BATCH)]
        seconds = []
        for number, batch in enumerate(batches):
            start = time.perf_counter()
            vibe.deployments.append_logs(actor, project.id, made.id, batch, first=number * BATCH + 1)
            seconds.append(time.perf_counter() - start)
    part = len(seconds) // PARTS
    first, last = sum(seconds[:part]), sum(seconds[-part:])
    each = f"{micro(sum(seconds) / LINES)} a line"
    return Figure(
        f"100,000 log lines, {name}: last fifth to first", each, micro(first / part / BATCH), last / first, 1.5
    )
