"""The extensions that belong to one language.

A line is a language, as GitHub Linguist spells it, and extensions of its files: without the first dot, in
lower case unless the case matters. A language with many has several lines.
"""

from __future__ import annotations

from typing import Final

EXTENSIONS: Final = """\
ABAP: abap
ABNF: abnf
Ada: adb ads ada
Adobe Font Metrics: afm
Agda: agda
AIDL: aidl
Alloy: als
ANTLR: g4
Apex: apex
APL: apl dyalog
AppleScript: applescript scpt
AsciiDoc: adoc asciidoc
ASN.1: asn asn1
ASP.NET: asax ascx ashx asmx aspx axd
AspectJ: aj
Assembly: nasm a51
Astro: astro
ATS: dats hats sats
AutoHotkey: ahk ahkl
AutoIt: au3
Avro IDL: avdl
Awk: awk gawk mawk nawk
Ballerina: bal
Batchfile: bat cmd
BibTeX: bib bibtex
Bicep: bicep bicepparam
Bison: bison
BitBake: bbappend bbclass
Blade: blade.php blade
BlitzMax: bmx
Bluespec: bsv
Brightscript: brs
C: c cats idc
C#: csx linq
C++: c++ c++m cc ccm cpp cppm cxx cxxm h++ hpp hxx inl ino ipp ixx tcc tpp txx
C2hs Haskell: chs
Cabal Config: cabal
Cap'n Proto: capnp
Carbon: carbon
Ceylon: ceylon
Chapel: chpl
Circom: circom
Classic ASP: asp
Clojure: clj cljc cljs cljs.hl cljx cljscm boot hic
Closure Templates: soy
CMake: cmake cmake.in
COBOL: cob cbl ccp cobol cpy
CodeQL: ql qll
CoffeeScript: coffee _coffee cjsx iced
ColdFusion: cfm cfml
ColdFusion CFC: cfc
COLLADA: dae
Common Lisp: asd ny podsl sexp
Common Workflow Language: cwl
Crystal: cr
CSON: cson
Csound: orc udo
Csound Document: csd
Csound Score: sco
CSS: css
CSV: csv
Cuda: cu cuh
Cylc: cylc
Cypher: cyp cypher
Cython: pyx pxd pxi
D: di
D2: d2
Dafny: dfy
Dart: dart
DIGITAL Command Language: com
desktop: desktop desktop.in
Dhall: dhall
Diff: diff patch
DNS Zone: zone arpa
Dockerfile: dockerfile containerfile
Dotenv: env
Dylan: dylan dyl
E-mail: eml mbox
Easybuild: eb
EBNF: ebnf
Edge: edge
edn: edn
EJS: ejs ect ejs.t jst
Elixir: exs
Elm: elm
Elvish: elv
Emacs Lisp: el emacs emacs.desktop
Erlang: erl app app.src escript hrl xrl yrl
F#: fsi fsx
F*: fst fsti
Factor: factor
Fennel: fnl
FIRRTL: fir
fish: fish
FlatBuffers: fbs
Forth: fth 4th forth frt
Fortran: f77
Fortran Free Form: f03 f08 f90 f95
FreeMarker: ftlh
Futhark: fut
G-code: cnc gco gcode
GAP: gap gi
GDB: gdb gdbinit
GDShader: gdshader gdshaderinc
Gentoo Ebuild: ebuild
Gentoo Eclass: eclass
Gettext Catalog: po pot
Gherkin: feature story
Git Config: gitconfig
Gleam: gleam
Glimmer JS: gjs
GLSL: glsl fp fsh fshader geo geom glslf glslv rchit rmiss tesc tese vert vrx vsh vshader
GN: gn gni
Gnuplot: gnuplot gnu gp plot
Go: go
Go Template: gotmpl gohtml go.tmpl html.tmpl
Godot Resource: gdnlib gdns tres tscn
Gradle: gradle
Gradle Kotlin DSL: gradle.kts
GraphQL: graphql gql graphqls
Graphviz (DOT): dot gv
Groovy: groovy grt gtpl gvy jenkins jenkinsfile
Groovy Server Pages: gsp
Hack: hack hhi
Haml: haml haml.deface
Handlebars: hbs handlebars
Hare: ha
Haskell: hs hs-boot hsc
Haxe: hx hxsl
HCL: hcl nomad tf tfvars tofu
HIP: hip
HiveQL: hql
HLSL: hlsl cginc fxh hlsli
HOCON: hocon
hoon: hoon
HTML: htm html hta html.hl xht xhtml
HTML+EEX: heex leex html.heex html.leex html.eex
HTML+ERB: erb erb.deface rhtml html.erb
HTML+PHP: phtml
HTML+Razor: cshtml razor
HTTP: http
Hurl: hurl
HXML: hxml
Hy: hy
iCalendar: ics ical
Idris: idr lidr
Ignore List: gitignore
ImageJ Macro: ijm
Imba: imba
INI: ini cnf dof lektorproject prefs url container mount network service socket target timer
Ink: ink
Inno Setup: iss isl
Io: io
Isabelle: thy
Janet: janet
Java: java jav jsh
Java Server Pages: jsp tag
JavaScript: js cjs mjs jsx bones jake jsb jsm jss njs pac sjs ssjs xsjs xsjslib es6 javascript jscad jsfl
JavaScript+ERB: js.erb
JCL: jcl
Jest Snapshot: snap
JFlex: flex jflex
Jinja: j2 jinja jinja2
JSON: json 4dform 4dproject avsc geojson gltf har jsonl mcmeta ndjson tfstate tfstate.backup topojson webapp
JSON: webmanifest yyp sarif
JSON with Comments: jsonc code-snippets code-workspace sublime-build sublime-commands sublime-keymap
JSON with Comments: sublime-menu sublime-project sublime-settings hujson sublime-color-scheme
JSON with Comments: sublime-completions sublime-macro sublime-mousemap sublime-theme sublime-workspace
JSON5: json5
JSONLD: jsonld
Jsonnet: jsonnet libsonnet
Julia: jl
Jupyter Notebook: ipynb
Just: just
Kaitai Struct: ksy
KDL: kdl
KiCad Layout: kicad_pcb kicad_mod
KiCad Schematic: kicad_sch kicad_sym
Kit: kit
Koka: kk
Kotlin: kt ktm kts
Kusto: kql
kvlang: kv
Langium: langium
Lark: lark
Less: less
Lex: lex
LFE: lfe
LilyPond: ly ily
Linker Script: ld lds
Liquid: liquid
Literate Agda: lagda
Literate CoffeeScript: litcoffee coffee.md
Literate Haskell: lhs
LiveScript: _ls
LLVM: ll
Logtalk: lgt logtalk
LOLCODE: lol
LookML: lkml lookml
LSL: lsl lslp
Lua: lua nse p8 pd_lua rbxs rockspec wlua
Luau: luau
Macaulay2: m2
Makefile: mk mak make mkfile makefile
Mako: mako mao
Markdown: markdown livemd mdown mdwn mkd mkdn mkdown ronn workbook
Marko: marko
MATLAB: matlab
mcfunction: mcfunction
MDX: mdx
Mermaid: mmd mermaid
Metal: metal
Microsoft Visual Studio Solution: sln
MiniZinc: mzn
MLIR: mlir
Modula-3: i3 ig m3 mg
Monkey: monkey monkey2
MoonBit: mbt
MoonScript: moon
Move: move
Mustache: mustache
nanorc: nanorc
NASL: nasl
Nearley: ne nearley
NetLogo: nlogo
Nextflow: nf
Nginx: nginx nginxconf
Nim: nim nimble nims nim.cfg nimrod
Ninja: ninja
Nit: nit
Nix: nix
NSIS: nsi nsh
Nunjucks: njk
Oberon: ob2
ObjDump: objdump
OCaml: mli eliom eliomi ml4 mll mly
Open Policy Agent: rego
OpenCL: opencl
OpenQASM: qasm
OpenSCAD: scad
Org: org
Oz: oz
P4: p4
Pact: pact
Pan: pan
Papyrus: psc
Pascal: pas dfm dpr lpr pascal
PDDL: pddl
Pep8: pep
Perl: ph plx psgi perl
PHP: php3 php4 php5 phps phpt aw ctp
PigLatin: pig
Pike: pike pmod
pkg-config: pc.in
PlantUML: puml plantuml iuml
PLpgSQL: pgsql
PLSQL: pck pkb pks plb plsql
Pod 6: pod6
Pony: pony
PostCSS: pcss postcss
PostScript: ps eps epsi pfa
PowerShell: ps1 psd1 psm1
Praat: praat
Prisma: prisma
Processing: pde
Prolog: prolog yap
Promela: pml
Protocol Buffer: proto
Protocol Buffer Text Format: textproto txtpb textpb pbtxt
Public Key: pub
Pug: pug jade
Pure Data: pd
PureBasic: pb pbi
PureScript: purs
Pyret: arr
Python: py py3 pyi pyp pyt pyw gyp gypi lmi pyde tac wsgi xpy
Python traceback: pytb
QMake: pri
QML: qml qbs
QuakeC: qc
R: rd rsx rhistory
Racket: rkt rktd rktl scrbl
Ragel: rl
Raku: 6pl 6pm nqp p6 p6l p6m pl6 pm6 raku rakumod rakutest
RAML: raml
RBS: rbs
RDoc: rdoc
REALbasic: rbbas
Reason: rei
ReasonLIGO: religo
Rebol: reb r2 r3 rebol
Red: red
Regular Expression: regex regexp
ReScript: resi
reStructuredText: rst rest rest.txt rst.txt
REXX: rex rexx
Rich Text Format: rtf
Ring: ring
RMarkdown: qmd rmd
RobotFramework: robot resource
Roc: roc
Rocq Prover: coq
Roff: roff me tmac
RON: ron
Ruby: rb builder eye gemspec god jbuilder mspec podspec prawn rabl rake rbi rbuild rbw rbx ru ruby thor
Ruby: watchr
Rust: rs.in
Sage: sage sagews
SAS: sas
Sass: sass
Scala: scala kojo sbt
Scheme: sld sps ss
Scilab: sci sce
SCSS: scss
sed: sed
Self: self
Shell: sh bash bats ksh zsh zsh-theme tool sh.in tmux command sbatch slurm
ShellSession: sh-session
Sieve: sieve
Slang: slang
Slim: slim
Slint: slint
Smali: smali
Smithy: smithy
SmPL: cocci
SMT: smt smt2 z3
Snakemake: smk snakefile
SourcePawn: sp
SPARQL: sparql rq
SQL: tab udf viw mysql
SQLPL: db2
Squirrel: nut
Stan: stan
Standard ML: fun sig sml
Starlark: bzl bazel sky
Stata: ado do doh ihlp mata matah sthlp
STL: stl
Stylus: styl
SugarSS: sss
Svelte: svelte
SVG: svg
Sweave: rnw
Swift: swift swiftinterface
SWIG: swg swig
SystemVerilog: sv svh vh
Tcl: tcl adp sdc tcl.in tm xdc
Tcsh: csh tcsh
Tea: tea
templ: templ
Terraform Template: tftpl
TeX: tex aux bbx cbx dtx ins lbx ltx mkii mkiv mkvi sty
Texinfo: texi texinfo txi
Text: no
Textile: textile
Thrift: thrift
TI Program: 8xp
TLA: tla
TOML: toml toml.example
TSV: tsv
Turtle: ttl
Twig: twig
TypeScript: cts mts
Unified Parallel C: upc
Unity3D Asset: unity prefab
Uno: uno
UrWeb: ur urs
Vala: vala vapi
VBScript: vbs
VCL: vcl
Velocity Template Language: vtl
Verilog: veo
Verse: verse
VHDL: vhd vhdl vhf vhi vho vhs vht vhw
Vim Script: vim vimrc vmb
Vim Snippet: snip snippet snippets
Visual Basic .NET: vb vbhtml
Volt: volt
Vue: vue
Vyper: vy
Wavefront Material: mtl
Wavefront Object: obj
WDL: wdl
Web Ontology Language: owl
WebAssembly: wat wast
WebAssembly Interface Type: wit
WebIDL: webidl
WebVTT: vtt
WGSL: wgsl
Whiley: whiley
Wikitext: mediawiki wiki wikitext
Windows Registry Entries: reg
Wolfram Language: mathematica wl wls wlt cdf nbp
Wren: wren
X BitMap: xbm
X PixMap: xpm
xBase: prg prw
XML: xml adml admx ant axml builds ccproj ccxml clixml csdef csproj ct depproj dita ditamap ditaval
XML: dll.config dotsettings filters fsproj fxml glade gpx grxml iml inx ivy jelly jsproj kml launch lpi
XML: mdpolicy mjml mscx natvis ndproj nproj nuspec osm pom proj props ps1xml psc1 pt pubxml pyproj qhelp rdf
XML: resx rng rss scxml sfproj shproj srdf storyboard sublime-snippet targets tml ui urdf ux vbproj vcxproj
XML: vsixmanifest vssettings vstemplate vxml wixproj wsdl wsf wxi wxl wxs x3d xacro xaml xcscheme
XML: xcworkspacedata xib xlf xliff xmi xml.dist xmp xproj xsd xspec xul yin zcml
XML Property List: stTheme tmCommand tmLanguage tmPreferences tmSnippet tmTheme entitlements
Xonsh: xsh
XProc: xpl xproc
XQuery: xq xql xqm xquery xqu xqy
XS: xs
XSLT: xsl xslt
Xtend: xtend
Yacc: y yacc
YAML: yaml yml eyaml mir reek rviz sublime-syntax syntax yaml-tmlanguage yaml.sed yml.mysql yamlld
YANG: yang
YARA: yar yara
Yul: yul
Zeek: zeek bro
Zig: zig zig.zon
Zimpl: zimpl zmpl
"""
