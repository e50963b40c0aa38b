"""What a file's name alone says: the languages of exact names and of extensions that belong to one language.

Languages are spelled as GitHub Linguist spells them. Most extensions and names come from the `identify`
library, through its tags; the tables here add what it does not know, and correct it where Linguist has
another name. Extensions that several languages share are not here but in `_content`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from vibecore.services.languages._extensions import EXTENSIONS

FILENAMES: Final = """\
Alpine Abuild: APKBUILD
Ant Build System: ant.xml build.xml
ApacheConf: .htaccess apache2.conf httpd.conf
Browserslist: .browserslistrc browserslist
Cabal Config: cabal.config cabal.project
Caddyfile: Caddyfile
Checksums: MD5SUMS SHA1SUMS SHA256SUMS SHA256SUMS.txt SHA512SUMS checksums.txt cksums md5sum.txt
CMake: CMakeLists.txt
CODEOWNERS: CODEOWNERS
CoffeeScript: Cakefile
crontab: crontab
cURL Config: .curlrc _curlrc
dircolors: .dir_colors .dircolors DIR_COLORS _dir_colors _dircolors dir_colors
Dockerfile: Dockerfile Containerfile
Dotenv: .env .env.ci .env.dev .env.development .env.development.local .env.example .env.local .env.prod
Dotenv: .env.production .env.sample .env.staging .env.template .env.test .env.testing
Dune: dune-project
Earthly: Earthfile
EditorConfig: .editorconfig
Elixir: mix.lock
Emacs Lisp: .emacs .gnus .spacemacs .viper .abbrev_defs Cask Project.ede _emacs
Erlang: Emakefile rebar.config rebar.config.lock rebar.lock sys.config
Gemfile.lock: Gemfile.lock
Git Attributes: .gitattributes
Git Commit: .gitmessage COMMIT_EDITMSG
Git Config: .gitconfig .gitmodules
Git Revision List: .git-blame-ignore-revs
GN: .gn
Go Checksums: go.sum go.work.sum
Go Module: go.mod
Go Template: _helpers.tpl
Go Workspace: go.work
Godot Resource: project.godot
Groovy: Jenkinsfile
HAProxy: haproxy.cfg
HCL: .terraform.lock.hcl
HOCON: .scalafix.conf .scalafmt.conf
Hosts File: HOSTS hosts hosts.txt
Ignore List: .atomignore .babelignore .bzrignore .cfignore .coffeelintignore .cvsignore .dockerignore
Ignore List: .easignore .eleventyignore .eslintignore .gcloudignore .gitignore .hgignore .ignore
Ignore List: .markdownlintignore .nodemonignore .npmignore .prettierignore .stylelintignore .vercelignore
Ignore List: .vscodeignore gitignore-global gitignore_global .containerignore .rgignore .agignore .ckignore
Ignore List: .eslint-ignore
INI: .buckconfig .coveragerc .flake8 .pylintrc pylintrc setup.cfg tox.ini .pypirc .hgrc .gitlint .isort.cfg
INI: .rstcheck.cfg .sqlfluff .codespellrc buildozer.spec
JAR Manifest: MANIFEST.MF
JavaScript: Jakefile
JSON: .all-contributorsrc .arcconfig .auto-changelog .c8rc .htmlhintrc .imgbotconfig .nycrc .tern-config
JSON: .tern-project .watchmanconfig MODULE.bazel.lock Package.resolved Pipfile.lock bun.lock composer.lock
JSON: deno.lock flake.lock mcmod.info .bowerrc .csslintrc .mention-bot .secrets.baseline
JSON with Comments: .babelrc .devcontainer.json .eslintrc.json .jscsrc .jshintrc .jslintrc .swcrc
JSON with Comments: api-extractor.json devcontainer.json jsconfig.json language-configuration.json
JSON with Comments: tsconfig.json tslint.json
Just: .JUSTFILE .Justfile .justfile JUSTFILE Justfile justfile
Lex: Lexer.x
Lua: .luacheckrc
M4Sugar: configure.ac
Makefile: BSDmakefile GNUmakefile Kbuild Makefile Makefile.am Makefile.boot Makefile.frag Makefile.in
Makefile: Makefile.inc Makefile.wat makefile makefile.sco mkfile
Markdown: contents.lr
Maven POM: pom.xml
Meson: meson.build meson.options meson_options.txt
nanorc: .nanorc nanorc
Nextflow: nextflow.config
Nginx: nginx.conf
Nim: nim.cfg
NPM Config: .npmrc
Option List: .ackrc .rspec .yardopts ackrc mocha.opts
Perl: .latexmkrc Build.PL Rexfile ack cpanfile latexmkrc Makefile.PL
PHP: .php .php_cs .php_cs.dist Phakefile
Pip Requirements: requirements.txt requirements-dev.txt dev-requirements.txt
Procfile: Procfile
Proguard: proguard-rules.pro
Python: .gclient DEPS SConscript SConstruct SCsub wscript .pdbrc
Quake: m3makefile m3overrides
R: .Rprofile expr-dist
Readline Config: .inputrc inputrc
Record Jar: language-subtag-registry.txt
Redirect Rules: _redirects
Robots Exclusion Rules: robots.txt
Ruby: .irbrc .pryrc .simplecov Appraisals Berksfile Brewfile Buildfile Capfile Dangerfile Deliverfile
Ruby: Fastfile Gemfile Guardfile Jarfile Mavenfile Podfile Puppetfile Rakefile Snapfile Steepfile Thorfile
Ruby: Vagrantfile buildfile config.ru
SELinux Policy: file_contexts genfs_contexts initial_sids port_contexts security_classes
Shell: .bash_aliases .bash_functions .bash_history .bash_logout .bash_profile .bashrc .cshrc .envrc .kshrc
Shell: .login .profile .tmux.conf .xinitrc .xsession .zlogin .zlogout .zprofile .zshenv .zshrc PKGBUILD
Shell: bash_aliases bash_logout bash_profile bashrc cshrc gradlew kshrc tmux.conf xinitrc xsession zlogin
Shell: zlogout zprofile zshenv zshrc direnvrc mvnw
ShellCheck Config: .shellcheckrc
Singularity: Singularity
Snakemake: Snakefile
Soong: Android.bp
SSH Config: ssh-config ssh_config sshconfig sshconfig.snip sshd-config sshd_config
Starlark: BUCK BUILD BUILD.bazel MODULE.bazel Tiltfile WORKSPACE WORKSPACE.bazel copy.bara.sky
Starlark: WORKSPACE.bzlmod
Tcl: owh starfield
Text: CITATION COPYING COPYING.regex COPYRIGHT.regex FONTLOG INSTALL INSTALL.mysql LICENSE LICENSE.mysql
Text: NEWS README README.me README.mysql README.nss click.me delete.me keep.me package.mask package.use.mask
Text: package.use.stable.mask read.me readme.1st test.me use.mask use.stable.mask AUTHORS CHANGELOG
Text: CONTRIBUTING MAINTAINERS NOTICE PATENTS .mailmap CITATIONS
TextMate Properties: .tm_properties
TOML: Cargo.lock Cargo.toml.orig Gopkg.lock Pipfile mise.local.lock mise.lock pdm.lock poetry.lock uv.lock
Vim Script: .exrc .gvimrc .nvimrc .vimrc _vimrc gvimrc nvimrc vimrc
Wget Config: .wgetrc
X Font Directory Index: encodings.dir fonts.alias fonts.dir fonts.scale
XCompose: .XCompose XCompose xcompose
Xmake: xmake.lua
XML: .classpath .cproject .project App.config NuGet.config Settings.StyleCop Web.Debug.config
XML: Web.Release.config Web.config packages.config
YAML: .clang-format .clang-tidy .clangd .gemrc CITATION.cff glide.lock pixi.lock yarn.lock .ansible-lint
YAML: .salt-lint .yamllint
"""
"""Lines of a language and exact names of its files."""

STEMS: Final[Mapping[str, str]] = {
    "Dockerfile": "Dockerfile",
    "Containerfile": "Dockerfile",
    "Jenkinsfile": "Groovy",
    "Makefile": "Makefile",
    "Vagrantfile": "Ruby",
}
"""Names that are often followed by a dot and the purpose of one variant: `Dockerfile.test`."""

TAGS: Final[Mapping[str, str]] = {
    # The first tag of `identify` that stands here decides, so the special stands before the general.
    "jupyter": "Jupyter Notebook",
    "svg": "SVG",
    "xhtml": "HTML",
    "clojurescript": "Clojure",
    "asm": "Assembly",
    "awk": "Awk",
    "c#": "C#",
    "c++": "C++",
    "c": "C",
    "cmake": "CMake",
    "csv": "CSV",
    "dockerfile": "Dockerfile",
    "erlang": "Erlang",
    "gitignore": "Ignore List",
    "groovy": "Groovy",
    "html": "HTML",
    "ini": "INI",
    "java": "Java",
    "javascript": "JavaScript",
    "json": "JSON",
    "kotlin": "Kotlin",
    "makefile": "Makefile",
    "markdown": "Markdown",
    "nushell": "Nushell",
    "perl": "Perl",
    "php": "PHP",
    "plain-text": "Text",
    "python": "Python",
    "ruby": "Ruby",
    "rust": "Rust",
    "scala": "Scala",
    "shell": "Shell",
    "expect": "Tcl",
    "toml": "TOML",
    "xml": "XML",
    "yaml": "YAML",
}
"""What `identify` calls a kind of file, and what Linguist calls its language."""


def from_tags(tags: Iterable[str]) -> str | None:
    """The language of a file that `identify` gives these tags; None for a binary one and where no tag tells."""
    known = set(tags)
    if "binary" in known:
        return None
    return next((language for tag, language in TAGS.items() if tag in known), None)


def by_extension() -> dict[str, str]:
    """Extension to language, from both sources; an extension of several parts keeps its inner dots."""
    from identify import extensions

    found = {
        extension: language
        for extension, tags in extensions.EXTENSIONS.items()
        if (language := from_tags(tags)) is not None
    }
    return found | _table(EXTENSIONS)


def by_filename() -> dict[str, str]:
    """Exact name to language, from both sources."""
    from identify import extensions

    found = {name: language for name, tags in extensions.NAMES.items() if (language := from_tags(tags)) is not None}
    return found | _table(FILENAMES)


def _table(lines: str) -> dict[str, str]:
    found = {}
    for line in lines.splitlines():
        language, words = line.rsplit(": ", 1)
        found.update(dict.fromkeys(words.split(), language))
    return found
