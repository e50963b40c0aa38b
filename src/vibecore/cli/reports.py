"""Reports of other tools from the command line: SARIF into a project, and out of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from vibecore.cli import accounts, exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.services.reports.sarif_import import SarifReport

SHOWN: Final = 20
"""Skipped entries that are listed; the JSON document has all."""

sarif = typer.Typer(name="sarif", help="Bring a SARIF report into a project, or write one.", no_args_is_help=True)

ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="An id or a name.")]
ReportArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="The report; - reads standard input.", show_default=False)
]
Root = Annotated[
    str | None,
    typer.Option(
        "--root",
        metavar="PATH",
        help="The project's folder where the tool ran. Default: found from the files in common.",
        show_default=False,
    ),
]


@sarif.command("import")
def import_sarif(
    project: ProjectArgument,
    file: ReportArgument,
    root: Root = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="The tool looked at all it had looked at before: the rest is clean.")
    ] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Record what another tool found: a report in SARIF 2.1.0, all or nothing."""
    from vibecore.cli import documents, output, targets
    from vibecore.cli.projects import find_project

    source = opened(file, email)
    database = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    with targets.opened(database, schema) as vibe, accounts.acting(vibe, email, password, "sarif") as actor:
        chosen = find_project(vibe, actor, project)
        report = vibe.reviews.import_sarif(actor, chosen.id, source, root=root, complete=complete)
    if as_json:
        output.emit({"project": {"id": chosen.id, "name": chosen.name}, "sarif": documents.of_sarif(report)})
    else:
        _show(report)


@sarif.command("export")
def export_sarif(
    project: ProjectArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; - writes standard output.")] = "-",
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Only this reviewer's.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it is there.")] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Write the newest review of every file by every reviewer as SARIF 2.1.0."""
    from vibecore.cli import output, targets
    from vibecore.cli.projects import find_project

    target = None if file == "-" else Path(file)
    if target is not None and target.exists() and not overwrite:
        raise InvalidValue("file", "is there already; --overwrite replaces it")
    database = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    with targets.opened(database, schema) as vibe, accounts.acting(vibe, email, password, "sarif") as actor:
        chosen = find_project(vibe, actor, project)
        log = vibe.reviews.export_sarif(actor, chosen.id, reviewer=reviewer)
    if target is None:
        sys.stdout.buffer.write(log)
        sys.stdout.buffer.flush()
    else:
        target.write_bytes(log)
        if as_json:
            output.emit({"project": {"id": chosen.id, "name": chosen.name}, "sarif": {"bytes": len(log)}})
        else:
            output.out().print(f"{len(log):,} bytes written")


def opened(file: str, email: str | None) -> str | BinaryIO:
    """The report's path, or standard input, from which no password can be read beside it."""
    if file != "-":
        return file
    if email is not None:
        raise InvalidValue("file", "cannot be - together with --email: the password is read from there")
    return sys.stdin.buffer


def _show(report: SarifReport) -> None:
    from vibecore.cli import output
    from vibecore.cli.views import issues_in_words

    console = output.out()
    console.print(
        f"{report.reviews:,} reviews by {', '.join(report.tools) or 'no tool'}, {report.clean:,} of them clean: "
        f"{issues_in_words(report.issues)}, {report.suppressed:,} suppressed",
        markup=False,
    )
    told = [f"{one.path}: {one.reason}" for one in report.not_reviewed]
    told += [f"{one.path or '?'}: {one.reason}" for one in report.skipped]
    if told:
        console.print(f"{len(report.not_reviewed):,} files not reviewed, {len(report.skipped):,} results skipped")
    for line in told[:SHOWN]:
        console.print(f"  {exits.printable(line)}", markup=False, highlight=False, soft_wrap=True)
