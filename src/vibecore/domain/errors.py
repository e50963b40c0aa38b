"""Every error that vibecore raises on purpose; both backends raise the same ones with the same attributes.

VibecoreError
├── InvalidValue            a value breaks a rule of its field
│   ├── InvalidCursor       a page cursor is damaged, forged or belongs to another listing
│   └── PasswordRejected    a new password breaks the password policy
├── NotFound                there is no such object (or the caller may not know that there is)
├── AlreadyExists           a uniqueness rule would be broken
├── MissingReference        a referenced object does not exist
├── Stale                   the object changed since it was read
├── InvalidTransition       the state machine has no such step
├── ReadOnlyProject         the project is archived
├── LimitReached            there are as many of them as the policy allows
├── PermissionDenied        the actor lacks the right
├── AuthenticationFailed    the credentials or the token are not valid
│   ├── LoginThrottled      too many tries; nothing was checked
│   └── LoginIncomplete     the password was right, and something else is still missing
├── ReauthenticationRequired  the session's user must prove who they are again
├── MailNotSent             the mail server cannot be reached or refused a mail
├── TransactionError
│   ├── TransactionAborted  a statement failed; only rollback is accepted
│   ├── TransactionBusy     another thread or task uses the transaction
│   ├── TransactionClosed   the unit of work has ended
│   ├── ReadOnlyTransaction a write in a read-only unit of work
│   └── SerializationConflict  concurrent transactions collided and the retries are used up
└── StoreError
    ├── StoreUnavailable    the database cannot be reached
    ├── StoreRejected       the database refused a statement for a reason of its own (privilege, disk, shutdown)
    ├── NotMigrated         the database does not hold the schema this version needs
    ├── UnreadableSecret    a stored secret cannot be decrypted for this user
    ├── NotConfigured       a setting is missing
    └── MissingExtra        an optional dependency is not installed

Attributes carry the facts; the text is for people and never holds a secret or the refused value.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID


class VibecoreError(Exception):
    """The root of all errors raised on purpose. Picklable; `facts` holds what tells two of them apart."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self._facts = facts

    @property
    def facts(self) -> dict[str, Any]:
        """The attributes by name: equal for equal failures on both backends."""
        return dict(self._facts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[VibecoreError], args: tuple[Any, ...], state: dict[str, Any]) -> VibecoreError:
    error = cls.__new__(cls, *args)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class InvalidValue(VibecoreError, ValueError):
    """`field` breaks the rule named by `reason`; nothing was written."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}", field=field, reason=reason)


class InvalidCursor(InvalidValue):
    """The cursor is damaged, was not made by this installation, or belongs to another filter or order."""

    def __init__(self, reason: str) -> None:
        super().__init__("cursor", reason)


class PasswordRejected(InvalidValue):
    """The new password breaks the policy; `reasons` names every rule it breaks."""

    def __init__(self, reasons: tuple[str, ...], field: str = "password") -> None:
        super().__init__(field, "; ".join(reasons))
        self.reasons = reasons
        self._facts["reasons"] = reasons


class NotFound(VibecoreError, LookupError):
    """There is no `kind` with this `key`."""

    def __init__(self, kind: str, key: UUID | str | None = None) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no such {kind}" + ("" if key is None else f": {key}"), kind=kind, key=key)


class AlreadyExists(VibecoreError):
    """Another `kind` has the same values in `fields`; `constraint` is the rule's name in the database."""

    def __init__(self, kind: str, constraint: str, fields: tuple[str, ...]) -> None:
        self.kind = kind
        self.constraint = constraint
        self.fields = fields
        super().__init__(
            f"{kind} with the same {', '.join(fields)} exists", kind=kind, constraint=constraint, fields=fields
        )


class MissingReference(VibecoreError):
    """`field` of a `kind` names an object that does not exist."""

    def __init__(self, kind: str, constraint: str, field: str) -> None:
        self.kind = kind
        self.constraint = constraint
        self.field = field
        super().__init__(
            f"{field} of {kind} names an object that does not exist", kind=kind, constraint=constraint, field=field
        )


class Stale(VibecoreError):
    """The `kind` with this `key` changed after it was read; read it again and retry."""

    def __init__(self, kind: str, key: UUID | str) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"{kind} {key} changed since it was read", kind=kind, key=key)


class InvalidTransition(VibecoreError):
    """A `kind` in state `source` has no step to `target`, or a condition of the step does not hold."""

    def __init__(self, kind: str, source: str, target: str, reason: str = "no such step") -> None:
        self.kind = kind
        self.source = source
        self.target = target
        self.reason = reason
        super().__init__(
            f"{kind} cannot go from {source} to {target}: {reason}",
            kind=kind,
            source=source,
            target=target,
            reason=reason,
        )


