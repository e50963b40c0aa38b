"""Files: a project's tree, read, written, moved, deleted, imported and exported."""

from __future__ import annotations

from vibecore.services.files.deleting import FileDeleting
from vibecore.services.files.moving import FileMoving
from vibecore.services.files.reading import FileReading
from vibecore.services.files.transferring import FileTransferring
from vibecore.services.files.writing import FileWriting


class FileService(FileReading, FileWriting, FileMoving, FileDeleting, FileTransferring):
    """`vibe.files`. Paths keep the rules of `domain.paths`; a project's `file_count` and `total_lines` stay exact."""
