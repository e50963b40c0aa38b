from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.services.languages import UNKNOWN, Language, LanguageSource, detect, known_languages
from vibecore.services.languages._content import SHARED

BY_NAME = {
    "src/app.py": "Python",
    "a/b.pyi": "Python",
    "x.js": "JavaScript",
    "x.jsx": "JavaScript",
    "x.mts": "TypeScript",
    "x.go": "Go",
    "x.java": "Java",
    "x.kt": "Kotlin",
    "x.swift": "Swift",
    "x.rb": "Ruby",
    "x.c": "C",
    "x.cpp": "C++",
    "x.hpp": "C++",
    "x.sh": "Shell",
    "x.ps1": "PowerShell",
    "x.bat": "Batchfile",
    "x.css": "CSS",
    "x.scss": "SCSS",
    "x.vue": "Vue",
    "x.tf": "HCL",
    "x.proto": "Protocol Buffer",
    "x.ipynb": "Jupyter Notebook",
    "x.rst": "reStructuredText",
    "x.tex": "TeX",
    "x.el": "Emacs Lisp",
    "x.toml": "TOML",
    "x.svg": "SVG",
    "x.dockerfile": "Dockerfile",
    "X.PY": "Python",
    "x.R": "R",
    "x.blade.php": "Blade",
    "x.html.erb": "HTML+ERB",
    "x.gradle.kts": "Gradle Kotlin DSL",
    "a.b.c.py": "Python",
    "Makefile": "Makefile",
    "deep/er/CMakeLists.txt": "CMake",
    "Dockerfile": "Dockerfile",
    "Dockerfile.test": "Dockerfile",
    "go.mod": "Go Module",
    "Cargo.lock": "TOML",
    "pom.xml": "Maven POM",
    "tsconfig.json": "JSON with Comments",
    ".gitignore": "Ignore List",
    ".bashrc": "Shell",
    "LICENSE": "Text",
    "requirements.txt": "Pip Requirements",
    "nginx.conf": "Nginx",
}

