"""What service calls returned so far: people, places and things to meet again."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pyotp.totp import TOTP

from vibecore.domain.actors import Actor
from vibecore.domain.api_keys import make_api_key
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.projects import Project
from vibecore.domain.users import UserRole
from vibecore.services.effects import Clock
from vibecore.services.mail.messages import MailPurpose
from vibecore.testing.effects import FixedClock

STEP: Final = timedelta(seconds=30)
"""Of an authenticator (RFC 6238)."""
CHILDREN: Final = {
    "Deployment": "deployment_id",
    "ArchivedDeployment": "deployment_id",
    "File": "file_id",
    "CodeReview": "review_id",
    "TestResult": "result_id",
}
"""The argument that names an object of a project, by its type."""
REMEMBERED: Final = 8
"""Things of a kind, the newest."""


class World:
    """The newest of everything that can be an argument, and who and what belongs to whom."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.clock = FixedClock() if clock is None else clock
        self.actors: list[Actor] = [Actor.system("parity"), Actor.anonymous(ip_address="192.0.2.1")]
        self.tokens = ["vcs_nonsense"]
        self.keys = ["vck_nonsense", make_api_key(UUID(int=1), bytes(10), bytes(32))]
        self.key_ids: list[UUID] = []
        self.links: dict[str, list[str]] = {}
        self.session_ids: list[UUID] = []
        self.users: list[UUID] = []
        self.projects: list[Project] = []
        self.children: dict[str, list[tuple[UUID, Any]]] = {}
        self.statuses: dict[UUID, DeploymentStatus] = {}
        self.cursors: list[str] = []
        self.devices: list[str] = []
        self.challenges: list[str] = []
        self.notifications: list[UUID] = []
        self.codes: list[Callable[[], list[str]]] = []

    def owners(self, project_id: UUID | None) -> list[Actor]:
        """The signed-in owners of the project; administrators where none is named."""
        owner = next((each.owner_id for each in self.projects if each.id == project_id), None)
        return [
            actor
            for actor in self.actors
            if (actor.user_id == owner if project_id is not None else actor.role is UserRole.ADMIN)
        ]

    def signed_in(self) -> list[Actor]:
        """Those with a session, the newest more than once."""
        with_session = [actor for actor in self.actors if actor.session_id is not None]
        return [*with_session, *with_session[-2:], *with_session[-1:]]

    def inhabited(self) -> list[UUID]:
        """The projects that have something in them."""
        owners = {owner for kept in self.children.values() for owner, _ in kept}
        return [project.id for project in self.projects if project.id in owners]

    def of_project(self, name: str, project_id: UUID | None) -> list[Any]:
        """What the argument `name` can be in the project, the newest last."""
        return [key for owner, key in self.children.get(name, ()) if owner == project_id]

    def learn(self, value: Any) -> None:
        """Keep what later calls can use."""
        kind = type(value).__name__
        if kind in CHILDREN:
            self.keep_of_project(CHILDREN[kind], value.project_id, value.id)
        if kind == "Deployment":
            self.statuses[value.id] = value.status
        if kind == "DeploymentLog":
            self.keep_of_project("first", value.project_id, value.last_line + 1)
        elif kind in ("File", "FileEntry"):
            self.keep_of_project("path", value.project_id, value.path)
        elif kind == "ProjectMember":
            self.keep_of_project("member", value.project_id, value.user_id)
        elif (learnt := _LEARNT.get(kind)) is not None:
            learnt(self, value)
        elif isinstance(value, list | tuple):
            for item in value[:3]:
                self.learn(item)

    def keep_of_project(self, name: str, project_id: UUID, value: Any) -> None:
        keep(self.children.setdefault(name, []), (project_id, value))


def keep(known: list[Any], value: Any, first: int = 0) -> None:
    """`value` as the newest; the `first` ones are never forgotten."""
    if value in known:
        known.remove(value)
    known.append(value)
    del known[first:-REMEMBERED]


def _authenticated(world: World, value: Any) -> None:
    keep(world.actors, value.actor, 2)
    keep(world.tokens, value.token)
    keep(world.session_ids, value.session.id)


