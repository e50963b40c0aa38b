"""Lines that name the language to another program: to the system that runs the file, or to an editor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from vibecore.services.languages._names import from_tags

_REACH: Final = 5
"""The number of lines from either end in which editors look for a modeline."""

_LONGEST: Final = 500
"""Characters of a line that are looked at."""

INTERPRETERS: Final[Mapping[str, str]] = {
    "bun": "TypeScript",
    "clojure": "Clojure",
    "coffee": "CoffeeScript",
    "crystal": "Crystal",
    "deno": "TypeScript",
    "elixir": "Elixir",
    "fish": "fish",
    "gawk": "Awk",
    "gnuplot": "Gnuplot",
    "groovy": "Groovy",
    "guile": "Scheme",
    "instmodsh": "Perl",
    "jruby": "Ruby",
    "julia": "Julia",
    "lua": "Lua",
    "luajit": "Lua",
    "make": "Makefile",
    "mawk": "Awk",
    "nawk": "Awk",
    "ocaml": "OCaml",
    "ocamlrun": "OCaml",
    "ocamlscript": "OCaml",
    "osascript": "AppleScript",
    "perl6": "Raku",
    "pwsh": "PowerShell",
    "pypy": "Python",
    "racket": "Racket",
    "raku": "Raku",
    "rakudo": "Raku",
    "rscript": "R",
    "runghc": "Haskell",
    "runhaskell": "Haskell",
    "runhugs": "Haskell",
    "sbcl": "Common Lisp",
    "scala": "Scala",
    "scheme": "Scheme",
    "sed": "sed",
    "swift": "Swift",
    "swipl": "Prolog",
    "tclsh": "Tcl",
    "tcsh": "Tcsh",
    "csh": "Tcsh",
    "jq": "jq",
    "js": "JavaScript",
    "dart": "Dart",
    "gjs": "JavaScript",
    "hy": "Hy",
    "janet": "Janet",
    "luau": "Luau",
    "mksh": "Shell",
    "nextflow": "Nextflow",
    "openrc-run": "OpenRC runscript",
    "pike": "Pike",
    "py": "Python",
    "rake": "Ruby",
    "regina": "REXX",
    "rexx": "REXX",
    "rust-script": "Rust",
    "ts-node": "TypeScript",
    "tsx": "TypeScript",
    "uv": "Python",
    "wish": "Tcl",
}
"""Interpreters that `identify` does not know, or calls by another name than Linguist."""

MODES: Final[Mapping[str, str]] = {
    "asm": "Assembly",
    "bash": "Shell",
    "bat": "Batchfile",
    "conf": "INI",
    "cperl": "Perl",
    "cpp": "C++",
    "cs": "C#",
    "csh": "Tcsh",
    "csharp": "C#",
    "dosbatch": "Batchfile",
    "dosini": "INI",
    "elisp": "Emacs Lisp",
    "f90": "Fortran Free Form",
    "gitcommit": "Git Commit",
    "gitconfig": "Git Config",
    "gitignore": "Ignore List",
    "golang": "Go",
    "help": "Vim Help File",
    "js": "JavaScript",
    "js2": "JavaScript",
    "jproperties": "Java Properties",
    "jsx": "JavaScript",
    "ksh": "Shell",
    "latex": "TeX",
    "lisp": "Common Lisp",
    "make": "Makefile",
    "makefile-automake": "Makefile",
    "makefile-gmake": "Makefile",
    "man": "Roff Manpage",
    "nroff": "Roff",
    "nxml": "XML",
    "objc": "Objective-C",
    "objcpp": "Objective-C++",
    "perl6": "Raku",
    "plaintex": "TeX",
    "plsql": "PLSQL",
    "proto": "Protocol Buffer",
    "ps1": "PowerShell",
    "py": "Python",
    "python3": "Python",
    "rst": "reStructuredText",
    "rpm-spec": "RPM Spec",
    "sh": "Shell",
    "shell-script": "Shell",
    "text": "Text",
    "typescriptreact": "TSX",
    "vim": "Vim Script",
    "xs": "XS",
    "zsh": "Shell",
}
"""Modes of Emacs and file types of Vim that are not the language's name in lower case."""

_SHEBANG = re.compile(r"#![ \t]*(\S+)([^\n]*)")
_VERSION = re.compile(r"[-.\d]+$")
_EMACS = re.compile(r"-\*-(.*?)-\*-")
_VIM = re.compile(r"(?:^|[ \t])(?:vim?(?:[<=>]?\d{1,4})?|ex):(.*)")
_VIM_TYPE = re.compile(r"(?:^|[ \t:])(?:ft|filetype|syn|syntax)=([\w.+-]+)")


def shebang(text: str) -> str | None:
    """The language of the interpreter that the first line names; None where it names none that is known."""
    if not text.startswith("#!"):
        return None
    found = _SHEBANG.match(text[:_LONGEST])
    if found is None:
        return None
    program = found[1].rpartition("/")[2]
    if program == "env":
        words = (word for word in found[2].split() if not word.startswith("-") and "=" not in word)
        program = next(words, "").rpartition("/")[2]
    return _interpreter(program) or _interpreter(_VERSION.sub("", program))


@cache
def _known_interpreters() -> Mapping[str, str]:
    from identify import interpreters

    found = {
        name: language for name, tags in interpreters.INTERPRETERS.items() if (language := from_tags(tags)) is not None
    }
    return found | dict(INTERPRETERS)


def _interpreter(program: str) -> str | None:
    return _known_interpreters().get(program.lower())


def modeline(text: str, languages: Mapping[str, str]) -> str | None:
    """The language that a modeline of Emacs or Vim names, near the beginning or the end of `text`.

    `languages` holds every language by its name in lower case, with "-" for a blank.
    """
    for line in _outer_lines(text):
        mode = _mode(line)
        if mode is not None and (language := MODES.get(mode) or languages.get(mode)) is not None:
            return language
    return None


def _outer_lines(text: str) -> Iterator[str]:
    reach = _REACH * _LONGEST
    yield from (line[:_LONGEST] for line in text[:reach].split("\n", _REACH)[:_REACH])
    yield from (line[:_LONGEST] for line in text[-reach:].rstrip("\n").rsplit("\n", _REACH)[-_REACH:])


def _mode(line: str) -> str | None:
    if "-*-" in line and (found := _EMACS.search(line)):
        settings = found[1].strip().rstrip(";").lower()
        if ":" not in settings:
            return settings
        pairs = (setting.partition(":") for setting in settings.split(";"))
        return next((value.strip() for key, _, value in pairs if key.strip() == "mode"), None)
    if ":" in line and (found := _VIM.search(line)) and (kind := _VIM_TYPE.search(found[1])):
        return kind[1].lower()
    return None
