"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import vibecore
from vibecore.cli import (
    accounts,
    databases,
    demo,
    deploy,
    exports,
    files,
    keys,
    managing,
    projects,
    reports,
    sessions,
    upkeep,
    users,
)

app = typer.Typer(
    name="vibecore",
    add_completion=False,
    # Its tracebacks show local variables, and those hold passwords.
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """The core of a software-engineering platform: projects, files, reviews, deployments and quality in PostgreSQL."""
    if version:
        typer.echo(vibecore.__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("demo")(demo.demo)
app.command("migrate")(databases.migrate)
app.command("check")(databases.check)
app.command("create-admin")(accounts.create_admin)
app.command("import")(projects.import_tree)
app.command("export")(exports.export)
app.command("report")(projects.report)
app.command("maintain")(upkeep.maintain)
app.command("unlock")(users.unlock)
app.add_typer(managing.app, name="projects")
app.add_typer(files.app, name="files")
app.add_typer(users.app, name="users")
app.add_typer(reports.sarif, name="sarif")
app.add_typer(keys.app, name="keys")
app.add_typer(sessions.app, name="sessions")
app.add_typer(deploy.app, name="deploy")
app.command("logs")(deploy.logs)
app.command("rotate-keys")(upkeep.rotate_keys)
