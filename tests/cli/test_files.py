"""`vibecore files`: a project's tree, listed, shown, changed and searched."""

from __future__ import annotations

import pytest

import vibecore as library
from tests.cli.commands import Ran, vibecore
from tests.cli.conftest import PASSWORD

REFUSED, USAGE = 1, 2


@pytest.fixture
def project(database: str, ada: str) -> str:
    """The name of a project with a few files; one name and one content could steer a terminal, one is binary."""
    with library.connect(database) as vibe:
        actor = vibe.auth.login(email=ada, password=PASSWORD).actor
        id = vibe.projects.create(actor, name="garden").id
        contents: dict[str, str | bytes] = {
            "src/app/main.py": "import os\n# TODO: Straße\n",
            "src/[bold]util.py": "x = 1\n",
            "src/\u202etxt.exe": "\x1b[31mTODO red\n",
            "logo.png": b"\x89PNG\0",
        }
        for path, content in contents.items():
            vibe.files.write(actor, id, path, content)
    return "garden"


def files(database: str, *arguments: str) -> Ran:
    return vibecore("files", *arguments, "--url", database)


def test_folders_are_listed(database: str, project: str) -> None:
    """The top, then one folder; as text and as a document. What could steer a terminal is escaped."""
    top = files(database, "list", project).done().out.splitlines()
    assert [line.split()[-1] for line in top] == ["logo.png", "src/"]
    told = files(database, "list", project, "src").done()
    assert "[bold]util.py" in told.out
    assert "\\u202etxt.exe" in told.out
    found = files(database, "list", project, "src", "--json").done().json["files"]
    assert [entry["name"] for entry in found] == ["[bold]util.py", "app", "\u202etxt.exe"]
    assert (found[0]["size_bytes"], found[0]["line_count"], found[0]["language"]) == (6, 1, "Python")
    tree = files(database, "tree", project).done().out.splitlines()
    assert tree[:4] == ["logo.png", "src/", "src/[bold]util.py", "src/app/"]
    assert len(files(database, "tree", project, "src/app", "--json").done().json["files"]) == 2


def test_a_file_is_shown_as_it_is(database: str, project: str) -> None:
    """Byte for byte where the output is no terminal; what has no text is refused."""
    assert files(database, "show", project, "src/app/main.py").done().out == "import os\n# TODO: Straße\n"
    document = files(database, "show", project, "src/app/main.py", "--json").done().json
    assert document["content"] == "import os\n# TODO: Straße\n"
    for path in ("src", "logo.png"):
        line = files(database, "show", project, path).refused(USAGE)
        assert line == "path: has no text: it is a folder, or kept as digest and size"
    assert files(database, "show", project, "nothing").refused(REFUSED) == "no such file: nothing"


def test_entries_are_moved_copied_and_deleted(database: str, project: str) -> None:
    assert files(database, "copy", project, "src/app", "lib/app").done().out == "copied to lib/app\n"
    assert files(database, "move", project, "lib", "old").done().out == "moved to old\n"
    assert files(database, "move", project, "old/app", "new", "--json").done().json["path"] == "new"
    line = files(database, "copy", project, "src", "NEW", "--refuse-case-collisions").refused(USAGE)
    assert line == "target: differs only by case from a path that is in use"
    assert files(database, "delete", project, "new").done().out == "2 entries deleted\n"
    assert files(database, "delete", project, "old", "--json").done().json == {"deleted": 1}
    assert "exists" in files(database, "move", project, "src", "logo.png").refused(REFUSED)
    with library.connect(database) as vibe:
        actor = vibe.auth.login(email="ada@example.org", password=PASSWORD).actor
        events = vibe.audit.page(actor, limit=10).items
        assert "vibecore files delete" in {event.details.get("system_reason") for event in events}


def test_names_and_contents_are_searched(database: str, project: str) -> None:
    """One line for each match, safe for a terminal; nothing found is exit code 1; the same once it is indexed."""
    for _ in range(2):
        found = files(database, "search", project, "TODO").done().out.splitlines()
        assert found == ["src/app/main.py:2:# TODO: Straße", "src/\\u202etxt.exe:1:\\x1b[31mTODO red"]
        assert files(database, "search", project, "util").done().out == "src/[bold]util.py\n"
        folded = files(database, "search", project, "STRASSE", "--ignore-case", "--json").done().json["found"]
        assert [(each["path"], each["lines"]) for each in folded] == [
            ("src/app/main.py", [{"number": 2, "excerpt": "# TODO: Straße"}])
        ]
        assert len(files(database, "search", project, "TODO", "--limit", "1").done().out.splitlines()) == 1
        for options in (["--no-contents"], ["--folder", "src/app/main.py"]):
            assert files(database, "search", project, "TODO", *options).refused(REFUSED) == "nothing found"
        told = vibecore("maintain", "--json", "--url", database).done().json["contents"]
        assert told["indexed"] in (3, 0)
    line = files(database, "search", project, "TODO", "--no-names", "--no-contents").refused(USAGE)
    assert line == "contents: is left out as names are: nothing would be searched"


def test_a_user_acts_with_a_password(database: str, project: str, ada: str) -> None:
    told = vibecore("files", "tree", project, "--email", ada, "--url", database, given=f"{PASSWORD}\n").done()
    assert "logo.png" in told.out
    assert vibecore("files", "tree", project, "--email", ada, "--url", database, given="wrong\n").code == REFUSED
