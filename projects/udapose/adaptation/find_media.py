"""Which videos and images a user means: without results of this package, each with its own name."""
from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ..datasets.image_headers import (
    FOREIGN_SUFFIXES,
    IMAGE_SUFFIXES,
    find_images,
    left_out,
    listed_kinds,
)
from .video import VIDEO_SUFFIXES, Media

#: Also videos that OpenCV does not read everywhere: left out, and said.
_FOREIGN = (*FOREIGN_SUFFIXES, '.mxf', '.insv', '.vob', '.asf')


def find_media(data: str | Path | Sequence[str | Path], out: str | Path | None = None,
               say: Callable[[str], None] = lambda text: None) -> list[Media]:
    """All videos and images of a file, a folder (searched recursively) or a list of these.

    What `udapose adapt` and `udapose predict` have written into folders below the data is left
    out: a second run would else take the frames and drawn skeletons of the first one for data.

    Args:
        data: As the user gives it; ``~`` is expanded.
        out (str | Path, optional): Folder of the results to come, left out likewise.
        say (Callable): Gets one line for each kind of what is left out.

    Returns:
        list[Media]: Videos first, each group sorted by name; at least one. Names are relative to
        the folder that was given; where several would be called alike, parent folders are added.

    Raises:
        FileNotFoundError: Something does not exist, or there is neither video nor image.
        ValueError: There are results only.
    """
    given = [data] if isinstance(data, (str, Path)) else list(data)
    files: list[tuple[Path, str]] = []
    results, others, foreign, unnamed = 0, 0, Counter(), []
    for item in given:
        path = Path(item).expanduser()
        if path.is_dir():
            names = sorted(find_images(str(path), IMAGE_SUFFIXES + VIDEO_SUFFIXES + _FOREIGN),
                           key=_natural)  # frame_2 comes before frame_10
            others += 0 if names else sum(len(files) for _, _, files in os.walk(path))
            kept = _without_results(path, names, out)
            results += len(names) - len(kept)
            unnamed += [n for n in kept if not _is_text(n)]
            kept = [n for n in kept if _is_text(n)]
            foreign.update(Path(n).suffix.lower() for n in kept if n.lower().endswith(_FOREIGN))
            files += [(path, n) for n in kept if not n.lower().endswith(_FOREIGN)]
        elif path.is_file():
            if path.suffix.lower() not in VIDEO_SUFFIXES + IMAGE_SUFFIXES:
                raise FileNotFoundError(
                    f'{item} is neither a video ({", ".join(VIDEO_SUFFIXES)}) nor an image '
                    f'({", ".join(IMAGE_SUFFIXES)})')
            files.append((path.parent, path.name))
        else:
            raise FileNotFoundError(f'{item} does not exist: name a video, an image, or a folder '
                                    'of these with --data')
    if unnamed:
        others += len(unnamed)
        say(f'{len(unnamed)} files are left out, as their names are no text in UTF-8 (such as '
            f'{unnamed[0]!r}): rename them')
    where = ', '.join(map(str, given))
    if not files and results and not foreign:
        raise ValueError(f'all data in {where} are results of `udapose adapt` or `udapose predict`')
    if not files:
        raise FileNotFoundError(
            f'no video and no image in {where} ({listed_kinds(foreign) or others} other files): '
            f'expected {", ".join(VIDEO_SUFFIXES + IMAGE_SUFFIXES)}')
    if results:
        say(f'{results} files are left out: they are results of `udapose adapt` or '
            '`udapose predict`')
    if foreign:
        say(left_out(foreign, 'convert them to JPEG or MP4'))
    found = [(root / name, called) for (root, name), called in _distinct(files)]
    videos = [f for f in found if f[0].suffix.lower() in VIDEO_SUFFIXES]
    images = [f for f in found if f[0].suffix.lower() not in VIDEO_SUFFIXES]
    return [Media(path, name) for path, name in videos + images]


def _is_text(name: str) -> bool:
    """Whether a name can be printed and written; Linux allows any bytes."""
    try:
        name.encode('utf-8')
    except UnicodeEncodeError:
        return False
    return True


def _natural(name: str) -> list:
    """Sort key in which numbers count as numbers: the end of a folder is then its end in time."""
    return [(0, int(part), '') if part.isdigit() else (1, 0, part)
            for part in re.split(r'(\d+)', name) if part]


def _without_results(root: Path, names: Sequence[str], out: str | Path | None) -> list[str]:
    """Names that are not below a folder of results; ``root`` itself was asked for."""
    out = None if out is None else Path(out).expanduser().resolve()
    known = {'.': False, '': False}

    def is_result(folder: str) -> bool:
        if folder not in known:
            parent = folder.rpartition('/')[0]
            place = root / folder
            known[folder] = is_result(parent) or (place / 'predictions.jsonl').is_file() or \
                _is_run(place) or (out is not None and place.resolve() == out)
        return known[folder]
    return [name for name in names if not is_result(name.rpartition('/')[0])]


def _is_run(folder: Path) -> bool:
    try:
        return '"udapose"' in (folder / 'run.json').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return False


def _distinct(files: list[tuple[Path, str]]) -> list[tuple[tuple[Path, str], str]]:
    """Each file once, with a name that no other one has."""
    once = {os.path.abspath(root / name): (root, name) for root, name in files}
    if len(once) == len(files) and len({name for _, name in files}) == len(files):
        return [(file, file[1]) for file in files]
    called = {path: name for path, (_, name) in once.items()}
    while True:
        often = Counter(called.values())
        alike = [path for path, name in called.items() if often[name] > 1]
        if not alike:
            return [(once[path], name) for path, name in called.items()]
        for path in alike:  # one more folder in front
            called[path] = '/'.join(Path(path).parts[-len(Path(called[path]).parts) - 1:])
