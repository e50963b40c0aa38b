"""Files: a project's tree, read, searched, written, moved, copied, deleted, imported and exported."""

from __future__ import annotations

from vibecore.services.files.copying import FileCopying
from vibecore.services.files.deleting import FileDeleting
from vibecore.services.files.moving import FileMoving
from vibecore.services.files.reading import FileReading
from vibecore.services.files.searching import FileSearching
from vibecore.services.files.transferring import FileTransferring
from vibecore.services.files.writing import FileWriting


class FileService(FileReading, FileSearching, FileWriting, FileMoving, FileCopying, FileDeleting, FileTransferring):
    """`vibe.files`. Paths keep the rules of `domain.paths`; a project's `file_count` and `total_lines` stay exact."""
