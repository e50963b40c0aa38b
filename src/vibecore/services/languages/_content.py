"""Extensions that several languages share, and what in a file's content tells them apart.

Every pattern is searched for with `^` and `$` at each line. They look at single lines and repeat nothing
within a repetition, so that their time grows with the length of the text and not faster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """An extension of several languages: clues in the order in which they are tried, and what holds without any."""

    clues: tuple[tuple[str, str], ...]
    """Language and pattern."""
    usual: str | None
    """The language where no clue is found; None where none is usual."""
    rarely: bool = False
    """Whether the others are so rare that the usual one is nearly sure."""

    def clue(self, text: str) -> str | None:
        """The language of the first pattern found in `text`."""
        return next((language for language, pattern in self.clues if _compiled(pattern).search(text)), None)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _shared(usual: str | None, *clues: tuple[str, str]) -> Shared:
    return Shared(usual=usual, clues=clues)


def _nearly(usual: str, *clues: tuple[str, str]) -> Shared:
    return Shared(usual=usual, clues=clues, rarely=True)


_XML: Final = ("XML", r"\A\s*<(?:\?xml|!DOCTYPE)\b")
_OBJECTIVE_C: Final = (
    "Objective-C",
    r"^[ \t]*(?:@(?:interface|implementation|protocol|property|synthesize|class|end|import|autoreleasepool)\b"
    r"|#import[ \t]+[<\"])",
)
_CPP: Final = (
    "C++",
    r"^[ \t]*(?:template[ \t]*<|namespace[ \t]+\w|namespace[ \t]*\{|using[ \t]+\w|constexpr\b|virtual[ \t]+\w"
    r"|(?:public|private|protected)[ \t]*:|class[ \t]+[A-Za-z_]\w*[ \t]*(?:final[ \t]*)?(?:[:{;]|$)"
    r"|#[ \t]*include[ \t]*<(?:algorithm|array|atomic|chrono|deque|functional|i?o?stream|iostream|limits|list|map"
    r"|memory|mutex|optional|queue|set|sstream|stdexcept|string|string_view|thread|tuple|type_traits|unordered_map"
    r"|unordered_set|utility|variant|vector|c(?:assert|ctype|errno|float|limits|math|stdarg|stddef|stdint|stdio"
    r"|stdlib|string|time))>)|^[^*/\n\"]*\bstd::\w",
)
_PERL: Final = (
    "Perl",
    r"^[ \t]*(?:use[ \t]+(?:strict|warnings|utf8|v?5[\d._]*|[A-Z][\w:]*)\b|package[ \t]+[\w:]+[ \t]*[;{]"
    r"|(?:my|our|local)[ \t]*[$@%(]|sub[ \t]+\w+[ \t]*(?:[{(]|$)|__END__$)",
)
_RAKU: Final = (
    "Raku",
    r"^[ \t]*(?:use[ \t]+v6\b|unit[ \t]+(?:module|class)\b|(?:my[ \t]+)?class[ \t]+[\w:-]+[ \t]*(?:is[ \t]|\{)"
    r"|multi[ \t]+(?:sub|method)\b|has[ \t]+[$@%][.!])",
)
_PROLOG: Final = ("Prolog", r"^(?::-|[a-z]\w*(?:\([^%\n]*\))?[ \t]*:-|\?-)")
_MAN: Final = ("Roff Manpage", r"^[.'][ \t]*(?:TH|Dd|SH|Sh|so)\b")
_ROFF: Final = ("Roff", r"^[.'](?:\\\"|[A-Za-z]{2}(?:[ \t]|$))")

_MANUAL: Final = Shared(usual=None, clues=(_MAN, _ROFF))
_UNITY: Final = Shared(usual=None, clues=(("Unity3D Asset", r"^(?:%TAG[ \t]+!u!|fileFormatVersion:)"),))
_MANUAL_SECTIONS: Final = (
    *"123456789", "1in", "1m", "1x", "3in", "3m", "3p", "3pm", "3qt", "3x"
)  # fmt: skip

SHARED: Final[Mapping[str, Shared]] = (
    {
        "al": _shared("AL", _PERL),
        "as": _nearly("ActionScript", ("AngelScript", r"^[ \t]*(?:array<|#include[ \t]+\".*\.as\"|void[ \t]+\w+\()")),
        "asc": _shared("AsciiDoc", ("Public Key", r"^-----BEGIN (?:PGP|SSH2) |^ssh-(?:rsa|dss|ed25519) ")),
        "asm": _nearly("Assembly", ("Motorola 68K Assembly", r"(?i)^[ \t]+(?:move|add|sub|clr|tst)\.[bwl][ \t]")),
        "bas": _shared(
            "BASIC",
            ("VBA", r"^Attribute[ \t]+VB_Name\b"),
            ("FreeBASIC", r"(?i)^[ \t]*#(?:define|ifdef|ifndef|include|lang)\b"),
            ("QuickBASIC", r"(?i)^[ \t]*(?:'\$INCLUDE:|\$STATIC|REM \$DYNAMIC|DECLARE (?:SUB|FUNCTION) )"),
        ),
        "bb": _shared(
            "BitBake",
            (
                "BitBake",
                r"^(?:(?:DESCRIPTION|SUMMARY|LICENSE|SRC_URI|HOMEPAGE|S)[ \t]*[?+]?=|inherit[ \t]|require[ \t])",
            ),
            ("Clojure", r"^[ \t]*\((?:ns|def|defn|require|let)\b"),
            ("BlitzBasic", r"(?i)^[ \t]*(?:End Function|Function[ \t]+\w+[%$#]?\()"),
        ),
        "bf": _shared("Brainfuck", ("Beef", r"^[ \t]*(?:namespace|using)[ \t]+\w"), ("HyPhy", r"^[ \t]*LIBRARY_")),
        "bi": _shared("FreeBASIC", ("QuickBASIC", r"(?i)^[ \t]*(?:'\$INCLUDE:|DECLARE (?:SUB|FUNCTION) )")),
        "cairo": _nearly("Cairo", ("Cairo Zero", r"^%(?:lang|builtins)\b|^func[ \t]+\w")),
        "cake": _shared("C#", ("CoffeeScript", r"^[ \t]*task[ \t]+['\"]|->[ \t]*$")),
        "cfg": _nearly("INI", ("HAProxy", r"^(?:global|defaults|(?:frontend|backend|listen)[ \t]+\S+)[ \t]*$")),
        "cgi": _shared(None, _PERL),
        "cl": _shared(
            None,
            ("OpenCL", r"^[ \t]*(?:__kernel|kernel)[ \t]+void\b|\b(?:__global|get_global_id)\b"),
            ("Common Lisp", r"(?i)^[ \t]*\((?:defun|defmacro|defvar|defparameter|in-package|defpackage)\b"),
            ("Cool", r"^class[ \t]+[A-Z]\w*(?:[ \t]+inherits[ \t]+\w+)?[ \t]*\{"),
        ),
        "cls": _shared(
            "TeX",
            ("TeX", r"^[ \t]*\\(?:NeedsTeXFormat|ProvidesClass|LoadClass|newcommand)\b"),
            ("Visual Basic 6.0", r"^VERSION[ \t]+1\.0 CLASS"),
            ("VBA", r"^Attribute[ \t]+VB_Name\b"),
            ("ObjectScript", r"^Class[ \t]+[%\w.]+[ \t]+Extends\b"),
            ("OpenEdge ABL", r"(?i)^[ \t]*(?:using|class)[ \t]+\w[^:\n]*:[ \t]*$"),
            (
                "Apex",
                r"(?i)^[ \t]*(?:global|public|private)[ \t]+"
                r"(?:(?:virtual|abstract|with sharing|without sharing)[ \t]+)?(?:class|interface|enum)\b",
            ),
        ),
        "cs": _nearly("C#", ("Smalltalk", r"^![\w ]+methodsFor: ")),
        "cue": _shared(
            "CUE", ("Cue Sheet", r"^[ \t]*(?:FILE[ \t]+\".*\"[ \t]+(?:WAVE|BINARY|MP3)|TRACK[ \t]+\d+[ \t]+AUDIO)")
        ),
        "d": _shared(
            "D",
            ("D", r"^(?:module|import)[ \t]+[\w., \t]+[;:]|^[ \t]*(?:unittest|@safe|void main\()"),
            ("DTrace", r"^(?:\w*:\w*:\w*:\w*|BEGIN|END|tick-\w+)[ \t]*$|^#pragma[ \t]+D[ \t]"),
            ("Makefile", r"^[\w./ \\-]+\.\w+[ \t]*:[ \t].*(?:\\|\.\w+)[ \t]*$"),
        ),
        "ddl": _shared("SQL", ("PLSQL", r"(?i)\bcreate[ \t]+or[ \t]+replace[ \t]+(?:package|procedure)\b")),
        "e": _shared(
            None,
            ("Eiffel", r"^(?:class[ \t]*$|class[ \t]+[A-Z_]+[ \t]*$|feature\b|note[ \t]*$|inherit[ \t]*$)"),
            ("Euphoria", r"^(?:namespace|include|global)[ \t]+\w"),
            ("E", r"^(?:def|var)[ \t]+\w.*\{[ \t]*$"),
        ),
        "es": _nearly("JavaScript", ("Erlang", r"^[ \t]*(?:%%|main[ \t]*\([^)\n]*\)[ \t]*->)")),
        "ex": _nearly("Elixir", ("Euphoria", r"^(?:include[ \t]+\w+\.e\b|(?:global[ \t]+)?procedure[ \t]+\w+\()")),
        "f": _nearly(
            "Fortran",
            ("Forth", r"^: [^\n ]+|^new-device\b"),
            ("Filebench WML", r"^[ \t]*(?:flowop|define[ \t]+(?:fileset|process))\b"),
        ),
        "fcgi": _shared(None, ("PHP", r"<\?php"), _PERL),
        "for": _nearly("Fortran", ("Forth", r"^: [^\n ]+")),
        "fr": _shared(None, ("Frege", r"^(?:module|import|package)[ \t]+[\w.]+"), ("Forth", r"^: [^\n ]+")),
        "frag": _nearly("GLSL", ("JavaScript", r"^[ \t]*(?:\(function|\$\(|window\.|var[ \t]+\w+[ \t]*=)")),
        "frm": _shared(None, ("Visual Basic 6.0", r"^VERSION[ \t]+5\.00"), ("INI", r"^\[[\w ]+\][ \t]*$")),
        "fs": _nearly(
            "F#",
            ("F#", r"^[ \t]*(?:#light|open[ \t]+[A-Z]|module[ \t]+[\w.]+|namespace[ \t]+[\w.]+[ \t]*$|let[ \t]+\w)"),
            ("GLSL", r"^[ \t]*(?:#version[ \t]+\d|precision[ \t]|uniform[ \t]|varying[ \t]|vec[234][ \t]|void main)"),
            ("Forth", r"^: [^\n ]+|^new-device\b"),
            ("Filterscript", r"^#(?:pragma[ \t]+(?:rs|version)|include)\b"),
        ),
        "ftl": _shared("FreeMarker", ("FreeMarker", r"<#\w|\$\{"), ("Fluent", r"^-?[a-zA-Z][\w-]*[ \t]*=")),
        "fx": _shared("HLSL", ("FLUX", r"^[ \t]*(?:typedef|source)[ \t]*=>")),
        "g": _shared(None, ("G-code", r"^[GM]\d+(?:[ \t]|$)"), ("GAP", r"^[ \t]*(?:InstallMethod|DeclareOperation)\b")),
        "gd": _nearly("GDScript", ("GAP", r"^[ \t]*(?:Declare\w+|BindGlobal)\(")),
        "gml": _shared("Game Maker Language", _XML, ("Graph Modeling Language", r"\A\s*(?:graph|Creator)\b")),
        "gs": _shared(
            "JavaScript",
            ("GLSL", r"^#version[ \t]+\d|\bgl_\w+"),
            ("Gosu", r"^uses[ \t]+[\w.]+"),
            ("Genie", r"^[ \t]*(?:init|uses)[ \t]*$|^\[indent="),
        ),
        "h": _nearly("C", _OBJECTIVE_C, _CPP),
        "gts": _nearly("Glimmer TS", ("Gerber Image", r"^[DGMT]\d{2}\*")),
        "hh": _nearly("C++", ("Hack", r"<\?hh\b")),
        "html": _nearly("HTML", ("Ecmarkup", r"^[ \t]*<(?:emu-[\w-]+|pre class=\"?metadata)\b")),
        "i": _shared("SWIG", ("SWIG", r"^[ \t]*%[{}a-z]"), ("Assembly", r"^[ \t]*\.(?:globl|include|macro)\b")),
        "ice": _nearly("Slice", ("JSON", r"\A\s*[{\[]")),
        "inc": _shared(
            None,
            ("PHP", r"<\?(?:php|=)"),
            ("HTML", r"\A\s*<(?:!DOCTYPE[ \t]+html|html|div|p|head|table)\b"),
            ("BitBake", r"^(?:(?:DESCRIPTION|SUMMARY|LICENSE|SRC_URI)[ \t]*[?+]?=|inherit[ \t])"),
            ("SourcePawn", r"^#include[ \t]+<(?:sourcemod|core|sdktools)>|^(?:native|forward|stock|methodmap)[ \t]+\w"),
            ("C++", r"^[ \t]*#[ \t]*(?:include|ifn?def|define|if|endif|pragma)\b"),
            ("Pascal", r"(?i)^[ \t]*(?:\{\$\w|procedure[ \t]+\w|function[ \t]+\w+.*:[ \t]*\w+;|end[.;])"),
            (
                "Assembly",
                r"(?i)^[ \t]*(?:%(?:macro|define|ifdef)\b|\w+[ \t]+(?:equ|db|dw|macro)\b|\.(?:globl|macro)\b)",
            ),
            ("SQL", r"(?i)^[ \t]*(?:create|alter|insert|select|drop|set)[ \t]+.*"),
        ),
        "json": _nearly("JSON"),
        "jq": _nearly("jq"),
        "k": _shared(
            None, ("KFramework", r"^[ \t]*(?:syntax|rule|endmodule)\b"), ("KCL", r"^(?:schema|import)[ \t]+\w")
        ),
        "l": _shared(
            "Lex",
            ("Lex", r"^%[%{}]|^%option\b"),
            ("Common Lisp", r"(?i)^[ \t]*\((?:defun|defmacro|defvar)\b"),
            ("PicoLisp", r"^\((?:de|class|rel|code|data|must)[ \t]"),
            _ROFF,
        ),
        "lean": _nearly("Lean 4", ("Lean", r"^import[ \t]+[a-z]|^(?:begin|meta)[ \t]*$")),
        "lisp": _nearly("Common Lisp", ("NewLisp", r"^[ \t]*\(define[ \t]")),
        "ls": _shared("LiveScript", ("LoomScript", r"^[ \t]*package[ \t\w.{]*$")),
        "lsp": _nearly("Common Lisp", ("NewLisp", r"^[ \t]*\(define[ \t]")),
        "m": _shared(
            "Objective-C",
            _OBJECTIVE_C,
            ("Mercury", r"^:-[ \t]*module\b"),
            ("MUF", r"^: [^\n ]+"),
            ("Wolfram Language", r"^[ \t]*\(\*|\bBeginPackage\[|^[\w$]+\[[\w$]+_[,\]]"),
            (
                "MATLAB",
                r"^[ \t]*(?:%|classdef\b|function\b[^({\n]*(?:=|\(|$)|(?:end|clc|hold on|close all|clear);?[ \t]*$)",
            ),
            ("Limbo", r"^\w+[ \t]*:[ \t]*module[ \t]*\{"),
            ("M", r"^[ \t]*;|^\w+[ \t]+;"),
            ("Objective-C", r"^[ \t]*(?://|/\*|#include|static[ \t]|int[ \t]+main)"),
        ),
        "m4": _shared("M4", ("M4Sugar", r"^[ \t]*(?:A[CMST]_[A-Z_]+|m4_\w+)(?:\(|[ \t]*$)")),
        "man": _MANUAL,
        "mask": _shared("Mask", ("Unity3D Asset", r"^%(?:YAML|TAG)\b")),
        "mc": _shared(
            None,
            ("Win32 Message File", r"(?i)^(?:MessageId|SeverityNames|LanguageNames)[ \t]*="),
            ("Monkey C", r"^[ \t]*(?:using|import)[ \t]+(?:Toybox|[A-Z]\w*)\b"),
            ("M4", r"^(?:dnl\b|divert\(|define\()"),
        ),
        "md": _nearly("Markdown", ("GCC Machine Description", r"\A;;|^\(define_(?:insn|expand|attr|peephole)")),
        "mdoc": _MANUAL,
        "ml": _nearly(
            "OCaml",
            (
                "OCaml",
                r"^[ \t]*(?:let[ \t]+(?:rec[ \t]+|open[ \t]+)?\w|module[ \t]+\w|open[ \t]+[A-Z]|external[ \t]+\w)",
            ),
            ("Standard ML", r"^[ \t]*(?:structure|signature|functor|fun|datatype)[ \t]+\w"),
        ),
        "mm": _nearly("Objective-C++", _XML, ("XML", r"\A\s*<map\b")),
        "mo": _shared("Modelica", ("Motoko", r"^(?:import[ \t]+\w+[ \t]+\"mo:|actor\b|public[ \t]+(?:shared|func)\b)")),
        "mod": _shared(
            None,
            ("XML", r"^[ \t]*<!(?:ENTITY|ELEMENT|ATTLIST)\b"),
            ("NMODL", r"^[ \t]*(?:NEURON|SUFFIX|BREAKPOINT|PARAMETER)\b"),
            ("Modula-2", r"^[ \t]*(?:(?:DEFINITION|IMPLEMENTATION)[ \t]+)?MODULE[ \t]+\w+|^END[ \t]+\w+\."),
            ("Linux Kernel Module", r"\A[^\n]*\.ko\n"),
            ("AMPL", r"^[ \t]*(?:param|set|var|subject to|minimize|maximize)[ \t]+\w"),
        ),
        "mojo": _nearly("Mojo", _XML),
        "mqh": _shared("MQL5", ("MQL4", r"^#property[ \t]+strict|\bOrderSend\([A-Z]")),
        "ms": _shared(
            None,
            _ROFF,
            ("Unix Assembly", r"^[ \t]*\.(?:include|globa?l|text|section)[ \t]"),
            ("MAXScript", r"^[ \t]*(?:rollout|macroScript|fn|struct|utility)[ \t]+\w"),
        ),
        "n": _shared("Nemerle", _ROFF),
        "nb": _nearly("Wolfram Language"),
        "nas": _shared("Assembly", ("Nasal", r"^[ \t]*(?:var[ \t]+\w+[ \t]*=|import\()")),
        "ncl": _shared(
            "NCL",
            _XML,
            ("Gerber Image", r"^[DGMT]\d{2}\*"),
            ("Nickel", r"^[ \t]*let[ \t]+\w+[ \t]*=.*\bin\b|^[ \t]*\|[ \t]"),
            ("NCL", r"^[ \t]*(?:load[ \t]+\"|begin[ \t]*$)"),
        ),
        "nr": _shared("Noir", _ROFF),
        "nu": _nearly("Nushell", ("Nu", r"^[ \t]*\((?:set|class|function|load)[ \t]")),
        "odin": _nearly("Odin"),
        "p": _shared(
            "OpenEdge ABL", ("Gnuplot", r"^(?:s?plot|set[ \t]+(?:term|terminal|out|output|[xy]tics|[xy]label))\b")
        ),
        "pc": _shared("pkg-config", ("Pro*C", r"(?i)\bEXEC[ \t]+SQL\b")),
        "php": _nearly("PHP", ("Hack", r"<\?hh\b")),
        "pkl": _shared(None, ("Pkl", r"^[ \t]*(?:module|amends|extends|import|class|typealias)\b|^\w+[ \t]*[{=]")),
        "pl": _shared("Perl", ("Raku", r"^[ \t]*use[ \t]+v6\b"), _PERL, _PROLOG, _RAKU),
        "plist": _nearly("XML Property List", ("OpenStep Property List", r"\A\s*(?:[({]|//|/\*)")),
        "plt": _shared("Gnuplot", _PROLOG),
        "pluginspec": _nearly("Ruby", _XML),
        "pm": _nearly("Perl", ("Raku", r"^[ \t]*use[ \t]+v6\b"), _PERL, ("X PixMap", r"/\* XPM \*/"), _RAKU),
        "pod": _nearly("Pod", ("Pod 6", r"^[ \t]*=(?:begin|for)[ \t]+(?:pod|table|code)\b")),
        "pp": _nearly(
            "Puppet",
            ("Puppet", r"^[ \t]*(?:class[ \t]+[\w:]+[ \t]*[({]|\w+[ \t]*=>|include[ \t]+[\w:]+|define[ \t]+[\w:]+)"),
            ("Pascal", r"(?i)^[ \t]*(?:unit|program|procedure|function|uses)[ \t]+\w|^[ \t]*end[.;]"),
        ),
        "prc": _shared("SQL", ("PLSQL", r"(?i)\bcreate[ \t]+or[ \t]+replace[ \t]+(?:procedure|function|package)\b")),
        "pro": _shared(
            None,
            ("QMake", r"^[ \t]*(?:HEADERS|SOURCES|QT|TEMPLATE|CONFIG)[ \t]*[+-]?="),
            ("Proguard", r"^-(?:keep|dont|assume|optimization)\w*\b"),
            _PROLOG,
            ("INI", r"^last_client="),
            ("IDL", r"(?i)^[ \t]*(?:function|pro|compile_opt)[ \t]+\w"),
        ),
        "properties": _nearly("Java Properties", ("INI", r"^[ \t]*(?:\[[^\]\n]+\][ \t]*$|;)")),
        "q": _shared("q", ("HiveQL", r"(?i)^[ \t]*(?:select|insert|create[ \t]+table|set[ \t]+hive|drop)\b")),
        "qs": _shared(
            "Qt Script", ("Q#", r"^[ \t]*(?:namespace[ \t]+[\w.]+[ \t]*[{;]|operation[ \t]+\w+|open[ \t]+Microsoft)")
        ),
        "r": _nearly("R", ("Rebol", r"(?i)\A[^\[]{0,500}\brebol[ \t]*\["), ("Rez", r"^[ \t]*resource[ \t]+'....'")),
        "re": _shared(
            "Reason",
            ("C++", r"^[ \t]*(?:#[ \t]*(?:include|ifn?def|define|if|pragma)\b|/\*!re2c|template[ \t]*<)"),
        ),
        "reds": _shared("Redscript", ("Red", r"(?i)\A\s*Red(?:/System)?[ \t]*\[")),
        "res": _nearly("ReScript", _XML),
        "rno": _shared("RUNOFF", ("Roff", r"^\.\\\" ")),
        "rpy": _shared("Ren'Py", ("Python", r"^(?:import|from|class|def)[ \t]+\w")),
        "rs": _nearly("Rust", ("RenderScript", r"^#(?:include\b|pragma[ \t]+(?:rs|version)\b)"), _XML),
        "rsc": _shared(
            None, ("Rascal", r"^module[ \t]+[\w:]+"), ("RouterOS Script", r"^[ \t]*(?:/|:(?:local|global|if)\b)")
        ),
        "s": _shared(
            "Assembly",
            ("Motorola 68K Assembly", r"(?i)^[ \t]+(?:move|add|sub|clr|tst)\.[bwl][ \t]"),
            ("Unix Assembly", r"^[ \t]*\.(?:globa?l|text|data|section|type|p2align|align|ascii|set|file)\b"),
        ),
        "sc": _nearly("Scala", ("SuperCollider", r"\^(?:this|super)\.|^[ \t]*~\w+[ \t]*=|^[ \t]*\+[ \t]*\w+[ \t]*\{")),
        "scd": _shared("SuperCollider", ("Markdown", r"^#+[ \t]+(?:NAME|SYNOPSIS|DESCRIPTION)")),
        "sch": _shared(
            None,
            ("Eagle", r"<!DOCTYPE eagle\b"),
            ("KiCad Schematic", r"\A(?:EESchema|\(kicad_sch)"),
            _XML,
            ("Scheme", r"^[ \t]*[;(]"),
        ),
        "scm": _nearly("Scheme", ("Tree-sitter Query", r"\)[ \t]*@[\w.]+|^\(#(?:set|eq|match|any-of)[!?]")),
        "shader": _shared("GLSL", ("ShaderLab", r"^[ \t]*Shader[ \t]+\"")),
        "sls": _shared("Salt", ("Scheme", r"^[ \t]*\((?:library|import|define|#!r6rs)\b|^#!r6rs")),
        "sol": _nearly("Solidity", ("Gerber Image", r"^[DGMT]\d{2}\*")),
        "spec": _shared(
            "RPM Spec",
            ("RPM Spec", r"^(?:Name|Version|Release|Summary|License):|^%(?:prep|build|install|files|description)\b"),
            ("Python", r"^\w+[ \t]*=[ \t]*(?:Analysis|PYZ|EXE|COLLECT)\("),
            ("Ruby", r"^(?:require|describe|Gem::)"),
        ),
        "sql": _shared(
            "SQL",
            (
                "PLpgSQL",
                r"(?i)^\\(?:i|connect)\b|\bAS[ \t]+\$\w*\$|\bLANGUAGE[ \t]+'?plpgsql'?"
                r"|^[ \t]*DO[ \t]+(?:LANGUAGE[ \t]+\w+[ \t]+)?\$\w*\$",
            ),
            (
                "SQLPL",
                r"(?i)\b(?:ALTER[ \t]+MODULE|MODE[ \t]+DB2SQL|SYS(?:CAT|PROC)\b|ASSOCIATE[ \t]+RESULT[ \t]+SET"
                r"|EXTERNAL[ \t]+ACTION)\b|^@[ \t]*$",
            ),
            (
                "PLSQL",
                r"(?i)\$\$PLSQL_|\bXMLTYPE\b|\bDBMS_\w+\.|\bsysdate\b|\bsystimestamp\b|\b(?:n?varchar2|pls_integer)\b"
                r"|\bcreate[ \t]+or[ \t]+replace[ \t]+(?:package|type[ \t]+body)\b|%(?:row)?type\b|^/[ \t]*$",
            ),
            (
                "TSQL",
                r"(?i)^[ \t]*GO;?[ \t]*$|^[ \t]*BEGIN[ \t]+(?:TRY|CATCH)\b"
                r"|\bOUTPUT[ \t]+INSERTED\b|\bDECLARE[ \t]+@\w|\[dbo\]"
                r"|\bSET[ \t]+(?:NOCOUNT|IDENTITY_INSERT|ANSI_NULLS|QUOTED_IDENTIFIER)\b",
            ),
        ),
        "srt": _nearly("SubRip Text", ("SRecode Template", r"^template[ \t]+\w+|^----[ \t]*$")),
        "st": _shared(
            "Smalltalk",
            ("Smalltalk", r"methodsFor:|subclass:|^!"),
            ("StringTemplate", r"^group[ \t]+\w+|\$\w+\$|<\w+[:;]"),
        ),
        "star": _nearly("Starlark"),
        "sw": _nearly("Sway", _XML),
        "t": _nearly(
            "Perl",
            ("Raku", r"^[ \t]*use[ \t]+v6\b"),
            _PERL,
            ("Turing", r"^[ \t]*(?:var|const)[ \t]+\w+[ \t]*(?::[ \t]*\w+[ \t]*)?:=|^[ \t]*put[ \t]+\""),
            ("Terra", r"^[ \t]*(?:terra|local|terralib)[ \t.]\w"),
            _RAKU,
        ),
        "tact": _nearly("Tact", ("JSON", r"\A\s*\{\"")),
        "tl": _shared("Teal", ("Type Language", r"^---(?:functions|types)---|^[\w.]+#[0-9a-f]{8}[ \t]")),
        "toc": _shared("TeX", ("World of Warcraft Addon Data", r"^## [\w-]+:|@no-lib-strip@")),
        "tpl": _shared(
            None,
            ("Go Template", r"\{\{-?[ \t]*(?:\.|\$|if\b|range\b|define\b|template\b|include\b|with\b|end\b|/\*)"),
            ("Smarty", r"\{(?:\$\w|/?(?:if|foreach|section|include|literal|capture|assign|block)\b|\*)"),
        ),
        "trigger": _shared(None, ("Apex", r"(?i)^[ \t]*trigger[ \t]+\w+[ \t]+on\b")),
        "ts": _nearly("TypeScript", ("XML", r"\A\s*(?:<\?xml\b|<!DOCTYPE TS\b|<TS\b)")),
        "tsp": _nearly("TypeSpec", ("TSPLIB data", r"^NAME[ \t]*:")),
        "tst": _shared("Scilab", ("GAP", r"^gap>[ \t]")),
        "tsx": _nearly("TSX", ("XML", r"\A\s*(?:<\?xml\b|<tileset\b)")),
        "txt": _nearly(
            "Text",
            ("Adblock Filter List", r"\A\[Adblock|\A![ \t]*(?:Title|Homepage):"),
            ("Vim Help File", r"\A\*[\w.-]+\.txt\*"),
        ),
        "typ": _nearly("Typst", _XML),
        "uc": _shared("UnrealScript", ("ucode", r"^[ \t]*(?:import[ \t{]|let[ \t]|'use strict')|\{%")),
        "v": _shared(
            "Verilog",
            (
                "Rocq Prover",
                r"^[ \t]*(?:Require|Theorem|Lemma|Proof|Definition|Inductive|Fixpoint|Qed|From[ \t]+\w+)\b",
            ),
            (
                "Verilog",
                r"^[ \t]*(?:module[ \t]+\\?\w+[ \t]*[#(;]|endmodule|`(?:define|ifdef|include|timescale)|always[ \t]*@)",
            ),
            (
                "V",
                r"^(?:pub[ \t]+)?(?:fn|struct|const|enum|interface)[ \t]*[\w(]|^(?:module|import)[ \t]+[\w.]+[ \t]*$",
            ),
            ("Verilog", r"^[ \t]*module[ \t]+\w+"),
        ),
        "vba": _shared("VBA", ("Vim Script", r"^UseVimball\b")),
        "vcf": _shared("vCard", ("TSV", r"\A##fileformat=VCF")),
        "vhost": _shared(
            None,
            ("ApacheConf", r"(?i)^[ \t]*<(?:VirtualHost|Directory|Location|IfModule)\b"),
            ("Nginx", r"^[ \t]*(?:server|location|upstream)\b.*\{"),
        ),
        "w": _shared("OpenEdge ABL", ("CWeb", r"^@(?:<|\*| |[a-z]$)")),
        "workflow": _shared("HCL", _XML),
        "x": _shared(
            None,
            ("Linker Script", r"\b(?:OUTPUT_ARCH|OUTPUT_FORMAT|SECTIONS)\b"),
            ("Logos", r"^%(?:hook|end|ctor|group|orig)\b"),
            ("RPC", r"^(?:program|version|typedef)[ \t]+\w|\bxdrgen\b"),
            ("DirectX 3D File", r"\Axof \d{4}"),
        ),
        "yaml": _nearly("YAML"),
        "yml": _nearly("YAML"),
        "yy": _shared("Yacc", ("JSON", r"\A\s*\{[ \t]*(?:\"|$)")),
    }
    | dict.fromkeys(_MANUAL_SECTIONS, _MANUAL)
    | dict.fromkeys(("anim", "asset", "mat", "meta"), _UNITY)
)
"""By extension, in lower case."""
