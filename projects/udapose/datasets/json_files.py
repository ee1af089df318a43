"""Reading JSON files, large ones included."""
from __future__ import annotations

import gc
import json
import os.path as osp

from .text_files import read_text


def load_json(path: str, key: str = '', expected: str = ''):
    """Content of a JSON file.

    Python's garbage collector is off meanwhile: it would search the millions of new lists, none of
    which is garbage, again and again.

    Args:
        path (str): The file.
        key (str): The config key or option that names it, for messages. Defaults to ``''``.
        expected (str): What it should hold, likewise. Defaults to ``''``.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It is no JSON (for example truncated), or no Unicode text.
    """
    named = f'{key}={path}' if key else path
    if not osp.isfile(path):
        raise FileNotFoundError(f'{named} does not exist: name an existing file (a relative path '
                                'is taken from data_root)')
    text = read_text(path, key)
    enabled = gc.isenabled()
    gc.disable()
    try:
        return json.loads(text)
    except ValueError as error:
        remedy = f'expected {expected}' if expected else 'truncated? Extract it again'
        raise ValueError(f'{named} is no JSON file ({error}): {remedy}') from None
    finally:
        if enabled:
            gc.enable()
