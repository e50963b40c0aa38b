"""The built-in reviewer of Python: the standard library's parser and one pass over the tree."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from threading import Lock
from typing import Final

from vibecore.domain.issues import Issue, IssueSeverity, fingerprint
from vibecore.domain.text import count_lines
from vibecore.services.reviewers.protocol import FileReview, NotReviewed
from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._context import Context, Finding
from vibecore.services.reviewers.python._expressions import CHECKS
from vibecore.services.reviewers.python._names import check_imports
from vibecore.services.reviewers.python._source import Source
from vibecore.services.reviewers.python._statements import STATEMENTS

TOOL: Final = "vibecore-python"
LARGEST: Final = 4_000_000
"""Characters of a module. A tree takes some hundred times its text in memory."""
MOST_OF_A_RULE: Final = 200
"""Issues of one rule in one file: a generated module may have a hundred thousand of the same."""
LONGEST_FILE: Final = 1_000
_SIMPLE: Final = 10
_ENOUGH: Final = 3
"""Functions, or documented objects, from which on doing it everywhere is worth a word."""
_MESSAGE: Final = 500
"""Characters of a message: a name may be as long as a module."""

_FILE: Final = "<reviewed module>"
# CPython counts the depth of a tree under construction once for all threads (3.11 and 3.12 at least), and the garbage
# collector may let another thread run meanwhile: the counts mix, and either tree fails as too deep or with SystemError.
_PARSING: Final = Lock()
_QUIET: Final = ("ignore", None, Warning, re.compile(re.escape(_FILE)), 0)


class PythonReviewer:
    """Reads Python as the running interpreter does, and reports what is likely to be wrong, little else.

    The tree and nothing else is judged: nothing is imported or run. Rules have the ids in `_rules.RULES`. Comments
    silence them as other tools' comments do: `# noqa`, `# noqa: F401`, `# nosec`, `# nosec B602`,
    `# pylint: disable=W0622`, and `# ruff: noqa` for the file. What is silenced is reported as suppressed.
    """

    name = "python"
    languages = frozenset({"Python"})

    def review(self, path: str, content: str) -> FileReview:
        """Every finding in `content`.

        Raises NotReviewed: not Python that this interpreter parses (the reason says where), nested deeper than it
        can follow, or over `LARGEST` characters.

        The interpreter's parser wants a thread's stack of 1 MiB: with less, hostile nesting can end the process.
        """
        if len(content) > LARGEST:
            raise NotReviewed(f"has {len(content)} characters, at most {LARGEST} are reviewed")
        source = Source(content)
        try:
            context = Context(path, source, _parsed(source.text), STATEMENTS, CHECKS)
            _walk(context)
        except RecursionError:
            raise NotReviewed("is nested too deeply") from None
        issues = _issues(path, source, _bounded(context.findings))
        lines = count_lines(content)
        return FileReview(
            issues=issues,
            highlights=_highlights(context, issues),
            summary=_summary(context, issues, lines),
            lines=lines,
        )


def _parsed(text: str) -> ast.Module:
    # Parsing warns of odd escapes and comparisons. The filter stays: taking it away again would race with others
    # who change the filters meanwhile, and it matches no module but this one.
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=re.escape(_FILE))
    try:
        with _PARSING:
            return ast.parse(text, _FILE)
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise NotReviewed(f"cannot be parsed: {error.msg}{where}") from None
    except UnicodeEncodeError:
        raise NotReviewed("cannot be parsed: holds a lone surrogate") from None
    except (ValueError, OverflowError) as error:
        raise NotReviewed(f"cannot be parsed: {error}") from None
    except SystemError:
        # Another thread parses by itself.
        raise NotReviewed("the interpreter's parser was disturbed; try again") from None
    except MemoryError:
        # The parser's stack is full.
        raise NotReviewed("is nested too deeply") from None


def _walk(context: Context) -> None:
    body = context.scope.node.body
    context.block(body)
    context.check_definitions(body)
    check_imports(context)
    lines = count_lines(context.source.text)
    if lines > LONGEST_FILE and body:
        context.report(
            rules.LONG_FILE, body[0], f"the file has {lines} lines, more than {LONGEST_FILE}", first_line=True
        )


def _bounded(findings: Iterable[Finding]) -> list[Finding]:
    """The findings from the top, at most `MOST_OF_A_RULE` of each rule; the last one tells how many more there are."""
    counts: Counter[str] = Counter()
    kept: list[Finding] = []
    last: dict[str, int] = {}
    for finding in sorted(findings, key=lambda it: (it.line, it.offset, it.rule.id)):
        rule = finding.rule.id
        counts[rule] += 1
        if counts[rule] <= MOST_OF_A_RULE:
            last[rule] = len(kept)
            kept.append(finding)
    for rule, place in last.items():
        if more := max(counts[rule] - MOST_OF_A_RULE, 0):
            kept[place] = kept[place]._replace(message=f"{kept[place].message} (and {more} more in this file)")
    return kept


def _issues(path: str, source: Source, findings: Iterable[Finding]) -> tuple[Issue, ...]:
    seen: Counter[tuple[str, str]] = Counter()
    issues = []
    for rule, line, offset, last, message in findings:
        text = " ".join(source.line(line).split())
        row, column = source.position(line, offset)
        issues.append(
            Issue(
                line=row,
                column=column,
                severity=rule.severity,
                category=rule.category,
                message=message if len(message) <= _MESSAGE else f"{message[: _MESSAGE - 3]}...",
                suggestion=rule.suggestion,
                rule_id=rule.id,
                fingerprint=fingerprint(f"{TOOL}/{rule.id}", path, text, seen[rule.id, text]),
                tool=TOOL,
                effort_minutes=rule.severity.minutes,
                suppressed=source.silenced(rule, line, last),
            )
        )
        seen[rule.id, text] += 1
    return tuple(issues)


def _highlights(context: Context, issues: tuple[Issue, ...]) -> tuple[str, ...]:
    functions = len(context.functions)
    found = []
    if context.documented >= _ENOUGH and not context.undocumented:
        found.append("Everything public has a docstring.")
    if functions >= _ENOUGH and context.annotated == functions:
        found.append("Every function is fully annotated.")
    if functions >= _ENOUGH and all(scope.complexity <= _SIMPLE for scope in context.functions):
        found.append("Every function is simple.")
    if functions and not any(issue.severity is not IssueSeverity.INFO and not issue.suppressed for issue in issues):
        found.append("Nothing worse than a remark was found.")
    return tuple(found)


def _summary(context: Context, issues: tuple[Issue, ...], lines: int) -> str:
    counts = Counter(issue.severity for issue in issues if not issue.suppressed)
    parts = [f"{counts[severity]} {severity.value}" for severity in IssueSeverity if counts[severity]]
    parts = parts or ["no issues"]
    if suppressed := sum(issue.suppressed for issue in issues):
        parts.append(f"{suppressed} suppressed")
    text = f"{', '.join(parts)} in {lines} lines"
    if context.functions:
        worst = max(context.functions, key=lambda scope: scope.complexity)
        name = getattr(worst.node, "name", "")[:100]
        text += f" and {len(context.functions)} functions, the most complex {name} with {worst.complexity}"
    return f"{text}."
