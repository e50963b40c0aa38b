"""Deployments from the command line: begun, taken from step to step, undone and shown, and their logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias
from uuid import UUID

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.cli.users import operating
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.deployment_logs import LogLine
    from vibecore.services.deployments.reads import AnyDeployment

AT_ONCE: Final = 1000
"""Deployments of a listing that are read together."""
FIELDS: Final = (
    *("id", "project_id", "environment", "status", "version", "reason", "deployment_url", "container_id"),
    *("container_port", "config", "metrics", "retry_of", "rollback_of", "created_at", "started_at", "live_at"),
    "completed_at",
)
"""What a deployment's JSON document has."""

InProject: TypeAlias = Annotated[str, typer.Argument(metavar="PROJECT", help="An id or a name.")]
Which: TypeAlias = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="The id of a deployment.")]
Why: TypeAlias = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the step.")]

app: Final = typer.Typer()


@app.callback(invoke_without_command=True)
def deploy(context: typer.Context) -> None:
    """Begin deployments, take them from step to step, undo and show them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("create")
def create(
    project: InProject,
    environment: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Where, such as production.")],
    version: Annotated[str | None, typer.Option("--version", metavar="TEXT", show_default=False)] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", show_default=False)] = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Begin a deployment: it is pending, the only one in flight in its environment."""
    with operating("deploy create", email, url, schema) as (vibe, actor):
        made = vibe.deployments.create(
            actor, _project(vibe, actor, project), environment=environment, version=version, reason=reason
        )
    _tell(made, as_json=as_json)


