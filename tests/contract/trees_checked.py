"""Whether a project's tree holds together, and its counters agree with it."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.files import FileType
from vibecore.domain.paths import name_of, parent_of
from vibecore.repositories.unit_of_work import Mode, Store


def faults(store: Store, project_id: UUID) -> list[str]:
    """What is wrong: orphans, wrong parents, paths that disagree with them, counters, reviews and tests of nothing."""
    with store.begin(Mode.SNAPSHOT) as tx:
        project = tx.projects.get(project_id)
        files = {file.id: file for file in tx.files.stream(project_id)}
        paths = {file.path for file in files.values()}
        reviewed = {review.file_path for review in tx.reviews.stream(project_id)}
        tested = {result.file_path for result in tx.tests.stream(project_id)}
    found = []
    for file in files.values():
        above = parent_of(file.path)
        parent = None if file.parent_id is None else files.get(file.parent_id)
        if file.parent_id is not None and parent is None:
            found.append(f"{file.path} is an orphan")
        if (None if parent is None else parent.path) != above:
            found.append(f"{file.path} stands in {parent}")
        if parent is not None and parent.type is not FileType.FOLDER:
            found.append(f"{file.path} stands in a file")
        if file.name != name_of(file.path):
            found.append(f"{file.path} is called {file.name}")
    counted = [file for file in files.values() if file.type is FileType.FILE]
    if project.file_count != len(counted):
        found.append(f"file_count is {project.file_count}, not {len(counted)}")
    if project.total_lines != sum(file.line_count for file in counted):
        found.append(f"total_lines is {project.total_lines}, not {sum(file.line_count for file in counted)}")
    found += [f"{path} has a review or test, and does not exist" for path in (reviewed | tested) - paths]
    return found
