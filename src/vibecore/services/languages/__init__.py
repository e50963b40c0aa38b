"""The language of a file: by its name, the interpreter it asks for, a modeline, and last by what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from vibecore.services.languages import _lines
from vibecore.services.languages._content import SHARED, Shared
from vibecore.services.languages._names import STEMS, by_extension, by_filename

SEARCHED: Final = 50_000
"""Characters of the content in which clues are looked for."""


class LanguageSource(StrEnum):
    """What the language was told from."""

    FILENAME = "filename"
    EXTENSION = "extension"
    SHEBANG = "shebang"
    MODELINE = "modeline"
    CONTENT = "content"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Language:
    """A language as GitHub Linguist spells it, and how sure that is; `name` is None where none is known.

    `confidence`, from 0 to 100, compares answers, it is no probability: 100 for an exact file name; 95 for an
    extension of one language, or an interpreter; 90 for a modeline, or the usual language of an extension
    that others hardly use, once the content shows nothing else; 85 for a clue in the content; 80, 60 and 50
    for the usual language of a shared extension, falling with the number of rivals and where there was no
    content to look at; 0 for none.
    """

    name: str | None
    confidence: int
    source: LanguageSource


UNKNOWN: Final = Language(None, 0, LanguageSource.NONE)


def detect(path: str, content: str | None = None) -> Language:
    """The language of the file at `path`, whose text is `content`; None where it is binary or was not read.

    A name that belongs to one language decides, whatever the content. The same arguments give the same
    answer, and no text can make it take more than time linear in its first `SEARCHED` characters.
    """
    name = path[path.rfind("/") + 1 :]
    found = _known(name)
    if isinstance(found, Language):
        return found
    if content is None:
        return _usual(found, read=False)
    return _from_content(found, content)


def _known(name: str) -> Language | Shared | None:
    """What the name says: the language, that several share the extension, or nothing."""
    names, extensions = _tables()
    found: Language | Shared | None = names.get(name)
    if found is not None:
        return found
    _, dot, extension = name.rpartition(".")
    if not dot:
        return None
    found = extensions.get(extension)
    if found is None and not extension.islower():
        found = extensions.get(extension.lower())
    if name.count(".") > 1:
        found = _longer(name, extensions) or found
    return found or names.get(name.partition(".")[0] + ".")


def _longer(name: str, extensions: dict[str, Language | Shared]) -> Language | Shared | None:
    """The longest extension of at least two parts that is known."""
    at = name.find(".", 1)
    last = name.rfind(".")
    while 0 < at < last:
        found = extensions.get(name[at + 1 :].lower())
        if found is not None:
            return found
        at = name.find(".", at + 1)
    return None


@cache
def _tables() -> tuple[dict[str, Language], dict[str, Language | Shared]]:
    """By name, a stem with a dot behind it; and by extension."""
    names = {name: Language(language, 100, LanguageSource.FILENAME) for name, language in by_filename().items()}
    names |= {f"{stem}.": Language(language, 90, LanguageSource.FILENAME) for stem, language in STEMS.items()}
    extensions: dict[str, Language | Shared] = {
        extension: Language(language, 95, LanguageSource.EXTENSION) for extension, language in by_extension().items()
    }
    return names, extensions | dict(SHARED)


@cache
def known_languages() -> frozenset[str]:
    """Every name that `detect` can answer with, apart from those of interpreters and modes."""
    names, extensions = _tables()
    found = {language.name for language in names.values()}
    for entry in extensions.values():
        if isinstance(entry, Language):
            found.add(entry.name)
        else:
            found |= {entry.usual, *(language for language, _ in entry.clues)}
    return frozenset(name for name in found if name is not None)


@cache
def _by_mode() -> dict[str, str]:
    return {name.lower().replace(" ", "-"): name for name in sorted(known_languages())}


def _from_content(shared: Shared | None, content: str) -> Language:
    if (name := _lines.shebang(content)) is not None:
        return Language(name, 95, LanguageSource.SHEBANG)
    if (name := _lines.modeline(content, _by_mode())) is not None:
        return Language(name, 90, LanguageSource.MODELINE)
    if shared is not None:
        name = shared.clue(content[:SEARCHED])
    elif content.startswith("<?xml"):
        name = "XML"
    if name is not None:
        return Language(name, 85, LanguageSource.CONTENT)
    return _usual(shared, read=True)


def _usual(shared: Shared | None, *, read: bool) -> Language:
    if shared is None or shared.usual is None:
        return UNKNOWN
    confidence = 80 + 10 * read if shared.rarely else 50 + 10 * read
    return Language(shared.usual, confidence, LanguageSource.EXTENSION)
