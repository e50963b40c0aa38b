"""Projects as they are managed: found, made, changed, archived and handed on, and who takes part in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar
from uuid import UUID

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.cli.projects import find_project
from vibecore.cli.users import Who, find_user, operating
from vibecore.domain.errors import InvalidValue
from vibecore.domain.projects import ProjectStatus, Visibility

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.members import ProjectMember
    from vibecore.domain.paging import Page
    from vibecore.domain.projects import Project

T = TypeVar("T")

AT_ONCE: Final = 1000
"""Projects, or members, of a listing that are read together."""
FIELDS: Final = (
    "id", "name", "description", "owner_id", "visibility", "status", "tech_stack", "repository_url", "deployed_url",
    "current_version", "quality_score", "file_count", "total_lines", "archived_from", "created_at", "updated_at",
)  # fmt: skip
"""Of a project, in its JSON document."""

Which: TypeAlias = Annotated[str, typer.Argument(metavar="PROJECT", help="An id or a name.")]
Description: TypeAlias = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What it is for.", show_default=False)
]
Repository: TypeAlias = Annotated[
    str | None, typer.Option("--repository", metavar="URL", help="Where its source is kept.", show_default=False)
]

app: Final = typer.Typer()


@app.callback(invoke_without_command=True)
def projects(context: typer.Context) -> None:
    """List, make, change, archive, restore and hand on projects, and list their members."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_projects(
    search: Annotated[
        str | None,
        typer.Option("--search", metavar="WORDS", help="Only with these words in name or description."),
    ] = None,
    status: Annotated[
        ProjectStatus | None, typer.Option("--status", help="Only in this status.", show_default=False)
    ] = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """List the projects by name: all of them, or with --email those that this user may read."""
    from vibecore.cli import output

    with operating("projects list", email, url, schema) as (vibe, actor):
        found = list(_readable(vibe, actor, search, status))
    if as_json:
        output.emit({"projects": [document(project) for project in found]})
        return
    for project in found:
        output.out().print(exits.printable(_in_words(project)), soft_wrap=True)


@app.command("show")
def show(project: Which, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Show a project with all its fields."""
    from vibecore.cli import output

    with operating("projects show", email, url, schema) as (vibe, actor):
        found = find_project(vibe, actor, project)
    if as_json:
        output.emit(document(found))
        return
    for name, value in document(found).items():
        output.out().print(exits.printable(f"{name}: {'' if value is None else value}"), soft_wrap=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    email: Email = None,
    description: Description = None,
    visibility: Annotated[Visibility, typer.Option("--visibility", help="Who may read it.")] = Visibility.PRIVATE,
    repository: Repository = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Make a project that the user --email owns."""
    if email is None:
        raise InvalidValue("email", "a new project needs an owner: give --email")
    with operating("projects create", email, url, schema) as (vibe, actor):
        made = vibe.projects.create(
            actor, name=name, description=description, visibility=visibility, repository_url=repository
        )
    tell(made, "is made", as_json=as_json)


@app.command("update")
def update(
    project: Which,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="A new name.", show_default=False)] = None,
    description: Description = None,
    visibility: Annotated[
        Visibility | None, typer.Option("--visibility", help="Who may read it.", show_default=False)
    ] = None,
    repository: Repository = None,
    status: Annotated[
        ProjectStatus | None, typer.Option("--status", help="The next status.", show_default=False)
    ] = None,
    derive: Annotated[
        bool, typer.Option("--derive-stack", help="Take the technologies from the project's files.")
    ] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a project, all or nothing. An empty --description or --repository takes it away."""
    given: dict[str, object] = {"name": name, "visibility": visibility}
    changed = {field: value for field, value in given.items() if value is not None}
    emptied = {"description": description, "repository_url": repository}
    changed |= {field: value or None for field, value in emptied.items() if value is not None}
    if not (changed or status or derive):
        raise InvalidValue("project", "nothing to change is given")

    with operating("projects update", email, url, schema) as (vibe, actor):
        key = find_project(vibe, actor, project).id
        with vibe.transaction() as tx:
            if changed:
                tx.projects.update(actor, key, **changed)  # type: ignore[arg-type]  # the fields that are given
            if derive:
                tx.projects.derive_tech_stack(actor, key, apply=True)
            if status is not None:
                tx.projects.set_status(actor, key, status=status)
            stored = tx.projects.get(actor, key)
    tell(stored, "is changed", as_json=as_json)


@app.command("archive")
def archive(
    project: Which, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False
) -> None:
    """Archive a project in which nothing is in flight: it can be read, and not be changed until it is restored."""
    with operating("projects archive", email, url, schema) as (vibe, actor):
        stored = vibe.projects.archive(actor, find_project(vibe, actor, project).id)
    tell(stored, "is archived", as_json=as_json)


@app.command("restore")
def restore(
    project: Which, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False
) -> None:
    """Bring an archived project back to the status it had."""
    with operating("projects restore", email, url, schema) as (vibe, actor):
        stored = vibe.projects.restore(actor, find_project(vibe, actor, project).id)
    tell(stored, f"is {stored.status.value}", as_json=as_json)


@app.command("transfer")
def transfer(
    project: Which,
    user: Who,
    leave: Annotated[bool, typer.Option("--leave", help="Who owned it has no part in it any more.")] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Give a project to another user. Who owned it stays as a member with the role admin, unless --leave."""
    with operating("projects transfer", email, url, schema) as (vibe, actor):
        key = find_project(vibe, actor, project).id
        stored = vibe.projects.transfer(actor, key, _user_id(vibe, actor, user), leave=leave)
    tell(stored, f"is owned by {stored.owner_id}", as_json=as_json)


