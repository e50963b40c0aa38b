"""A project from the command line: bringing a tree into it, and telling how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from vibecore.cli import accounts
from vibecore.cli.options import AsJson, Email, Exclude, Schema, Url
from vibecore.domain.errors import InvalidValue, NotFound

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.projects import Project
    from vibecore.domain.quality import QualityReport


def import_tree(
    path: Annotated[str, typer.Argument(metavar="PATH", help="The folder, zip or tar to import.")],
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="PROJECT", help="Into this project: an id or a name.", show_default=False),
    ] = None,
    new: Annotated[
        str | None,
        typer.Option("--new", metavar="NAME", help="Into a new project of the user --email.", show_default=False),
    ] = None,
    email: Email = None,
    exclude: Exclude = None,
    gitignore: Annotated[
        bool, typer.Option("--gitignore/--no-gitignore", help="Leave out what the tree's .gitignore files name.")
    ] = True,
    delete_missing: Annotated[
        bool, typer.Option("--delete-missing", help="Remove what the project holds and the tree does not.")
    ] = False,
    refuse_case_collisions: Annotated[
        bool,
        typer.Option("--refuse-case-collisions", help="Leave out what differs by case only from another path."),
    ] = False,
    review: Annotated[bool, typer.Option("--review", help="Review what changed, too.")] = False,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Bring a folder or an archive into a project, all or nothing; what is equal is not written."""
    from vibecore.cli import documents, output, targets, work
    from vibecore.cli.folders import checked_source
    from vibecore.cli.progress import Steps

    if (project is None) == (new is None):
        raise InvalidValue("project", "give either --project or --new")
    if project is None and email is None:
        raise InvalidValue("email", "a new project needs an owner: give --email")
    source = checked_source(path)
    target = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    steps = Steps(output.err())
    with (
        targets.opened(target, schema) as vibe,
        accounts.acting(vibe, email, password, "import") as actor,
    ):
        into = (
            find_project(vibe, actor, project) if project is not None else vibe.projects.create(actor, name=new or "")
        )
        imported = work.import_tree(
            vibe,
            actor,
            into.id,
            source,
            steps,
            gitignore=gitignore,
            exclude=tuple(exclude or ()),
            delete_missing=delete_missing,
            refuse_case_collisions=refuse_case_collisions,
        )
        python = imported.languages.get("Python", 0)
        reviewed = work.review(vibe, actor, into.id, steps, files=python) if review else None
    if as_json:
        output.emit(
            {
                "project": {"id": into.id, "name": into.name},
                "import": documents.of_import(imported),
                "review": None if reviewed is None else documents.of_review(reviewed),
            }
        )
        return
    console = output.out()
    console.print(
        f"{imported.created:,} files created, {imported.updated:,} updated, {imported.unchanged:,} unchanged, "
        f"{imported.deleted:,} deleted; {imported.folders:,} folders created"
    )
    for reason, count in documents.reasons(imported).items():
        console.print(f"{count:,} skipped: {reason}")
    console.print(f"project {into.id}")


def report(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="An id or a name.")],
    email: Email = None,
    last: Annotated[
        bool, typer.Option("--last", help="Show the last assessment instead of making one; nothing is written.")
    ] = False,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Assess a project's quality and explain it: the score goes into the project's history."""
    from vibecore.cli import documents, figures, output, targets, views

    target = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    with targets.opened(target, schema) as vibe, accounts.acting(vibe, email, password, "report") as actor:
        chosen = find_project(vibe, actor, project)
        quality = last_assessment(vibe, actor, chosen) if last else vibe.quality.assess(actor, chosen.id)
        found = figures.gather(vibe, actor, chosen.id)
    if as_json:
        output.emit({**documents.of_figures(found), "quality": documents.of_quality(quality)})
        return
    console = output.out()
    views.show_project(console, found)
    views.show_worst(console, found)
    views.show_history(console, found)
    views.show_quality(console, quality)


def find_project(vibe: Vibe, actor: Actor, given: str) -> Project:
    """The project with this id, or the only one with this name that `actor` may know of.

    Raises NotFound; InvalidValue where several have the name.
    """
    from vibecore.domain.actors import ActorKind
    from vibecore.domain.filters import field

    try:
        return vibe.projects.get(actor, UUID(given))
    except ValueError:
        pass
    everything = actor.kind is ActorKind.SYSTEM
    named = vibe.projects.page(
        actor, everything=everything, where=field("name").eq(given), order_by="created_at", limit=5
    ).items
    match named:
        case ():
            raise NotFound("project", given)
        case (only,):
            return only
        case _:
            listed = ", ".join(str(one.id) for one in named)
            raise InvalidValue("project", f"several have this name, give an id: {listed}")


def last_assessment(vibe: Vibe, actor: Actor, project: Project) -> QualityReport:
    """The newest assessment in the history, explained again from its inputs.

    Raises NotFound where there is none; InvalidValue where it was made by another model.
    """
    from vibecore.domain import quality
    from vibecore.domain.quality import QualityInputs

    found = next(iter(vibe.quality.history(actor, project.id, limit=1).items), None)
    if found is None:
        raise NotFound("assessment", project.id)
    explained = quality.assess(QualityInputs.from_row(found.inputs))
    if found.model != explained.model:
        raise InvalidValue("last", f"the last assessment was made by {found.model}: make a new one")
    return explained
