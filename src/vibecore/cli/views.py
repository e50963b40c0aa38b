"""Figures as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vibecore.cli.exits import printable

if TYPE_CHECKING:
    from vibecore.cli.figures import Figures
    from vibecore.domain.api_keys import KeyInfo
    from vibecore.domain.quality import QualityReport
    from vibecore.services.reviewing import ReviewReport

LANGUAGES: Final = 12
"""Rows of the table of languages; the others are added up in one more."""


def show_project(console: Console, figures: Figures) -> None:
    """Name, size and languages."""
    files = figures.files
    console.print()
    head = Text(printable(figures.project.name), style="bold")
    head.append(f": {files.files:,} files, {files.lines:,} lines, {mebibytes(files.size_bytes)}", style="not bold")
    console.print(head)
    table = _table("Files by language", "language", ">files", ">lines", ">size")
    for language in files.by_language[:LANGUAGES]:
        name = "(not known)" if language.language is None else language.language
        table.add_row(*_cells(name, f"{language.files:,}", f"{language.lines:,}", mebibytes(language.size_bytes)))
    rest = files.by_language[LANGUAGES:]
    if rest:
        table.add_row(
            *_cells(
                f"({len(rest)} more)",
                f"{sum(language.files for language in rest):,}",
                f"{sum(language.lines for language in rest):,}",
                mebibytes(sum(language.size_bytes for language in rest)),
            )
        )
    console.print(table)


def show_worst(console: Console, figures: Figures) -> None:
    """The reviewed files with the lowest scores."""
    if not figures.reviewed_files:
        console.print("No file has been reviewed.")
        return
    counted = issues_in_words(figures.issues)
    console.print(f"{figures.reviewed_files:,} files with {figures.reviewed_lines:,} lines are reviewed: {counted}")
    if not figures.worst:
        return
    table = _table("Worst files", "file", ">score", ">lines", ">crit.", ">err.", ">warn.", ">info", "the worst finding")
    for file in figures.worst:
        counts = [f"{count:,}" if count else "" for count in file.issues.values()]
        table.add_row(*_cells(file.path, str(file.score), f"{file.lines:,}", *counts, f"{file.line}: {file.worst}"))
    console.print(table)


def show_quality(console: Console, report: QualityReport) -> None:
    """The score, how sure it is, what each component gives, and what would raise it most."""
    if report.score is None:
        head = f"No score: nothing is measured yet. It can lie between {report.lower} and {report.upper}."
    else:
        sure = "provisional, " if report.provisional else ""
        head = f"Quality {report.score} of 100 ({sure}between {report.lower} and {report.upper}, "
        head += f"confidence {report.confidence} %)"
    console.print(Text(head, style="bold"))
    if report.capped:
        console.print("An open critical security issue holds the score below 50.")
    table = _table("Components", "component", ">weight", ">value", ">gives", ">could gain", "missing")
    for component in report.components:
        value = "" if component.value is None else _points(component.value)
        gives, gain = _points(component.contribution), _points(component.gain)
        table.add_row(*_cells(component.name, f"{component.weight} %", value, gives, gain, component.missing or ""))
    console.print(table)
    if report.advice:
        table = _table("What would raise the score most", "do this", ">score", ">lower bound")
        for advice in report.advice:
            table.add_row(*_cells(advice.action, f"+{_points(advice.gain)}", f"+{_points(advice.lower_gain)}"))
        console.print(table)


def show_history(console: Console, figures: Figures) -> None:
    """Deployments and recent activity, newest first."""
    if figures.deployments:
        versions = {deployment.id: deployment.version or "" for deployment in figures.deployments}
        table = _table("Deployments", "environment", "version", "status", "")
        for deployment in figures.deployments:
            undone = deployment.rollback_of
            note = "" if undone is None else f"rolls back {versions.get(undone) or 'an earlier one'}"
            status = deployment.status.value.replace("_", " ")
            table.add_row(*_cells(deployment.environment, deployment.version or "", status, note))
        console.print(table)
    table = _table("Recent activity", "at (UTC)", "who", "what")
    for event in figures.activity:
        table.add_row(*_cells(f"{event.created_at:%H:%M:%S}", event.user_name or "(system)", event.action))
    console.print(table)


def show_keys(console: Console, keys: Sequence[KeyInfo]) -> None:
    """API keys without their secrets; moments in UTC."""
    table = _table("API keys", ">prefix", "name", "permissions", "ends", "last used", ">id")
    for key in keys:
        ends = "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}"
        used = "never" if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}"
        granted = ", ".join(map(str, key.permissions))
        table.add_row(*_cells(key.key_prefix, key.name, granted, ends, used, str(key.id)))
    console.print(table)


def show_seconds(console: Console, seconds: Mapping[str, float]) -> None:
    """How long each step took."""
    table = _table("How long it took", "step", ">seconds")
    for name, took in seconds.items():
        table.add_row(*_cells(name, f"{took:.2f}"))
    table.add_row(*_cells("in all", f"{sum(seconds.values()):.2f}"), style="bold")
    console.print(table)


def issues_in_words(issues: Mapping[str, int]) -> str:
    """Such as "1 error, 12 warnings"."""
    plural = {"critical": "critical", "error": "errors", "warning": "warnings", "info": "notes"}
    single = plural | {"error": "error", "warning": "warning", "info": "note"}
    said = [f"{count:,} {(single if count == 1 else plural)[name]}" for name, count in issues.items() if count]
    return ", ".join(said) or "no issues"


def not_reviewed(report: ReviewReport) -> str:
    """The files that a reviewer could not judge, as a remark; empty where there are none."""
    count = len({one.path for one in report.not_reviewed})
    return f"; {count:,} could not be judged" if count else ""


def mebibytes(size: int) -> str:
    return f"{size / 2**20:,.2f} MiB"


def _points(centi: int) -> str:
    return f"{centi / 100:.2f}"


def _table(title: str, *columns: str) -> Table:
    """A column whose name begins with ">" is aligned to the right and never shortened."""
    table = Table(title=title, title_justify="left", title_style="bold cyan", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        if column.startswith(">"):
            table.add_column(column[1:], justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    return table


def _cells(*values: str) -> list[Text]:
    return [Text(printable(value)) for value in values]