@app.command("members")
def members(
    project: Which, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False
) -> None:
    """List a project's owner and members by id, with their roles."""
    from vibecore.cli import output

    with operating("projects members", email, url, schema) as (vibe, actor):
        found = find_project(vibe, actor, project)
        everybody = list(
            _all(
                lambda cursor: vibe.projects.members(
                    actor, found.id, limit=AT_ONCE, order_by="joined_at", cursor=cursor
                )
            )
        )
    if as_json:
        output.emit({"owner_id": found.owner_id, "members": [_membership(member) for member in everybody]})
        return
    output.out().print(f"{found.owner_id}  owner", soft_wrap=True)
    for member in everybody:
        output.out().print(f"{member.user_id}  {member.role.value}, since {member.joined_at:%Y-%m-%d}", soft_wrap=True)


def tell(project: Project, what: str, *, as_json: bool) -> None:
    """One line about a project, or the project as JSON."""
    from vibecore.cli import output

    if as_json:
        output.emit(document(project))
    else:
        output.out().print(exits.printable(f"{project.name} {what} ({project.id})"), soft_wrap=True)


def document(project: Project) -> dict[str, object]:
    """A project for JSON."""
    return {name: getattr(project, name) for name in FIELDS}


def _membership(member: ProjectMember) -> dict[str, object]:
    return {"user_id": member.user_id, "role": member.role, "joined_at": member.joined_at}


def _readable(vibe: Vibe, actor: Actor, search: str | None, status: ProjectStatus | None) -> Iterator[Project]:
    from vibecore.domain.actors import ActorKind
    from vibecore.domain.filters import field

    everything = actor.kind is ActorKind.SYSTEM
    where = None if status is None else field("status").eq(status)

    def listed(cursor: str | None) -> Page[Project]:
        if search is None:
            return vibe.projects.page(
                actor, everything=everything, where=where, order_by="name", limit=AT_ONCE, cursor=cursor
            )
        return vibe.projects.search(actor, search, everything=everything, where=where, limit=AT_ONCE, cursor=cursor)

    return _all(listed)


def _all(listed: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Every item of a listing, read page by page."""
    cursor = None
    while True:
        page = listed(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _user_id(vibe: Vibe, actor: Actor, given: str) -> UUID:
    """The id itself: whether there is such a user is for the call to say, which not only administrators make."""
    try:
        return UUID(given)
    except ValueError:
        return find_user(vibe, actor, given).id


def _in_words(project: Project) -> str:
    facts = [project.status.value, project.visibility.value, f"{project.file_count:,} files", str(project.id)]
    return f"{project.name}  {', '.join(facts)}"
