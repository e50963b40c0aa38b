"""Everything an installation is for, told once: whatever `connect` opened, the same story must come out of it."""

from __future__ import annotations

from typing import Any, Final

from pydantic import SecretStr

from vibecore.bootstrap.services import Services
from vibecore.bootstrap.settings import Settings
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.tests import TestType

PASSWORD: Final = "correct horse battery staple 9"
SETTINGS: Final = Settings(
    database_url=None,
    database_schema=None,
    secret_key=SecretStr("the key that tests sign cursors with"),
    previous_secret_keys=(),
    password_peppers={},
    pool_size=3,
    connect_timeout=10,
    bcrypt_cost=4,
    mail_url=None,
    mail_from=None,
    public_url=None,
    data_folder=None,
)
"""What the tests run with, whatever the environment says."""
SYSTEM: Final = Actor.system("nightly")
CODE: Final = '"""An application."""\n\nANSWER = eval("42")\n'


def signed_in(vibe: Services, name: str = "ada") -> Actor:
    """A new user's actor."""
    email = f"{name}@example.org"
    vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
    return vibe.auth.login(email=email, password=PASSWORD).actor


def told(vibe: Services) -> dict[str, Any]:
    """The work of a platform from registration to score and archive; what could be seen of it, but no ids and times."""
    ada = signed_in(vibe)
    project = vibe.projects.create(ada, name="engine", tech_stack={"languages": ["Python"]})
    vibe.files.write(ada, project.id, "src/app.py", CODE)
    review = vibe.reviews.run(ada, project.id)
    vibe.tests.record(ada, project.id, "src/app.py", test_type=TestType.UNIT, passed=3, failed=1)
    deployment = vibe.deployments.create(ada, project.id, environment="production", version="1.0")
    for status in (DeploymentStatus.BUILDING, DeploymentStatus.FAILED):
        deployment = vibe.deployments.transition(ada, project.id, deployment.id, status, reason="it is time")
    report = vibe.quality.assess(ada, project.id)
    refreshed = vibe.maintenance.refresh_analytics(SYSTEM)
    page = vibe.audit.page(ada, project_id=project.id, limit=3)
    more = vibe.audit.page(ada, project_id=project.id, limit=100, cursor=page.next_cursor)
    return {
        "user": vibe.users.get(ada, project.owner_id).email,
        "content": vibe.files.read(ada, project.id, "src/app.py").content,
        "tree": [stamp.path for stamp in vibe.files.tree(ada, project.id)],
        "reviewed": (review.reviewed, dict(review.issues), len(vibe.reviews.latest(ada, project.id))),
        "deployment": deployment.status,
        "score": (report.score, report.confidence, [component.name for component in report.components]),
        "history": [score.score for score in vibe.quality.history(ada, project.id).items],
        "trail": sorted(event.action for event in (*page.items, *more.items)),
        "refreshed": (refreshed.daily_rows, refreshed.user_rows),
        "files": [stats.lines for stats in vibe.analytics.project_file_stats(ada, project_id=project.id)],
        "rates": [rate.environment for rate in vibe.analytics.deployment_success_rate(ada, project_id=project.id)],
        "days": [
            day.project_id == project.id for day in vibe.analytics.daily_project_stats(ada, project_id=project.id)
        ],
        "recent": bool(vibe.analytics.recent_activity(ada, project_id=project.id)),
        "archived": vibe.maintenance.archive_deployments(SYSTEM, days=0),
        "prepared": vibe.maintenance.prepare_audit(SYSTEM, months=1) > refreshed.as_of.date(),
    }
