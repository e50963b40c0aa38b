"""What importing costs."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.measure import Figure

PROGRAM = """\
import time
start = time.perf_counter()
import vibecore
print(time.perf_counter() - start)
import sys
heavy = {"sqlalchemy", "psycopg", "pydantic", "alembic"} & set(sys.modules)
assert not heavy, heavy
"""


def figure() -> Figure:
    """Median of fresh interpreters; fails if a database library was loaded."""
    runs = [
        float(subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout)
        for _ in range(11)
    ]
    median = statistics.median(runs)
    return Figure("import vibecore", f"{median * 1000:.1f} ms", "goal 80 ms", median / 0.080, 1.0)
