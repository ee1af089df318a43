"""Large JSON files."""
from __future__ import annotations

import gc
import json


def load_json(path: str):
    """Content of a JSON file.

    Python's garbage collector is off meanwhile: it would search the millions of new lists, none of
    which is garbage, again and again.

    Args:
        path (str): The file.

    Raises:
        ValueError: It is no JSON (for example truncated).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        with open(path) as file:
            return json.load(file)
    except ValueError as error:
        raise ValueError(f'{path} is no JSON file ({error}): truncated? Extract it again') from None
    finally:
        if enabled:
            gc.enable()