class ReadOnlyProject(VibecoreError):
    """The project is archived: everything in it can be read and nothing can be changed."""

    def __init__(self, key: UUID) -> None:
        self.key = key
        super().__init__(f"project {key} is archived and read-only", key=key)


class LimitReached(VibecoreError):
    """There are `limit` of a `kind` already, as many as the policy allows."""

    def __init__(self, kind: str, limit: int) -> None:
        self.kind = kind
        self.limit = limit
        super().__init__(f"there are {limit} of {kind} already, as many as there may be", kind=kind, limit=limit)


class PermissionDenied(VibecoreError, PermissionError):
    """The actor may know of the object and lacks the right to do `action`."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(f"not permitted: {action}", action=action)


class AuthenticationFailed(VibecoreError):
    """The credentials or the token are not valid. One error for every cause, so that causes cannot be probed."""

    def __init__(self) -> None:
        super().__init__("authentication failed")


class LoginThrottled(AuthenticationFailed):
    """Too many tries: nothing was checked. `retry_at` is when the next one is (None: only after a reset)."""

    def __init__(self, retry_at: datetime | None) -> None:
        self.retry_at = retry_at
        VibecoreError.__init__(self, "too many tries: wait, or reset the password", retry_at=retry_at)


class LoginIncomplete(AuthenticationFailed):
    """The password was right and nobody is signed in yet; `missing` names what the login waits for."""

    def __init__(self, missing: str) -> None:
        self.missing = missing
        VibecoreError.__init__(self, f"the login waits for: {missing}", missing=missing)


class ReauthenticationRequired(VibecoreError):
    """A sensitive call from a session whose user last proved who they are too long ago: see `sessions.reauthenticate`.

    `action` is what was asked for; asking again afterwards may succeed.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(f"prove who you are again, then: {action}", action=action)


class MailNotSent(VibecoreError):
    """A mail did not leave. `temporary`: it may later; `code` is the server's reply, where there was one. Neither
    address nor content is told, nor the server's words, which may quote them."""

    def __init__(self, reason: str, *, temporary: bool, code: int | None = None) -> None:
        self.reason = reason
        self.temporary = temporary
        self.code = code
        super().__init__(
            reason if code is None else f"{reason} ({code})", reason=reason, temporary=temporary, code=code
        )


class TransactionError(VibecoreError):
    """The unit of work cannot go on."""


class TransactionAborted(TransactionError):
    """A statement failed earlier in this unit of work; it accepts only rollback."""

    def __init__(self) -> None:
        super().__init__("a statement failed in this unit of work: only rollback is accepted")


class TransactionBusy(TransactionError):
    """Another thread or task is inside a call on the same unit of work."""

    def __init__(self) -> None:
        super().__init__("another thread or task is using this unit of work")


class TransactionClosed(TransactionError):
    """The unit of work was committed or rolled back."""

    def __init__(self) -> None:
        super().__init__("this unit of work has ended")


class ReadOnlyTransaction(TransactionError):
    """A write was tried in a read-only unit of work."""

    def __init__(self) -> None:
        super().__init__("this unit of work is read-only")


class SerializationConflict(TransactionError):
    """Concurrent transactions collided; running the whole unit of work again may succeed."""

    def __init__(self) -> None:
        super().__init__("concurrent transactions collided; run the unit of work again")


class StoreError(VibecoreError):
    """The database, not the call, is at fault."""


class StoreUnavailable(StoreError, ConnectionError):
    """The database cannot be reached, or the connection broke."""


class StoreRejected(StoreError):
    """The database refused a statement; `sqlstate` is its five-character code where it gave one."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"the database refused the statement (SQLSTATE {sqlstate})", sqlstate=sqlstate)


class NotMigrated(StoreError):
    """The database lacks the schema this version needs; run `vibecore migrate`."""

    def __init__(self, found: str | None, needed: str) -> None:
        self.found = found
        self.needed = needed
        super().__init__(
            f"the database schema is {found or 'missing'}, {needed} is needed: run `vibecore migrate`",
            found=found,
            needed=needed,
        )


class UnreadableSecret(StoreError):
    """A stored secret is damaged, was encrypted with a key that is not configured, or for another user.

    One error for every cause: which one it is helps only whoever planted it.
    """

    def __init__(self) -> None:
        super().__init__("a stored secret cannot be read: is the key that encrypted it still configured?")


class NotConfigured(StoreError):
    """This needs the setting `setting`, a field of `Settings`, which has no default."""

    def __init__(self, setting: str) -> None:
        self.setting = setting
        super().__init__(f"this needs a setting: VIBECORE_{setting.upper()}", setting=setting)


class MissingExtra(StoreError, ImportError):
    """An optional dependency is needed: `pip install 'vibecore[extra]'`."""

    def __init__(self, extra: str) -> None:
        self.extra = extra
        super().__init__(f"this needs an optional dependency: pip install 'vibecore[{extra}]'", extra=extra)
