"""A run's folder: which steps are complete, and with what they were made."""
from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

from ..file_io import read_json, write_json
from ..version import __version__
from .folder_lock import NAME as LOCK


class Steps:
    """Runs steps once; the same command continues after the last complete one.

    A step is repeated if its inputs, or a step before it, have changed.

    Args:
        folder (Path): The run's folder; made if it does not exist.
        options (dict): The command's options, kept in ``run.json`` for the reader.

    Raises:
        ValueError: The folder holds something else, or a broken ``run.json``.
    """

    def __init__(self, folder: Path, options: dict) -> None:
        self.folder, self.path = folder, folder / 'run.json'
        check_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        before = read_json(self.path, 'remove it, the steps will run again') \
            if self.path.exists() else {}
        self.record = dict(
            options=options, versions=versions(), started=before.get('started', _now()),
            steps=before.get('steps', {}))
        self._chain = ''
        self._write()

    def run(self, name: str, title: str, inputs: dict, work: Callable[[], dict | None],
            makes: tuple[str, ...] = (), base: str | None = None) -> dict:
        """Run a step unless it is complete.

        Args:
            name (str): Key in ``run.json``.
            title (str): Shown.
            inputs (dict): What the result depends on, besides the steps before.
            work (Callable): Does it; returns a summary for ``run.json``.
            makes (tuple[str]): Files and folders that must be there for it to count as complete.
            base (str, optional): The :attr:`chain` behind a step; this one then depends on that
                step, and the following ones do not depend on this one. By default each step
                depends on the one before.

        Returns:
            dict: The summary.
        """
        own = fingerprint(dict(before=self._chain if base is None else base, **inputs))
        if base is None:
            self._chain = own
        known = self.record['steps'].get(name)
        if known and known['fingerprint'] == own and \
                all((self.folder / file).exists() for file in makes):
            print(f'== {title}: done before', flush=True)
            return known['summary']
        print(f'== {title}', flush=True)
        if self.record['steps'].pop(name, None):
            self._write()  # killed from here on, its files are no longer those of that result
        began = time.time()
        summary = work() or {}
        self.record['steps'][name] = dict(fingerprint=own, summary=summary,
                                          seconds=round(time.time() - began, 1))
        self._write()
        return summary

    @property
    def chain(self) -> str:
        """Fingerprint of all steps so far."""
        return self._chain

    def summary(self, name: str) -> dict:
        """What a complete step said; empty if it is not complete."""
        return self.record['steps'].get(name, {}).get('summary', {})

    def _write(self) -> None:
        write_json(self.path, self.record)


def check_folder(folder: Path) -> None:
    """Whether a run may be in a folder: it does not exist, is empty, or holds a run.

    Raises:
        ValueError: It holds something else, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f'--out {folder} is a file: name a folder')
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    # the part is all that a full disk has left of a run's first moment
    others = {n for n in there if n != 'run.json.part' and not n.startswith(LOCK)}
    if others and 'run.json' not in others:
        raise ValueError(f'--out {folder} is not empty and no run of udapose adapt: name '
                         'another folder')


def fingerprint(value: dict) -> str:
    """The same for the same content, in any order of the keys."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha1(text.encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    from importlib.metadata import PackageNotFoundError, version
    found = dict(udapose=__version__, python=platform.python_version())
    for name in ('torch', 'mmengine', 'mmpose', 'numpy'):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = 'unknown'
    return found


def _now() -> str:
    return time.strftime('%Y-%m-%d %H:%M:%S')
