"""One pass over a module's tree: where it stands, what it found, and how it goes on."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._rules import NOT_IN_TESTS, Rule
from vibecore.services.reviewers.python._source import Source


class Finding(NamedTuple):
    """A broken rule, at Python's own line and byte offset; `last` is the last line a silencing comment may be on."""

    rule: Rule
    line: int
    offset: int
    last: int
    message: str


@dataclass(slots=True)
class Scope:
    """A module, class or function being walked."""

    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    parent: Scope | None = None
    loaded: set[str] = field(default_factory=set)
    """Names that are read here or in a scope within."""
    assigned: dict[str, ast.AST] = field(default_factory=dict)
    """Local names with their first assignment, where a name alone is assigned to."""
    declared: set[str] = field(default_factory=set)
    """Names declared global or nonlocal."""
    texts: dict[str, int] = field(default_factory=dict)
    """Names assigned a string, with the number of loops around."""
    parameters: frozenset[str] = frozenset()
    complexity: int = 1
    deepest: int = 0
    depth: int = 0
    loops: int = 0
    dynamic: bool = False
    """Whether names are read in ways that cannot be seen."""
    jumps: tuple[type[ast.stmt], ...] = ()
    """Statements that would leave the `finally` block around."""

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef))

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)


class Imported(NamedTuple):
    """A name that an import binds."""

    name: str
    target: str
    node: ast.AST


Handler = Callable[["Context", Any], None]

_SKIPPED: Final = frozenset(
    {"ctx", "op", "ops", "attr", "id", "arg", "name", "rest", "conversion", "kind", "is_async", "kwd_attrs", "simple"}
)
_TEXT_KEPT: Final = 200
"""Longer strings are prose; shorter ones may name what is used: in `__all__`, in an annotation."""


def _fields() -> dict[type[ast.AST], tuple[str, ...]]:
    """The fields of expressions and their parts that hold nodes."""
    kinds: list[type[ast.AST]] = [ast.comprehension, ast.keyword, ast.arguments, ast.arg, ast.withitem]
    for base in (ast.expr, ast.pattern):
        kinds += base.__subclasses__()
    found = {kind: tuple(name for name in kind._fields if name not in _SKIPPED) for kind in kinds}
    found[ast.Constant] = found[ast.Name] = found[ast.MatchSingleton] = ()
    # A format specification is an f-string of its own, and holds no more than it has to.
    found[ast.FormattedValue] = ("value",)
    return found


_FIELDS: Final = _fields()
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing"})


class Context:
    """The state of the pass. Handlers of statements and checks of expressions are given by type of node."""

    def __init__(
        self,
        path: str,
        source: Source,
        tree: ast.Module,
        statements: Mapping[type[ast.stmt], Handler],
        checks: Mapping[type[ast.AST], Handler],
    ) -> None:
        *folders, name = path.split("/")
        self.name = name
        self.is_test = (
            not _TEST_FOLDERS.isdisjoint(folders)
            or name.startswith("test_")
            or name.endswith("_test.py")
            or name == "conftest.py"
        )
        self.source = source
        self.scope = Scope(tree)
        self.findings: list[Finding] = []
        self.imports: list[Imported] = []
        self.aliases: dict[str, str] = {}
        self.strings: list[str] = []
        self.functions: list[Scope] = []
        self.documented = self.undocumented = self.annotated = 0
        self.guarded = 0
        """The number of `try` statements around that expect an import to fail."""
        self._statements = statements
        self._checks = checks

    def report(self, rule: Rule, node: Any, message: str, *, first_line: bool = False) -> None:
        """Note that `rule` is broken at `node`; a comment silences it on any of its lines, or on the first alone."""
        if self.is_test and rule in NOT_IN_TESTS:
            return
        last = node.lineno if first_line else (node.end_lineno or node.lineno)
        self.findings.append(Finding(rule, node.lineno, node.col_offset, last, message))

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Walk the statements of one block."""
        statements = self._statements
        for statement in body:
            handler = statements.get(statement.__class__)
            if handler is not None:
                handler(self, statement)
            if statement.__class__ in _LEAVING and statement is not body[-1]:
                self._unreachable(body[body.index(statement) + 1])

    def _unreachable(self, statement: ast.stmt) -> None:
        # A yield that is never reached makes the function a generator.
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Yield, ast.YieldFrom))):
            self.report(rules.UNREACHABLE, statement, "no way leads here", first_line=True)

    def nested(self, *blocks: Sequence[ast.stmt], loop: bool = False) -> None:
        """Walk blocks that lie one level deeper, inside a loop or not."""
        scope = self.scope
        scope.depth += 1
        scope.loops += loop
        scope.deepest = max(scope.deepest, scope.depth)
        for block in blocks:
            self.block(block)
        scope.depth -= 1
        scope.loops -= loop

    def within(self, scope: Scope, body: Sequence[ast.stmt]) -> None:
        """Walk the body of a class or function."""
        outer, self.scope = self.scope, scope
        self.block(body)
        self.check_definitions(body)
        self.scope = outer
        outer.loaded |= scope.loaded

    def check_definitions(self, body: Sequence[ast.stmt]) -> None:
        """Functions and classes of one body that have the same name, where nothing uses the first of them."""
        seen: dict[str, int] = {}
        for place, statement in enumerate(body):
            if not isinstance(statement, _DEFINITIONS) or statement.decorator_list:
                continue
            name = statement.name
            first = seen.get(name)
            seen[name] = place
            if first is None or name == "_" or any(_mentions(node, name) for node in body[first + 1 : place]):
                continue
            message = f"{name} of line {body[first].lineno} is replaced without having been used"
            self.report(rules.DUPLICATE_DEFINITION, statement, message, first_line=True)

    def expressions(self, roots: Iterable[ast.AST | None]) -> None:
        """Check expressions and everything in them, and note the names they read."""
        loaded, checks, strings = self.scope.loaded, self._checks, self.strings
        waiting: list[Any] = list(roots)
        while waiting:
            node = waiting.pop()
            if node is None:
                continue
            kind = node.__class__
            if kind is ast.Name:
                if node.ctx.__class__ is not ast.Store:
                    loaded.add(node.id)
                continue
            if kind is ast.Constant:
                value = node.value
                if value.__class__ is str and len(value) <= _TEXT_KEPT:
                    strings.append(value)
                continue
            check = checks.get(kind)
            if check is not None:
                check(self, node)
            for name in _FIELDS.get(kind, ()):
                child = getattr(node, name)
                if child.__class__ is list:
                    waiting += child
                else:
                    waiting.append(child)

    def dotted(self, node: ast.AST) -> str | None:
        """`a.b.c` for such an expression, with what was imported under another name by its own; else None."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        parts.append(self.aliases.get(node.id, node.id))
        return ".".join(reversed(parts))

    def words(self) -> set[str]:
        """The names that stand in short strings."""
        return set(_WORD.findall("\n".join(self.strings)))


_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LEAVING: Final = frozenset({ast.Return, ast.Raise, ast.Break, ast.Continue})


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


_WORD: Final = re.compile(r"[^\W\d]\w*")
