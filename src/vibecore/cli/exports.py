"""A project's tree from the command line: written back into a folder, or packed into an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from vibecore.cli import accounts, exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.services.export_archive import ArchiveFormat
    from vibecore.services.exports import ExportReport

SUFFIXES: Final = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz"}
"""What a target's name says of its form, where `--form` does not."""
FOLDER: Final = "folder"
SHOWN: Final = 20
"""Withheld and skipped paths that are listed; the JSON document has all."""


def export(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="An id or a name.")],
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="The folder to write into, or the archive to make.", show_default=False),
    ],
    folder: Annotated[
        str | None,
        typer.Option(
            "--folder", metavar="PATH", help="Only what lies in this folder of the project.", show_default=False
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--form",
            metavar="FORM",
            help="folder, zip, tar or tar.gz. Default: what TARGET ends with, else a folder.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that stand in the target with other bytes.")
    ] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Write a project's files into a folder or an archive, byte for byte. Exit code 1 where one could not be placed."""
    from vibecore.cli import documents, output, targets, work
    from vibecore.cli.progress import Steps
    from vibecore.cli.projects import find_project

    archive = chosen_form(target, form)
    database = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    steps = Steps(output.err())
    with targets.opened(database, schema) as vibe, accounts.acting(vibe, email, password, "export") as actor:
        chosen = find_project(vibe, actor, project)
        report = work.export_tree(
            vibe, actor, chosen.id, target, steps, folder=folder, archive=archive, overwrite=overwrite
        )
    if as_json:
        output.emit({"project": {"id": chosen.id, "name": chosen.name}, "export": documents.of_export(report)})
    else:
        _show(report)
    if report.skipped:
        exits.complain(f"{len(report.skipped):,} entries could not be placed, with all below them")
        raise typer.Exit(exits.REFUSED)


def chosen_form(target: str, form: str | None) -> ArchiveFormat | None:
    """The archive to make, or None for a folder. Raises InvalidValue with field "form"."""
    from vibecore.services.export_archive import ArchiveFormat

    if form is None:
        form = next((known for suffix, known in SUFFIXES.items() if target.lower().endswith(suffix)), FOLDER)
    if form == FOLDER:
        return None
    try:
        return ArchiveFormat(form)
    except ValueError:
        choices = ", ".join((FOLDER, *ArchiveFormat))
        raise InvalidValue("form", f"must be one of {choices}") from None


def _show(report: ExportReport) -> None:
    from vibecore.cli import output
    from vibecore.cli.views import mebibytes

    console = output.out()
    console.print(
        f"{report.created:,} files created, {report.replaced:,} replaced, {report.unchanged:,} unchanged "
        f"({mebibytes(report.bytes)}); {report.folders:,} folders created"
    )
    if report.withheld:
        console.print(f"{len(report.withheld):,} withheld: the project knows binary files by size and digest only")
    lines = [f"  {file.path} ({file.size_bytes:,} bytes)" for file in report.withheld[:SHOWN]]
    lines += [f"  {skip.path}: {skip.reason}" for skip in report.skipped[:SHOWN]]
    for line in lines:
        console.print(exits.printable(line), markup=False, highlight=False, soft_wrap=True)
