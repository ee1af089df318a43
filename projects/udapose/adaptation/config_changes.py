"""Changes of a run's training config: by the user, and when its folder was moved."""
from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config

from ..config_writing import write_config
from ..file_io import read_json, write_json


def follow(folder: Path) -> None:
    """Make the config and the last checkpoint of a run's folder that was moved name it again.

    Args:
        folder (Path): Of the run, with ``config.py`` and ``plan.json``, which says its ``folder``.
    """
    path, pointer = folder / 'config.py', folder / 'work' / 'last_checkpoint'
    plan = read_json(folder / 'plan.json')
    before = plan.get('folder', str(folder))
    if before != str(folder):
        cfg = Config.fromfile(path)
        cfg.merge_from_dict({key: str(folder) + value[len(before):]
                             for key, value in _texts(cfg.to_dict())
                             if value == before or value.startswith(before + os.sep)})
        write_config(cfg, path)
        write_json(folder / 'plan.json', {**plan, 'folder': str(folder)})
    if pointer.exists():
        name = Path(pointer.read_text(encoding='utf-8').strip()).name
        pointer.write_text(str(folder / 'work' / name), encoding='utf-8')


def new_keys(cfg: Config, options: dict) -> list[str]:
    """Dotted keys of options that a config does not have yet: wanted, or misspelt.

    Raises:
        LookupError, TypeError, ValueError: A key cannot be in this config.
    """
    new = []
    for key in options:
        value = cfg.to_dict()
        for part in key.split('.'):
            if isinstance(value, dict) and part not in value:
                new.append(key)
                break
            value = value[int(part) if isinstance(value, (list, tuple)) else part]
    return new


def _texts(value, key: str = '') -> list[tuple[str, str]]:
    """Dotted keys of all strings in a config."""
    if isinstance(value, str):
        return [(key, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()
    return [found for k, v in items for found in _texts(v, f'{key}.{k}' if key else str(k))]
