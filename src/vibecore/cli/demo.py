"""`vibecore demo`: the platform's work, once, on a real source tree."""

from __future__ import annotations

import secrets
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vibecore.cli.options import AsJson, DemoUrl, Schema

if TYPE_CHECKING:
    from uuid import UUID

    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.deployments import Deployment

LEFT_OUT: Final = ("__pycache__/",)
NOT_STANDARD: Final = ("site-packages/", "dist-packages/")
"""What lies in the folder of the standard library without belonging to it."""
GOOD: Final = "1.0.0"
BAD: Final = "1.1.0"


def demo(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help="A folder of source code. Default: the standard library of this Python, without site-packages.",
            show_default=False,
        ),
    ] = None,
    url: DemoUrl = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Import, review, deploy, roll back and score a real source tree, and show what came out.

    Each run makes a new user and a new project and leaves both in the database: look again with `vibecore report`.
    """
    from vibecore.cli import documents, figures, output, targets, views, work
    from vibecore.cli.folders import checked_folder, shown_name
    from vibecore.cli.progress import Steps

    folder = Path(sysconfig.get_path("stdlib")) if path is None else checked_folder(path)
    exclude = LEFT_OUT + NOT_STANDARD if path is None else LEFT_OUT
    target = targets.address(url)
    steps = Steps(output.err())
    with targets.opened_in_steps(target, schema, steps) as vibe:
        with steps.step("register and sign in"):
            actor = _somebody(vibe)
        with steps.step("create a project"):
            project = vibe.projects.create(actor, name=shown_name(folder), description="made by vibecore demo")
        imported = work.import_tree(vibe, actor, project.id, folder, steps, gitignore=True, exclude=exclude)
        reviewed = work.review(vibe, actor, project.id, steps, files=imported.languages.get("Python", 0))
        with steps.step("deploy and roll back"):
            _deploy_and_roll_back(vibe, actor, project.id)
        with steps.step("score"):
            quality = vibe.quality.assess(actor, project.id)
        with steps.step("gather the figures"):
            found = figures.gather(vibe, actor, project.id)
            vibe.auth.logout(actor)
    if as_json:
        output.emit(
            {
                **documents.of_figures(found),
                "quality": documents.of_quality(quality),
                "import": documents.of_import(imported),
                "review": documents.of_review(reviewed),
                "seconds": {name: round(took, 3) for name, took in steps.seconds.items()},
            }
        )
        return
    console = output.out()
    views.show_project(console, found)
    views.show_worst(console, found)
    views.show_history(console, found)
    views.show_quality(console, quality)
    views.show_seconds(console, steps.seconds)
    if not target.startswith("memory://"):
        where = "" if url is None else f" --url {targets.shown(target)}"
        output.err().print(f"Look again with: vibecore report {project.id}{where}", soft_wrap=True)


def _somebody(vibe: Vibe) -> Actor:
    """A new user, signed in. Nobody learns the password: the account cannot be used again."""
    from vibecore.domain.actors import Actor

    email, password = f"demo-{secrets.token_hex(8)}@vibecore.invalid", secrets.token_urlsafe(24)
    vibe.auth.register(Actor.anonymous(), email=email, password=password, name="Demo")
    return vibe.auth.login(email=email, password=password).actor


def _deploy_and_roll_back(vibe: Vibe, actor: Actor, project_id: UUID) -> None:
    """One version that runs, one that fails in production, and the way back."""
    from vibecore.domain.deployments import DeploymentStatus

    def made(version: str) -> Deployment:
        return vibe.deployments.create(actor, project_id, environment="production", version=version)

    def go_live(deployment: Deployment) -> None:
        step = vibe.deployments.transition
        step(actor, project_id, deployment.id, DeploymentStatus.BUILDING, reason="build started")
        step(actor, project_id, deployment.id, DeploymentStatus.RUNNING, reason="health checks passed")

    go_live(made(GOOD))
    bad = made(BAD)
    go_live(bad)
    vibe.deployments.transition(actor, project_id, bad.id, DeploymentStatus.FAILED, reason="error rate too high")
    go_live(vibe.deployments.rollback(actor, project_id, bad.id, reason="back to the version that worked"))
