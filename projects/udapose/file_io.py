"""Files of the package's own: whole or not there, also on a full disk or after a kill."""
from __future__ import annotations

import json
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file under ``NAME.part`` beside it, then give it its name.

    Args:
        path (str | Path): The file; its folder is made if need be.
        content (str | bytes): Text is written as UTF-8.

    Raises:
        OSError: It cannot be written; names the file. What was there before stays as it was.
    """
    path = Path(path)
    part = path.with_name(path.name + '.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode('utf-8') if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)  # it takes room on a disk that has none
        if error.filename or not error.errno:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_json(path: str | Path, value, indent: int | None = 1, sort_keys: bool = False) -> None:
    """Write a JSON file whole or not at all.

    Args:
        path (str | Path): The file; its folder is made if need be.
        value: What JSON knows; numbers of NumPy and PyTorch become plain ones, all else text.
        indent (int, optional): None: on one line, for large files. Defaults to 1.
        sort_keys (bool): Defaults to False.

    Raises:
        OSError: See :func:`write_whole`.
    """
    text = json.dumps(value, indent=indent, sort_keys=sort_keys, default=_plain)
    write_whole(path, f'{text}\n')


def read_json(path: str | Path, remedy: str = 'remove it, and it is made again'):
    """Content of a JSON file of the package's own.

    Args:
        path (str | Path): The file; it exists.
        remedy (str): What to do where it is damaged.

    Raises:
        ValueError: It is damaged, as after a crash of the machine or a careless edit.
    """
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except ValueError as error:  # also text that is no UTF-8
        raise ValueError(f'{path} is damaged ({error}): {remedy}') from error


def _plain(value):
    return value.item() if hasattr(value, 'item') else str(value)
