"""Which sources are finished in a folder of predictions, and of which content."""
from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from ..file_io import write_whole
from .file_states import identity


class Journal:
    """One line for the options, one for each finished source.

    Args:
        path (Path): The file.
        options (dict): JSON-serialisable: what all sources must have in common.

    Attributes:
        done (dict): Source to what :meth:`add` was given.

    Raises:
        ValueError: The folder is of other options; names the first that differs.
    """

    def __init__(self, path: Path, options: dict) -> None:
        self.path = path
        lines = path.read_text(encoding='utf-8').split('\n')[:-1] if path.is_file() else []
        entries = [json.loads(line) for line in lines]  # a torn last line has no end
        self._options = entries[0] if entries else options
        for key, value in options.items():
            before = self._options.get(key)
            if before != value:
                raise ValueError(f'{path.parent} holds predictions made with {key} {before!r}, '
                                 f'now it is {value!r}: give another --out, or remove '
                                 f'{path.parent}')
        self.done = {entry.pop('source'): entry for entry in entries[1:]}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def add(self, source: str, **content) -> None:
        """The source is finished."""
        self.done[source] = content
        with self.path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(dict(source=source, **content)) + '\n')

    def changed(self, states: Mapping[str, list]) -> list[str]:
        """Finished sources that are another file by now (see :func:`media_states`)."""
        return [name for name, entry in self.done.items()
                if entry.get('state') and states.get(name)
                and identity(entry['state']) != identity(states[name])]

    def forget(self, names: Collection[str], table: Path) -> None:
        """The sources are no longer finished; the rows of images leave their common table.

        Killed in between, the table is shorter than the journal says, and :meth:`check_table`
        then has all images made again.

        Args:
            names (Collection[str]): Some of :attr:`done`.
            table (Path): ``images.csv``, or its part.
        """
        images = {name: entry for name, entry in self.done.items() if 'bytes' in entry}
        if table.is_file() and any(name in images for name in names):
            old = table.read_bytes()
            new, begin = old[:old.index(b'\n') + 1], old.index(b'\n') + 1
            for name, entry in images.items():
                end = entry['bytes']
                if name not in names:
                    new += old[begin:end]
                    entry['bytes'] = len(new)
                begin = end
            write_whole(table, new)
        for name in names:
            del self.done[name]
        self._write()

    def check_table(self, table: Path) -> int:
        """Bytes of the images' table that are to be kept.

        Where it is shorter, because it was removed or a call was killed, the images are no longer
        finished.

        Args:
            table (Path): ``images.csv``, or its part.
        """
        images = [name for name, entry in self.done.items() if 'bytes' in entry]
        keep = self.done[images[-1]]['bytes'] if images else 0
        if keep > (table.stat().st_size if table.is_file() else 0):
            for name in images:
                del self.done[name]
            self._write()
            return 0
        return keep

    def _write(self) -> None:
        lines = [self._options] + [dict(source=name, **entry) for name, entry in self.done.items()]
        write_whole(self.path, ''.join(f'{json.dumps(line)}\n' for line in lines))