BY_CONTENT = [
    ("x.h", "#ifndef X_H\n#ifdef __cplusplus\nextern \"C\" {\n#endif\nint f(void);\n", "C"),
    ("x.h", "#pragma once\n#include <vector>\nint f();\n", "C++"),
    ("x.h", "namespace a {\nclass B : public C {\n};\n}\n", "C++"),
    ("x.h", "/* a class of std::vector and\n * a namespace for things */\nint f(void);\n", "C"),
    ("x.h", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n", "Objective-C"),
    ("x.m", "#import \"A.h\"\n@implementation A\n@end\n", "Objective-C"),
    ("x.m", "function y = f(x)\n% doubles\ny = 2*x;\nend\n", "MATLAB"),
    ("x.m", ":- module hello.\n:- interface.\n", "Mercury"),
    ("x.m", "(* a package *)\nBeginPackage[\"A`\"]\n", "Wolfram Language"),
    ("x.pl", "use strict;\nmy $x = 1;\n", "Perl"),
    ("x.pl", "parent(a, b).\ngrandparent(X, Z) :- parent(X, Y), parent(Y, Z).\n", "Prolog"),
    ("x.pl", "use v6;\nsay 'hi';\n", "Raku"),
    ("x.pl", "#!/usr/bin/env swipl\n", "Prolog"),
    ("x.ts", "export const a: number = 1;\n", "TypeScript"),
    ("x.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n<TS/>\n", "XML"),
    ("x.sql", "SELECT 1;\n", "SQL"),
    ("x.sql", "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql;\n", "PLpgSQL"),
    ("x.sql", "SET NOCOUNT ON\nGO\nSELECT * FROM [dbo].[t]\n", "TSQL"),
    ("x.sql", "create or replace package body p as\n  v varchar2(10);\nend;\n/\n", "PLSQL"),
    ("x.sql", "CREATE TABLE t (go int, declared text);\nINSERT INTO t VALUES (1, 'begin try');\n", "SQL"),
    ("x.md", "# Title\n\ntext\n", "Markdown"),
    ("x.md", ";; Machine description\n(define_insn \"add\"\n", "GCC Machine Description"),
    ("x.rs", "fn main() {}\n", "Rust"),
    ("x.rs", "#pragma version(1)\n#pragma rs java_package_name(a)\n", "RenderScript"),
    ("x.fs", "module A\nlet x = 1\n", "F#"),
    ("x.fs", "#version 330\nuniform vec4 c;\nvoid main() {}\n", "GLSL"),
    ("x.fs", ": square dup * ;\n", "Forth"),
    ("x.v", "module top(input clk);\nendmodule\n", "Verilog"),
    ("x.v", "Require Import Arith.\nTheorem a : 1 = 1.\nProof. reflexivity. Qed.\n", "Rocq Prover"),
    ("x.v", "module main\n\nfn main() {\n}\n", "V"),
    ("x.d", "module a.b;\nimport std.stdio;\n", "D"),
    ("x.d", "syscall:::entry\n{ @[execname] = count(); }\n", "DTrace"),
    ("x.d", "out/x.o: src/x.c \\\n  src/x.h\n", "Makefile"),
    ("x.pp", "class apache {\n  package { 'httpd': ensure => present }\n}\n", "Puppet"),
    ("x.pp", "unit A;\ninterface\nimplementation\nend.\n", "Pascal"),
    ("x.php", "<?php echo 1;\n", "PHP"),
    ("x.php", "<?hh // strict\n", "Hack"),
    ("x.1", ".TH LS 1\n.SH NAME\n", "Roff Manpage"),
    ("libx.so.1", "plain\n", None),
    ("x.inc", "<?php\n", "PHP"),
    ("x.inc", "words\n", None),
    ("x.plist", "<?xml version=\"1.0\"?><plist/>\n", "XML Property List"),
    ("x.plist", "{ a = b; }\n", "OpenStep Property List"),
    ("x.tpl", "{{- if .Values.a }}\n", "Go Template"),
    ("x.tpl", "{foreach $a as $b}\n", "Smarty"),
    ("x.spec", "Name: a\nVersion: 1\n%build\n", "RPM Spec"),
    ("x.spec", "a = Analysis(['a.py'])\n", "Python"),
    ("x.cls", "\\ProvidesClass{a}\n", "TeX"),
    ("x.cls", "public with sharing class A {\n}\n", "Apex"),
    ("x.s", "\t.globl f\nf:\n", "Unix Assembly"),
    ("script", "#!/usr/bin/env python3.12\n", "Python"),
    ("script", "#!/usr/bin/env -S FOO=1 deno run\n", "TypeScript"),
    ("script", "#! /bin/bash -e\n", "Shell"),
    ("script", "#!/usr/bin/perl5.36 -w\n", "Perl"),
    ("script", "#!/usr/local/bin/unheard-of\n", None),
    ("script", "#!\n", None),
    ("data", "<?xml version='1.0'?>\n<a/>\n", "XML"),
    ("data", "words\n", None),
    ("x.unheardof", "# -*- mode: ruby; coding: utf-8 -*-\n", "Ruby"),
    ("x.unheardof", "/* -*- C++ -*- */\n", "C++"),
    ("x.unheardof", "a\n" * 3000 + "# vim: set ts=4 ft=python :\n", "Python"),
    ("x.unheardof", "# vi: syntax=dosini\n", "INI"),
    ("x.unheardof", "a\n" * 3000 + "# vim: ft=python\n" + "b\n" * 3000, None),
    ("x.unheardof", "-*- mode: fundamental -*-\n", None),
    ("x.h", "// -*- mode: c++ -*-\nint f();\n", "C++"),
    ("x.txt", "# -*- coding: utf-8 -*-\nwords\n", "Text"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "language"), BY_NAME.items(), ids=BY_NAME)
def test_a_name_of_one_language_decides(path: str, language: str) -> None:
    """With or without content, and whatever the content says."""
    found = detect(path)
    assert (found.name, found.source in ("filename", "extension")) == (language, True)
    assert detect(path, "").name == language
    if found.confidence >= 90 and path.rpartition(".")[2].lower() not in SHARED:
        assert detect(path, "#!/usr/bin/env ruby\n# vim: ft=perl\n") == found


@pytest.mark.parametrize(("path", "content", "language"), BY_CONTENT, ids=lambda value: repr(value)[:30])
def test_content_tells_where_the_name_does_not(path: str, content: str, language: str | None) -> None:
    """Interpreter, modeline and clues, or the usual language where there is none of them."""
    assert detect(path, content).name == language


def test_what_is_not_known_has_no_language() -> None:
    """An unknown extension, an image, an empty name: no language, and no confidence in it."""
    for path in ("x.unheardof", "x.png", "x.pyc", "README-old", "x.", "."):
        assert detect(path) == UNKNOWN == Language(None, 0, LanguageSource.NONE)


def test_confidence_falls_with_what_is_known() -> None:
    """An exact name, an extension, a clue, the usual language after reading, and before."""
    assert detect("Makefile").confidence == 100
    assert detect("x.py").confidence == 95
    assert detect("x.pl", "#!/usr/bin/perl\n") == Language("Perl", 95, LanguageSource.SHEBANG)
    assert detect("x.pl", "# vim: ft=prolog\n") == Language("Prolog", 90, LanguageSource.MODELINE)
    assert detect("x.h", "#include <vector>\n") == Language("C++", 85, LanguageSource.CONTENT)
    assert detect("x.h", "int f(void);\n") == Language("C", 90, LanguageSource.EXTENSION)
    assert detect("x.h") == Language("C", 80, LanguageSource.EXTENSION)
    assert detect("x.sql", "SELECT 1") == Language("SQL", 60, LanguageSource.EXTENSION)
    assert detect("x.sql") == Language("SQL", 50, LanguageSource.EXTENSION)


def test_names_fit_the_column() -> None:
    """`files.language` holds 50 characters, and every name is a plain one."""
    names = known_languages()
    assert len(names) > 500
    assert all(0 < len(name) <= 50 and name.isprintable() and name == name.strip() for name in names)


def test_the_standard_library_is_python() -> None:
    """Every module of the running Python is told by its name alone."""
    root = Path(sysconfig.get_path("stdlib"))
    modules = list(root.glob("*.py"))
    assert len(modules) > 100
    assert {detect(path.name).name for path in modules} == {"Python"}


EXTENSIONS = st.sampled_from(sorted(SHARED))


@given(st.text(max_size=20), EXTENSIONS, st.none() | st.text(max_size=200))
def test_any_path_and_content_get_an_answer(stem: str, extension: str, content: str | None) -> None:
    """The answer is the same each time, names a language exactly where it is confident, and fits the column."""
    found = detect(f"{stem}.{extension}", content)
    assert found == detect(f"a/{stem.rpartition('/')[2]}.{extension}", content)
    assert (found.name is None) == (found.confidence == 0) == (found.source is LanguageSource.NONE)
    assert 0 <= found.confidence <= 100
    assert found.name is None or len(found.name) <= 50


@given(EXTENSIONS, st.lists(st.sampled_from([line for _, content, _ in BY_CONTENT for line in content.split("\n")])))
def test_a_clue_names_a_language_of_the_extension(extension: str, lines: list[str]) -> None:
    """Content alone decides only between the languages that share the extension."""
    found = detect(f"x.{extension}", "\n".join(lines))
    if found.source in (LanguageSource.CONTENT, LanguageSource.EXTENSION):
        shared = SHARED[extension]
        assert found.name in {shared.usual, *(language for language, _ in shared.clues)}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["a", " ", "\n", "(", "a(", "->", "=", "$a", ".w", "a :", "{{", "\\", "-*-", "vim:"])
def test_hostile_content_takes_no_time(piece: str) -> None:
    """Long runs that would send a backtracking pattern astray are answered for every shared extension."""
    content = piece * (50_000 // len(piece))
    for extension in SHARED:
        detect(f"x.{extension}", content)
