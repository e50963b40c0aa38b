"""A project's files on the command line: listing, showing, moving, copying, deleting and searching them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar
from uuid import UUID

import typer

from vibecore.cli import accounts, exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.paging import Page

T = TypeVar("T")
PAGE: Final = 1000
"""Entries that are asked for at once."""
SEARCHED: Final = 100
"""Files of a search that are asked for at once: their contents are read."""

Project: TypeAlias = Annotated[str, typer.Argument(metavar="PROJECT", help="An id or a name.")]
Path: TypeAlias = Annotated[str, typer.Argument(metavar="PATH", help="A path in the project.")]
Folder: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="FOLDER", help="A folder of the project. Default: all of it.")
]
Source: TypeAlias = Annotated[str, typer.Argument(metavar="SOURCE", help="A path in the project.")]
Target: TypeAlias = Annotated[str, typer.Argument(metavar="TARGET", help="Its new path, where nothing stands.")]
CaseCollisions: TypeAlias = Annotated[
    bool,
    typer.Option("--refuse-case-collisions", help="Refuse a path that differs only by case from one in use."),
]

app: Final = typer.Typer()


@app.callback(invoke_without_command=True)
def files(context: typer.Context) -> None:
    """List, show, move, copy, delete and search a project's files."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_files(
    project: Project,
    folder: Folder = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """List what a folder holds, or what stands at the top: size, lines, language and name; folders end in a slash."""
    from vibecore.cli import documents, output
    from vibecore.domain.files import FileType

    with _opened(project, email, "files list", url, schema) as (vibe, actor, id):
        found = list(_every(lambda cursor: vibe.files.children(actor, id, folder, limit=PAGE, cursor=cursor)))
    if as_json:
        output.emit({"files": [documents.of_entry(entry) for entry in found]})
        return
    console = output.out()
    for entry in found:
        name = exits.printable(entry.name) + ("/" if entry.type is FileType.FOLDER else "")
        language = entry.language or ""
        console.print(f"{entry.size_bytes:>12,} {entry.line_count:>9,}  {language:<16}  {name}", soft_wrap=True)


@app.command("show")
def show(
    project: Project,
    path: Path,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Print a file as it is stored; on a terminal with control characters escaped."""
    from vibecore.cli import documents, output

    with _opened(project, email, "files show", url, schema) as (vibe, actor, id):
        file = vibe.files.read(actor, id, path)
    if as_json:
        output.emit({**documents.of_entry(file), "metadata": file.metadata, "content": file.content})
        return
    if file.content is None:
        raise InvalidValue("path", "has no text: it is a folder, or kept as digest and size")
    output.write(file.content)


@app.command("tree")
def tree(
    project: Project,
    folder: Folder = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """List every path of a project, or of a folder and all below it; folders end in a slash."""
    from vibecore.cli import output
    from vibecore.domain.files import FileType

    with _opened(project, email, "files tree", url, schema) as (vibe, actor, id):
        found = vibe.files.tree(actor, id, folder)
    if as_json:
        output.emit(
            {
                "files": [
                    {"id": each.id, "path": each.path, "type": each.type, "size_bytes": each.size_bytes}
                    for each in found
                ]
            }
        )
        return
    console = output.out()
    for stamp in found:
        end = "/" if stamp.type is FileType.FOLDER else ""
        console.print(f"{exits.printable(stamp.path)}{end}", soft_wrap=True)


@app.command("move")
def move(
    project: Project,
    source: Source,
    target: Target,
    refuse_case_collisions: CaseCollisions = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Move a file, or a folder with all below it; reviews and test results follow."""
    from vibecore.cli import documents, output

    with _opened(project, email, "files move", url, schema) as (vibe, actor, id):
        moved = vibe.files.move(actor, id, source, target, refuse_case_collisions=refuse_case_collisions)
    if as_json:
        output.emit(documents.of_entry(moved))
    else:
        output.out().print(f"moved to {exits.printable(moved.path)}", soft_wrap=True)


@app.command("copy")
def copy(
    project: Project,
    source: Source,
    target: Target,
    refuse_case_collisions: CaseCollisions = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Copy a file, or a folder with all below it, without reviews and test results."""
    from vibecore.cli import documents, output

    with _opened(project, email, "files copy", url, schema) as (vibe, actor, id):
        made = vibe.files.copy(actor, id, source, target, refuse_case_collisions=refuse_case_collisions)
    if as_json:
        output.emit(documents.of_entry(made))
    else:
        output.out().print(f"copied to {exits.printable(made.path)}", soft_wrap=True)


@app.command("delete")
def delete(
    project: Project,
    path: Path,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Delete a file, or a folder with all below it, with their reviews and test results."""
    from vibecore.cli import output

    with _opened(project, email, "files delete", url, schema) as (vibe, actor, id):
        deleted = vibe.files.delete(actor, id, path)
    if as_json:
        output.emit({"deleted": deleted})
    else:
        output.out().print(f"{deleted:,} entries deleted")


@app.command("search")
def search(
    project: Project,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, as it stands.")],
    folder: Annotated[
        str | None, typer.Option("--folder", metavar="FOLDER", help="Only below this folder.", show_default=False)
    ] = None,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="Take upper and lower case for one.")] = False,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Search in names.")] = True,
    contents: Annotated[bool, typer.Option("--contents/--no-contents", help="Search in contents.")] = True,
    most: Annotated[int, typer.Option("--limit", metavar="FILES", min=1, help="End after so many files.")] = 1000,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Search in names and contents: PATH:LINE:TEXT for each line, PATH alone for a name. Exit code 1 if nothing is
    found."""
    from itertools import islice

    from vibecore.cli import documents, output

    with _opened(project, email, "files search", url, schema) as (vibe, actor, id):
        pages = _every(
            lambda cursor: vibe.files.search(
                actor,
                id,
                text,
                names=names,
                contents=contents,
                ignore_case=ignore_case,
                folder=folder,
                limit=min(SEARCHED, most),
                cursor=cursor,
            )
        )
        found = list(islice(pages, most))
    if as_json:
        output.emit({"found": [documents.of_found(each) for each in found]})
    else:
        console = output.out()
        for each in found:
            path = exits.printable(each.path)
            if each.in_name:
                console.print(path, soft_wrap=True)
            for line in each.lines:
                console.print(f"{path}:{line.number}:{exits.printable(line.excerpt)}", soft_wrap=True)
            if each.line_matches > len(each.lines):
                console.print(f"{path}: {each.line_matches - len(each.lines):,} more lines", soft_wrap=True)
    if not found:
        exits.complain("nothing found")
        raise typer.Exit(exits.REFUSED)


@contextmanager
def _opened(
    project: str, email: str | None, command: str, url: str | None, schema: str | None
) -> Iterator[tuple[Vibe, Actor, UUID]]:
    """The installation, who acts, and the project that is meant."""
    from vibecore.cli import targets
    from vibecore.cli.projects import find_project

    database = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    with targets.opened(database, schema) as vibe, accounts.acting(vibe, email, password, command) as actor:
        yield vibe, actor, find_project(vibe, actor, project).id


def _every(page: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """The items of all pages."""
    cursor: str | None = None
    while True:
        found = page(cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return