def _signed_in(world: World, value: Any) -> None:
    _authenticated(world, value)
    keep(world.devices, value.device_token)
    _codes(world, value.recovery_codes)


def _codes(world: World, codes: tuple[str, ...]) -> None:
    if codes:
        world.codes = [lambda: list(codes[:2]), *world.codes][:4]


def _confirmed(world: World, value: Any) -> None:
    _authenticated(world, value.renewed)
    _codes(world, value.recovery_codes)


def _enrolment(world: World, value: Any) -> None:
    secret = TOTP(value.secret)
    world.codes = [lambda: [secret.at(world.clock() + STEP * count) for count in (0, 1)], *world.codes][:4]


def _mail(world: World, value: Any) -> None:
    if "token" in value.values:
        keep(world.links.setdefault(value.purpose, []), value.values["token"])


def _key(world: World, value: Any) -> None:
    keep(world.keys, value.key)
    keep(world.key_ids, value.info.id)


def _project(world: World, value: Any) -> None:
    world.projects = [*(each for each in world.projects if each.id != value.id), value][-4:]


def _page(world: World, value: Any) -> None:
    world.learn(value.items)
    if value.next_cursor is not None:
        keep(world.cursors, value.next_cursor)


_LEARNT: Final[dict[str, Callable[[World, Any], None]]] = {
    "Authenticated": _signed_in,
    "Renewed": _authenticated,
    "Confirmed": _confirmed,
    "RecoveryCodes": lambda w, value: _codes(w, value.codes),
    "Enrolment": _enrolment,
    "Challenge": lambda w, value: keep(w.challenges, value.challenge),
    "EnrolmentRequired": lambda w, value: keep(w.challenges, value.challenge),
    "Mail": _mail,
    "Actor": lambda w, value: keep(w.actors, value, 2),
    "CreatedKey": _key,
    "KeyInfo": lambda w, value: keep(w.key_ids, value.id),
    "SessionInfo": lambda w, value: keep(w.session_ids, value.id),
    "Notification": lambda w, value: keep(w.notifications, value.id),
    "Profile": lambda w, value: keep(w.users, value.id),
    "Project": _project,
    "Page": _page,
}

LINKS: Final = {
    ("passwords", "reset"): MailPurpose.RESET_PASSWORD,
    ("emails", "verify"): MailPurpose.VERIFY_EMAIL,
    ("emails", "change"): MailPurpose.CHANGE_EMAIL,
}
"""The mail whose link each call takes."""


def make_folders(folder: Path) -> None:
    """What imports read: nothing, a small tree, the same tree after some changes, archives of them, one made to harm
    and one that is cut off."""
    trees: dict[str, dict[str, bytes]] = {
        "empty": {},
        "tree": {
            "a/b": b"x\n",
            "a/c.py": b"import os\n",
            "a/package.json": b'{"dependencies": {"react": "19"}}',
            "b": b"\xff\x00",
            "é.md": b"# title\n",
        },
        "changed": {"a/b": b"y\n", "a/c.py": b"import os\n", "c/d": b""},
    }
    for name, files in trees.items():
        (folder / name).mkdir()
        for path, data in files.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_bytes(data)
    with zipfile.ZipFile(folder / "tree.zip", "w") as packed:
        for path, data in trees["tree"].items():
            packed.writestr(path, data)
    (folder / "cut.zip").write_bytes((folder / "tree.zip").read_bytes()[:-30])
    with tarfile.open(folder / "changed.tar.gz", "w:gz") as archive:
        for path, data in trees["changed"].items():
            archive.addfile(_member(path, size=len(data)), BytesIO(data))
    with tarfile.open(folder / "hostile.tar", "w") as archive:
        archive.addfile(_member("a", type=tarfile.SYMTYPE, linkname="/etc"))
        for path in ("a/passwd", "../up", "b", "B", ".git/config", "c/d", "c"):
            archive.addfile(_member(path, size=1), BytesIO(b"1"))


def _member(name: str, **fields: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made
