"""Attacks on identity are counted by their names, and each runs wherever the contract does."""

from __future__ import annotations

import ast
from pathlib import Path

CONTRACT = Path(__file__).parents[1] / "contract"


def test_there_are_at_least_80_named_attacks_on_every_backend() -> None:
    """A test with parameters counts once. Those in tests/contract get their store from a fixture, on each backend in
    turn; an attack without a fixture would run on none."""
    found: dict[str, list[str]] = {}
    for path in CONTRACT.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_attack_"):
                found[f"{path.stem}.{node.name}"] = [argument.arg for argument in node.args.args]
    assert len(found) >= 80, len(found)
    fixtures = {"store", "door", "town", "house", "platform", "castle", "flow"}
    assert [name for name, arguments in found.items() if not fixtures.intersection(arguments)] == []
