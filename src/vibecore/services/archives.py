"""Reading an archive for import: every file and folder in it, or the reason why not, as `trees.walk` has them.

An archive is read twice, first for its names: so its `.gitignore` files are known before what they are about, the last
of several entries with one path counts, as for whoever unpacks it, and a damaged archive is refused before anything is
written. Nothing is ever unpacked to a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paths import name_of, normalise_path, parent_of, parents
from vibecore.services.archive_members import Archive, Member, open_archive
from vibecore.services.gitignore import IgnoreRules
from vibecore.services.limits import ImportLimits
from vibecore.services.trees import MAX_RULES_BYTES, Entry, Skipped, belongs_to_git, is_ignored, shown
from vibecore.services.unpacking import refused

_RULES: Final = ".gitignore"


def read_archive(
    file: BinaryIO, *, gitignore: bool, excluded: IgnoreRules | None, limits: ImportLimits
) -> Iterator[Entry | Skipped]:
    """What the archive in the open file holds: the skipped that its names tell of, its folders, a folder before what
    it holds, then its files, in its own order. Folders that only paths tell of are entries too.

    Skipped, beside what `walk` skips: hard links, sparse files, encrypted entries and those of unknown compression,
    damaged ones, all but the last of several entries with one path, and what lies below a file.

    Raises InvalidValue with field "source" where it is no archive, is cut off or damaged, or breaks a bound.
    """
    archive = open_archive(file, limits)
    plan = _Plan(limits)
    for number, member in enumerate(archive.members()):
        if number >= limits.max_entries:
            raise refused(f"holds more than {limits.max_entries} entries")
        plan.add(number, member)
    plan.settle()
    plan.leave_out(_own_rules(archive, plan) if gitignore else {}, excluded)
    yield from plan.skipped
    for folder in sorted(plan.folders):
        yield Entry(path=folder, is_folder=True)
    wanted = {number: path for path, number in plan.files.items()}
    for number, data in archive.contents(wanted):
        path = wanted[number]
        yield Skipped(path=path, reason=data) if isinstance(data, str) else Entry(path=path, data=data)


class _Plan:
    """What of an archive is imported, by its names."""

    def __init__(self, limits: ImportLimits) -> None:
        self._limits = limits
        self._total = 0
        self._refusals: dict[str, str] = {}
        """Paths that cannot be imported, with the reason."""
        self._notes: dict[Skipped, None] = {}
        self.folders: set[str] = set()
        self.files: dict[str, int] = {}
        """The member's number by path."""
        self.sizes: dict[str, int] = {}
        """Of files with rules in them."""

    @property
    def skipped(self) -> Iterable[Skipped]:
        """What is left out, each once, in the order in which it was found."""
        return self._notes

    def skip(self, path: str, reason: str) -> None:
        self._notes[Skipped(path=path, reason=reason)] = None

    def add(self, number: int, member: Member) -> None:
        self._total += member.size
        if self._total > self._limits.max_total_bytes:
            raise refused(f"holds more than {self._limits.max_total_bytes} bytes")
        try:
            path = _path_of(member.name)
        except _RefusedNameError as error:
            self.skip(error.shown, error.reason)
            return
        if path is None:
            return
        if member.is_folder and member.refusal is None:
            self.folders.add(path)
            return
        if path in self.files or path in self._refusals:
            self.skip(path, "is in the archive more than once: the last one counts")
            self.files.pop(path, None)
            self._refusals.pop(path, None)
        if member.refusal is not None:
            self._refusals[path] = member.refusal
        elif member.size > self._limits.max_file_bytes:
            self._refusals[path] = f"is larger than {self._limits.max_file_bytes} bytes"
        else:
            self.files[path] = number
            if name_of(path) == _RULES:
                self.sizes[path] = member.size

    def settle(self) -> None:
        """Once all entries are known: what lies below a file or below what was refused is left out, and folders that
        only paths tell of are added."""
        blocking = self.files.keys() | self._refusals.keys()
        self.folders -= blocking
        for path in (*self.files, *self.folders, *self._refusals):
            above = next((folder for folder in parents(path) if folder in blocking), None)
            if above is None:
                continue
            if above in self.files:
                self.skip(path, f"lies below {above}, which is a file")
            self._forget(path)
        for path, reason in self._refusals.items():
            self.skip(path, reason)
        for path in (*self.files, *self.folders):
            self.folders.update(parents(path))

    def leave_out(self, rules: Mapping[str, IgnoreRules], excluded: IgnoreRules | None) -> None:
        """Leave out what the rules say, a folder with all that lies below it."""
        if not rules and excluded is None:
            return
        out: set[str] = set()
        for path in sorted(self.folders | self.files.keys()):
            if not out.isdisjoint(parents(path)):
                self._forget(path)
                continue
            reason = _left_out(path, rules, excluded, is_folder=path in self.folders)
            if reason is not None:
                out.add(path)
                self._forget(path)
                self.skip(path, reason)

    def _forget(self, path: str) -> None:
        self.files.pop(path, None)
        self._refusals.pop(path, None)
        self.folders.discard(path)


class _RefusedNameError(Exception):
    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(reason)
        self.shown = shown
        self.reason = reason


def _path_of(name: bytes) -> str | None:
    """The path of a member's name; None for the archive's own root. Raises _RefusedNameError."""
    raw = name
    while raw.startswith(b"./"):
        raw = raw[2:]
    raw = raw.removesuffix(b"/")
    if raw in (b"", b"."):
        if name.strip(b"/") == b"" and name:
            raise _RefusedNameError(shown(name), "breaks a path rule: must be relative")
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _RefusedNameError(shown(raw), "has a name that is not UTF-8") from None
    try:
        path = normalise_path(text)
    except InvalidValue as error:
        raise _RefusedNameError(shown(raw), f"breaks a path rule: {error.reason}") from None
    names = path.split("/")
    for depth, part in enumerate(names, 1):
        if belongs_to_git(part):
            raise _RefusedNameError("/".join(names[:depth]), "belongs to git")
    return path


def _own_rules(archive: Archive, plan: _Plan) -> dict[str, IgnoreRules]:
    """The rules of each folder that has some; "" is the root."""
    wanted: dict[int, str] = {}
    for path, size in plan.sizes.items():
        if path not in plan.files:
            continue
        if size > MAX_RULES_BYTES:
            reason = f"has rules that are not applied: is larger than {MAX_RULES_BYTES} bytes"
            plan.skip(path, reason)
        else:
            wanted[plan.files[path]] = path
    if not wanted:
        return {}
    return {
        parent_of(wanted[number]) or "": IgnoreRules(data)
        for number, data in archive.contents(wanted)
        if isinstance(data, bytes)
    }


def _left_out(
    path: str, rules: Mapping[str, IgnoreRules], excluded: IgnoreRules | None, *, is_folder: bool
) -> str | None:
    """Why the rules leave it out, or None; those of `excluded` outrank the tree's."""
    segments = [segment.encode() for segment in path.split("/")]
    if excluded is not None:
        decision = excluded.decide(segments, is_folder=is_folder)
        if decision is not None:
            return "is excluded" if decision else None
    above = ("", *parents(path))
    holding = tuple((depth, rules[folder]) for depth, folder in enumerate(above) if folder in rules)
    return "is ignored by .gitignore" if is_ignored(holding, segments, is_folder=is_folder) else None