@app.command("start")
def start(
    project: InProject,
    deployment: Which,
    reason: Why = "started on the command line",
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Say that a pending deployment is being built."""
    with operating("deploy start", email, url, schema) as (vibe, actor):
        changed = vibe.deployments.transition(
            actor, _project(vibe, actor, project), _id(deployment), DeploymentStatus.BUILDING, reason=reason
        )
    _tell(changed, as_json=as_json)


@app.command("live")
def live(
    project: InProject,
    deployment: Which,
    reason: Why = "went live on the command line",
    address: Annotated[
        str | None, typer.Option("--address", metavar="URL", help="Where it can be reached.", show_default=False)
    ] = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Say that a deployment runs; the one that ran in its environment is stopped."""
    with operating("deploy live", email, url, schema) as (vibe, actor):
        changed = vibe.deployments.transition(
            actor,
            _project(vibe, actor, project),
            _id(deployment),
            DeploymentStatus.RUNNING,
            reason=reason,
            deployment_url=address,
        )
    _tell(changed, as_json=as_json)


@app.command("fail")
def fail(
    project: InProject,
    deployment: Which,
    reason: Why = "failed on the command line",
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Say that a deployment failed. Its log is closed."""
    with operating("deploy fail", email, url, schema) as (vibe, actor):
        changed = vibe.deployments.transition(
            actor, _project(vibe, actor, project), _id(deployment), DeploymentStatus.FAILED, reason=reason
        )
    _tell(changed, as_json=as_json)


@app.command("stop")
def stop(
    project: InProject,
    deployment: Which,
    reason: Why = "stopped on the command line",
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Say that a deployment was stopped. Its log is closed."""
    with operating("deploy stop", email, url, schema) as (vibe, actor):
        changed = vibe.deployments.transition(
            actor, _project(vibe, actor, project), _id(deployment), DeploymentStatus.STOPPED, reason=reason
        )
    _tell(changed, as_json=as_json)


@app.command("rollback")
def rollback(
    project: InProject,
    deployment: Which,
    reason: Why = "rolled back on the command line",
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Begin a deployment that undoes one that runs or failed, with the version of the last healthy one before it."""
    with operating("deploy rollback", email, url, schema) as (vibe, actor):
        made = vibe.deployments.rollback(actor, _project(vibe, actor, project), _id(deployment), reason=reason)
    _tell(made, as_json=as_json)


@app.command("retry")
def retry(
    project: InProject,
    deployment: Which,
    reason: Why = "tried again on the command line",
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Begin a deployment like one that has ended."""
    with operating("deploy retry", email, url, schema) as (vibe, actor):
        made = vibe.deployments.retry(actor, _project(vibe, actor, project), _id(deployment), reason=reason)
    _tell(made, as_json=as_json)


@app.command("list")
def list_deployments(
    project: InProject,
    environment: Annotated[
        str | None, typer.Option("--environment", metavar="NAME", help="Only in this one.", show_default=False)
    ] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Those in the archive instead.")] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """List a project's deployments, the newest first."""
    from vibecore.cli import output

    with operating("deploy list", email, url, schema) as (vibe, actor):
        found = list(_all(vibe, actor, _project(vibe, actor, project), environment, archived=archived))
    if as_json:
        output.emit({"deployments": [_document(each) for each in found]})
        return
    for each in found:
        output.out().print(exits.printable(_in_words(each)), soft_wrap=True)


@app.command("show")
def show(
    project: InProject,
    deployment: Which,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a deployment, from the archive too; its log is told by `logs`."""
    from vibecore.cli import output

    with operating("deploy show", email, url, schema) as (vibe, actor):
        found = vibe.deployments.get(actor, _project(vibe, actor, project), _id(deployment))
    document = _document(found)
    if as_json:
        output.emit(document)
        return
    for name, value in document.items():
        if value not in (None, {}):
            output.out().print(exits.printable(f"{name}: {_plain(value)}"), soft_wrap=True)


def logs(
    project: InProject,
    deployment: Which,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for lines until the deployment has ended.")] = False,
    first: Annotated[int, typer.Option("--first", metavar="NUMBER", help="The number of the first line.")] = 1,
    times: Annotated[bool, typer.Option("--times", help="Number, time (UTC) and stream before each line.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Lines as they are, escape sequences too.")] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Print a deployment's log. With --json one document on each line, so that a log can be followed."""
    import json

    with operating("logs", email, url, schema) as (vibe, actor):
        stream = vibe.deployments.stream_logs(
            actor, _project(vibe, actor, project), _id(deployment), first=first, follow=follow
        )
        while lines := stream.advance():
            for line in lines:
                sys.stdout.write(json.dumps(_line(line)) if as_json else _shown(line, times=times, raw=raw))
                sys.stdout.write("\n")
            sys.stdout.flush()


def _project(vibe: Vibe, actor: Actor, given: str) -> UUID:
    from vibecore.cli.projects import find_project

    return find_project(vibe, actor, given).id


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise InvalidValue("deployment", "is not the id of a deployment") from None


def _all(
    vibe: Vibe, actor: Actor, project_id: UUID, environment: str | None, *, archived: bool
) -> Iterator[AnyDeployment]:
    from vibecore.domain.environments import environment_name
    from vibecore.domain.filters import field

    where = None if environment is None else field("environment").eq(environment_name(environment))
    read = vibe.deployments.page_archived if archived else vibe.deployments.page
    cursor = None
    while True:
        page = read(actor, project_id, where=where, limit=AT_ONCE, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _tell(deployment: AnyDeployment, *, as_json: bool) -> None:
    from vibecore.cli import output

    if as_json:
        output.emit(_document(deployment))
    else:
        output.out().print(exits.printable(_in_words(deployment)), soft_wrap=True)


def _document(deployment: AnyDeployment) -> dict[str, object]:
    document = {name: getattr(deployment, name) for name in FIELDS}
    archived_at = getattr(deployment, "archived_at", None)
    return document if archived_at is None else {**document, "archived_at": archived_at}


def _in_words(deployment: AnyDeployment) -> str:
    facts = [deployment.status.value.replace("_", " "), f"since {deployment.updated_at:%Y-%m-%d %H:%M} UTC"]
    if deployment.rollback_of is not None:
        facts.append(f"rolls back {deployment.rollback_of}")
    if deployment.retry_of is not None:
        facts.append(f"retries {deployment.retry_of}")
    if deployment.reason is not None:
        facts.append(deployment.reason)
    return f"{deployment.id}  {deployment.environment}  {deployment.version or '(no version)'}  {', '.join(facts)}"


def _plain(value: object) -> str:
    from vibecore.domain import json

    return json.dumps(value) if isinstance(value, dict) else str(value)


def _line(line: LogLine) -> dict[str, object]:
    return {"number": line.number, "stream": line.stream.value, "time": line.time.isoformat(), "text": line.text}


def _shown(line: LogLine, *, times: bool, raw: bool) -> str:
    text = line.text if raw else exits.printable(line.text)
    return f"{line.number:>6} {line.time:%Y-%m-%d %H:%M:%S} {line.stream.value:<6} {text}" if times else text
