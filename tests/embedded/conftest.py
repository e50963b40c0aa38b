from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.embedded.processes import alive, eventually, server_pid


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder for server folders; a server that a failed test left behind is stopped."""
    place = Path(mkdtemp(prefix="emb-")).resolve()
    yield place
    for pid_file in place.rglob("postmaster.pid"):
        pid = server_pid(pid_file.parent.parent)
        if pid != os.getpid() and alive(pid):
            os.kill(pid, signal.SIGQUIT)
            eventually(lambda pid=pid: not alive(pid))  # type: ignore[misc]
    shutil.rmtree(place)
