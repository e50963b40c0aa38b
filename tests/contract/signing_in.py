"""An installation with people who are signed in, its mails, and a look at what it stores."""

from __future__ import annotations

import dataclasses
from typing import Any, Final
from uuid import UUID

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.logins import Authenticated
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.effects import PasswordHasher
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.testing.effects import FixedClock, fixed_effects

ADA: Final = "ada@example.org"
PASSWORD: Final = "the first password 1"
SECOND: Final = "the second password 2"
IP: Final = "192.0.2.1"


class Platform:
    """One account, `ADA`, and whatever a test adds."""

    def __init__(self, store: Store, clock: FixedClock, hasher: PasswordHasher | None = None, **changed: Any) -> None:
        self.effects = dataclasses.replace(fixed_effects(clock=clock, hasher=hasher), **changed)
        self.clock = clock
        self.store = store
        self.vibe = Vibe(store, self.effects)
        self.id = self.vibe.auth.register(Actor.anonymous(), email=ADA, password=PASSWORD, name="Ada").id

    def login(self, email: str = ADA, password: str = PASSWORD) -> Authenticated:
        return self.vibe.auth.login(email=email, password=password).authenticated

    def user(self, user_id: UUID | None = None) -> User:
        with self.store.begin(Mode.READ) as tx:
            return tx.users.get(self.id if user_id is None else user_id)

    def alter(self, user_id: UUID | None = None, **fields: Any) -> None:
        """What somebody else does to the account."""
        with self.store.begin() as tx:
            tx.users.update(dataclasses.replace(tx.users.get(user_id or self.id), **fields))
            tx.commit()

    def sessions(self) -> set[UUID]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return {session.id for session in tx.sessions.stream(self.id)}

    def trail(self) -> list[AuditEvent]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return sorted(tx.audit.stream(), key=lambda event: event.id)

    def actions(self) -> list[str]:
        return [event.action for event in self.trail()]

    def mails(self, *purposes: MailPurpose) -> list[Mail]:
        return [mail for mail in self.effects.mailer.mails if mail.purpose in purposes or not purposes]

    def token(self, purpose: MailPurpose) -> str:
        """Of the last mail for `purpose`."""
        return self.mails(purpose)[-1].values["token"]

    def reset_token(self) -> str:
        self.vibe.passwords.request_reset(email=ADA)
        return self.token(MailPurpose.RESET_PASSWORD)

    def change_token(self, new_email: str = "ada@example.net") -> str:
        self.vibe.emails.request_change(self.login().actor, new_email=new_email)
        return self.token(MailPurpose.CHANGE_EMAIL)
