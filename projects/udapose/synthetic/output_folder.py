"""Checks before a data set is written, and atomic writing."""

import json
import os
import shutil
import tempfile


class SyntheticDataError(RuntimeError):
    """The data set cannot be written; the message names the cause and the remedy."""


def write_atomically(path, content):
    """Write a file so that it is either complete or not there.

    Args:
        path (Path): File to write or replace.
        content (bytes): Its content.
    """
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    temporary.write_bytes(content)
    os.replace(temporary, path)


def check_parameters(out, parameters):
    """Compare a folder's data set, finished or not, with the wanted one.

    Args:
        out (Path): Folder of the data set.
        parameters (dict): Wanted parameters.

    Returns:
        dict or None: Content of ``meta.json`` if the data set is finished.

    Raises:
        SyntheticDataError: If the folder holds something else.
    """
    for path in (out / 'meta.json', out / '.partial' / 'parameters.json'):
        if not path.is_file():
            continue
        try:
            stored = json.loads(path.read_bytes())
            different = [key for key, value in parameters.items() if stored.get(key) != value]
        except (ValueError, AttributeError) as error:
            raise SyntheticDataError(f'{path} is damaged ({error}); delete the folder {out} or '
                                     'choose another one with --out.') from error
        if different:
            facts = '; '.join(f'{key} is {_short(stored.get(key))}, wanted '
                              f'{_short(parameters[key])}' for key in different)
            state = 'finished' if path.name == 'meta.json' else 'unfinished'
            raise SyntheticDataError(
                f'{out} holds a {state} data set with other parameters (see {path}): {facts}. '
                'Choose another folder with --out, repeat the stored parameters, or delete the '
                'folder.')
        if path.name == 'meta.json':
            return stored
        return None
    for name in ('source', 'target'):
        if (out / name).exists():
            raise SyntheticDataError(
                f'{out / name} exists, but {out} has no meta.json of this generator; choose an '
                'empty folder with --out.')
    return None


def _short(value):
    return json.dumps(value)


def check_writable(out):
    """Create the folder and make sure that files can be written there.

    Args:
        out (Path): Folder of the data set.

    Raises:
        SyntheticDataError: If not.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise SyntheticDataError(f'Cannot write to the folder {out} ({error}); choose another '
                                 'one with --out or fix its permissions.') from error


def estimated_bytes(images, size):
    """Disk space that samples take at most, roughly, in bytes.

    Args:
        images (int): Number of samples.
        size (int): Image size in pixels.

    Returns:
        int: Images, masks and annotations, rounded up to file-system blocks.
    """
    return images * (size * size + 16 * 1024)


def check_disk_space(out, images, size):
    """Make sure that the disk has room.

    Args:
        out (Path): Existing folder of the data set.
        images (int): Number of samples still to write.
        size (int): Image size in pixels.

    Raises:
        SyntheticDataError: If the free space is smaller than the estimate.
    """
    needed, free = estimated_bytes(images, size), shutil.disk_usage(out).free
    if free < needed:
        raise SyntheticDataError(
            f'The disk of {out} is too small: about {needed / 1e6:.0f} MB needed for {images} '
            f'images, {free / 1e6:.0f} MB available. Free some space, lower the numbers of '
            'images or --size, or choose another disk with --out.')
