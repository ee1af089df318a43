"""Whether a file is still the one that a run has seen: by size and a sample of its content."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .video import Media

#: Of each of the three places (begin, middle, end) that are read.
_BLOCK = 1 << 14
#: Images whose content is looked at. Of larger folders it is size and time alone: opening a
#: hundred thousand files takes minutes on a disk that has to seek.
_MOST_IMAGES = 10_000
#: Of labelled source images: the size of all, the content of at least so many (of fewer: all).
_SOURCE_IMAGES = 200


def file_state(path: str | Path) -> list:
    """Size in bytes and time of the last change in whole seconds.

    Raises:
        OSError: There is no such file.
    """
    stat = os.stat(path)
    return [stat.st_size, int(stat.st_mtime)]


def content_state(path: str | Path) -> list:
    """Size in bytes and a digest of all of a file: the same after a copy or a touch.

    Raises:
        OSError: There is no such file.
    """
    found = hashlib.sha1()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            found.update(block)
        return [file.tell(), found.hexdigest()[:16]]


def images_state(folder: Path, names: Sequence[str]) -> str:
    """Tells images from others of the same names: by the size of all and the content of some.

    Args:
        folder (Path): Of the images.
        names (Sequence[str]): Relative to it.

    Returns:
        str: The same after a copy or a touch. Another one if images were added or removed, if one
        was replaced by one of another size, or one of those whose content is read: of up to 399
        images all, of more at least 200, evenly spread. (Two compressed images rarely have the
        same size; uncompressed ones of the same width and height do.) A file that cannot be read
        counts as of size -1.
    """
    found, names = hashlib.sha1(), sorted(set(names))
    step = max(len(names) // _SOURCE_IMAGES, 1)
    for i, name in enumerate(names):
        try:
            size = os.stat(folder / name).st_size
            content = _digest(folder / name, size) if i % step == 0 else ''
        except (OSError, ValueError):  # a name that no file can have is a ValueError
            size, content = -1, ''
        found.update(f'{name}\0{size}\0{content}\n'.encode(errors='surrogatepass'))
    return found.hexdigest()[:16]


def media_states(media: Sequence[Media], known: Mapping[str, list] | None = None
                 ) -> dict[str, list]:
    """What tells each file of the data from another one of the same name.

    Args:
        media (Sequence[Media]): All data.
        known (Mapping[str, list], optional): Of an earlier call: where size and time are the same,
            the content is not read again.

    Returns:
        dict[str, list]: By name: size, time (ns), and a digest of the content's begin, middle and
        end; the digest is None of images where there are very many. A file that cannot be read
        has an empty list.
    """
    many = sum(not item.is_video for item in media) > _MOST_IMAGES
    found = {}
    for item in media:
        before = list((known or {}).get(item.name) or ())
        try:
            stat = os.stat(item.path)
            state = [stat.st_size, stat.st_mtime_ns]
            if before[:2] == state:
                found[item.name] = before
            else:
                found[item.name] = [*state, None if many and not item.is_video
                                    else _digest(item.path, stat.st_size)]
        except OSError:
            found[item.name] = []
    return found


def identity(state: Sequence) -> list:
    """The part of a state that differs if, and only if, the content does.

    A copy of the data has new times, but the same content: no reason to do all work again.
    """
    size, time, digest = state or (None, None, None)
    return [size, digest or time]


def what_changed(sources: Sequence[Mapping], states: Mapping[str, list]) -> str:
    """Files that are new, other ones under the same name, or gone, in words; empty if none is.

    Args:
        sources (Sequence[Mapping]): Of an earlier run's ``frames.json``.
        states (Mapping[str, list]): Of all data now, see :func:`media_states`.
    """
    before = {source['path']: source.get('state') for source in sources}
    new = [name for name in states if name not in before]
    other = [name for name, state in states.items()
             if before.get(name) is not None and identity(before[name]) != identity(state)]
    gone = [name for name in before if name not in states]
    return '; '.join(f'{len(names)} {what} ({", ".join(names[:3])}{", ..." * (len(names) > 3)})'
                     for names, what in ((new, 'new file(s)'), (other, 'changed file(s)'),
                                         (gone, 'file(s) gone')) if names)


def _digest(path: Path, size: int) -> str:
    found = hashlib.sha1()
    with open(path, 'rb') as file:
        for begin in sorted({0, max(size // 2 - _BLOCK // 2, 0), max(size - _BLOCK, 0)}):
            file.seek(begin)
            found.update(file.read(_BLOCK))
    return found.hexdigest()[:16]
