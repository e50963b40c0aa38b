"""API keys: making them, telling whose one is, listing and revoking them."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.api_keys import (
    API_KEYS,
    KEY_NAME_BYTES,
    KEY_PREFIX_LENGTH,
    KEY_SECRET_BYTES,
    ApiKey,
    CreatedKey,
    KeyInfo,
    PresentedKey,
    api_key_digest,
    check_permissions,
    key_scopes,
    make_api_key,
    parse_api_key,
)
from vibecore.domain.audit import AuditEvent
from vibecore.domain.changes import diff
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidValue,
    LimitReached,
    NotFound,
    SerializationConflict,
    Stale,
)
from vibecore.domain.filters import Filter, field
from vibecore.domain.paging import Page
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Timestamp, plain_text
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.credentials import account_meant, check_recent, queue_standing
from vibecore.services.scoped import NEWEST_FIRST, check_id, check_optional_id
from vibecore.services.work import ATTEMPTS, Service


class ApiKeyService(Service):
    """`vibe.api_keys`. Users have keys of their own; an administrator manages everybody's, which is audited.

    What a key may do is what its permissions name and its owner may do at that moment. No key acts on credentials: on
    keys, sessions, passwords or accounts.
    """

    def create(
        self,
        actor: Actor,
        *,
        name: str,
        permissions: Iterable[str | Action],
        expires_at: datetime | None = None,
        user_id: UUID | None = None,
    ) -> CreatedKey:
        """A new key of the actor's account, or of `user_id`. The key itself is in the result and nowhere else.

        `permissions` are actions or their names; with none of them the key tells who its owner is and does nothing.

        Raises InvalidValue, also for an unknown action, one on credentials, an `expires_at` that has passed, and
        `user_id` left out by who has no account; NotFound (kind "user"), PermissionDenied, ReauthenticationRequired;
        AuthenticationFailed where the actor's session has ended; LimitReached where the account has as many keys that
        have not ended as `AuthPolicy.api_keys` allows.
        """
        title: str = API_KEYS.column("name").check(name)
        granted = check_permissions(permissions)
        ends = None if expires_at is None else Timestamp().check("expires_at", expires_at)
        chosen = check_optional_id("user_id", user_id)
        policy = self._effects.policy

        def run(tx: UnitOfWork) -> CreatedKey:
            owner = account_meant(actor, Action.KEYS_MANAGE, chosen)
            with tx.batch() as batch:
                account = queue_standing(tx, batch, actor, owner)
                # In this unit: of several that are made at the same moment, all but one collide and count again.
                living = batch.add(tx.api_keys.count, owner, where=_living(tx.now))
            check_recent(policy, account(), actor, Action.KEYS_MANAGE, tx.now)
            if living.value >= policy.api_keys:
                raise LimitReached(API_KEYS.kind, policy.api_keys)
            if ends is not None and ends <= tx.now:
                raise InvalidValue("expires_at", "has passed")
            tokens = self._effects.tokens
            text = make_api_key(owner, tokens(KEY_NAME_BYTES), tokens(KEY_SECRET_BYTES))
            key = ApiKey(
                id=self._effects.ids(),
                user_id=owner,
                name=title,
                key_hash=api_key_digest(text),
                key_prefix=text[:KEY_PREFIX_LENGTH],
                permissions=granted,
                expires_at=ends,
                created_at=tx.now,
                updated_at=tx.now,
            )
            with tx.batch() as batch:
                stored = batch.add(tx.api_keys.insert, key)
                batch.add(tx.audit.append, self._about(tx, actor, "auth.key.created", None, key))
            return CreatedKey(key=text, info=KeyInfo.of(stored.value))

        return self._work.write(actor, run)

    def authenticate(self, key: str, *, ip_address: str | None = None) -> Actor:
        """Who holds this key, with the rights that its owner has now, narrowed to the key's permissions. Audit rows of
        what this actor does name the key, as `api_key_id` in their details.

        One round trip, and a write where the last use that is noted is `seen_interval` old.

        Raises AuthenticationFailed for a key that is malformed (without asking the store), unknown, ended or of a
        disabled user; InvalidValue where it is no text.
        """
        visitor = Actor.anonymous(ip_address=ip_address)
        presented = parse_api_key(plain_text("key", key))
        if presented is None:
            raise AuthenticationFailed
        for _ in range(ATTEMPTS):
            found, now = self._work.read(visitor, lambda tx: (_found(tx, presented), tx.now))
            stored, user = _valid(found, presented, now)
            if self._is_noted(stored, now) or self._noted(visitor, stored):
                return Actor(
                    kind=ActorKind.API_KEY,
                    user_id=user.id,
                    role=user.role,
                    scopes=key_scopes(stored.permissions),
                    api_key_id=stored.id,
                    ip_address=visitor.ip_address,
                )
        raise SerializationConflict

    def page(
        self, actor: Actor, *, user_id: UUID | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[KeyInfo]:
        """The keys of the actor's account, or of `user_id`, newest first, those among them that ended within
        `AuthPolicy.ended_key_retention`.

        Raises NotFound (kind "user"), PermissionDenied, InvalidCursor; InvalidValue, also for `user_id` left out by who
        has no account.
        """
        chosen = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Page[KeyInfo]:
            owner = account_meant(actor, Action.KEYS_READ, chosen)
            with tx.batch() as batch:
                user = batch.add(tx.users.find, owner)
                page = batch.add(tx.api_keys.page, owner, order_by=NEWEST_FIRST, limit=limit, cursor=cursor)
            if user.value is None:
                raise NotFound("user", owner)
            return Page(tuple(KeyInfo.of(key) for key in page.value.items), page.value.next_cursor)

        return self._work.read(actor, run)

    def revoke(self, actor: Actor, key_id: UUID, *, user_id: UUID | None = None) -> None:
        """End a key of the actor's account, or of `user_id`, at once and for good.

        Raises NotFound (kind "api_key") where there is none, as after an earlier call; PermissionDenied; InvalidValue,
        also for `user_id` left out by who has no account.
        """
        wanted, chosen = check_id("key_id", key_id), check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> None:
            owner = account_meant(actor, Action.KEYS_MANAGE, chosen)
            key = tx.api_keys.find(owner, wanted)
            if key is None:
                raise NotFound(API_KEYS.kind, wanted)
            with tx.batch() as batch:
                batch.add(tx.api_keys.delete, owner, wanted)
                batch.add(tx.audit.append, self._about(tx, actor, "auth.key.revoked", key, None))

        self._work.write(actor, run)

    def _is_noted(self, key: ApiKey, now: datetime) -> bool:
        """Whether the use at `now` may go without a note."""
        return key.last_used_at is not None and now - key.last_used_at < self._effects.policy.seen_interval

    def _noted(self, visitor: Actor, key: ApiKey) -> bool:
        """Note a use of the key; False where the key changed since it was read, and has to be judged anew."""

        def run(tx: UnitOfWork) -> None:
            tx.api_keys.update(dataclasses.replace(key, last_used_at=tx.now))

        try:
            self._work.write(visitor, run)
        except NotFound:
            raise AuthenticationFailed from None
        except Stale:
            return False
        return True

    def _about(
        self, tx: UnitOfWork, actor: Actor, name: str, before: ApiKey | None, after: ApiKey | None
    ) -> AuditEvent:
        """Of a key only what is public; the owner where it is not the actor."""
        key = before or after
        assert key is not None
        details = {} if key.user_id == actor.user_id else {"user_id": str(key.user_id)}
        changes = diff(API_KEYS, before, after)
        return self._work.event(
            tx, actor, name, resource_type=API_KEYS.kind, resource_id=key.id, details=details, changes=changes
        )


def _living(now: datetime) -> Filter:
    """What `_valid` takes for a key that has not ended."""
    return field("expires_at").missing() | field("expires_at").gt(now)


def _found(tx: UnitOfWork, presented: PresentedKey) -> tuple[ApiKey, User] | None:
    return tx.api_keys.find_by_prefix(presented.user_id, presented.key_prefix)


def _valid(found: tuple[ApiKey, User] | None, presented: PresentedKey, now: datetime) -> tuple[ApiKey, User]:
    """What was found, if it is this key, has not ended and its owner may sign in; else AuthenticationFailed."""
    if found is None:
        raise AuthenticationFailed
    key, user = found
    if not hmac.compare_digest(key.key_hash.encode(), presented.key_hash.encode()):
        raise AuthenticationFailed
    if (key.expires_at is not None and key.expires_at <= now) or user.disabled_at is not None:
        raise AuthenticationFailed
    return key, user
