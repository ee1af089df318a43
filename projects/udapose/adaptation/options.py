"""What ``udapose adapt`` takes, and whether it can be used."""
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import DictAction

#: Options that name a file or folder, and what it is.
_PATHS = dict(labels='a COCO json', source='a COCO json', source_images='a folder',
              detector_checkpoint="weights of torchvision's detector")


@dataclass
class Options:
    """What ``udapose adapt`` takes; see its ``--help``.

    Raises:
        ValueError: A number or an option of the config that cannot be.
    """
    data: str | Sequence[str]
    out: str
    model: str | None = None
    config: str | None = None
    checkpoint: str | None = None
    source: str | None = None
    source_images: str | None = None
    boxes: str = 'auto'
    detector_checkpoint: str | None = None
    labels: str | None = None
    max_frames: int = 1000
    iterations: int | None = None
    device: str | None = None
    seed: int = 0
    onnx: bool = False
    predict: str = 'auto'
    dry_run: bool = False
    cfg_options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ('out', 'model', 'config', 'checkpoint', 'boxes', *_PATHS):
            value = getattr(self, key)
            setattr(self, key, value and os.fspath(value))
        if not isinstance(self.cfg_options, dict):
            self.cfg_options = parse_cfg_options(self.cfg_options)
        if self.iterations is not None and self.iterations < 1:
            raise ValueError(f'--iterations {self.iterations}: at least 1 is needed')
        if not 0 <= self.seed < 2 ** 32:
            raise ValueError(f'--seed {self.seed}: choose a number from 0 to 4294967295')

    def check_paths(self) -> None:
        """Whether the files and folders that are named exist.

        Raises:
            FileNotFoundError: One does not.
        """
        for key, what in _PATHS.items():
            path = getattr(self, key)
            exists = Path(path or '').expanduser()
            if path and not (exists.is_dir() if what == 'a folder' else exists.is_file()):
                raise FileNotFoundError(f'--{key.replace("_", "-")} {path} does not exist: name '
                                        f'{what}')

    @property
    def source_files(self) -> tuple[Path, Path] | None:
        """The labelled source images: the json and their folder; None if there is no source."""
        if not self.source:
            return None
        path = Path(self.source).expanduser().resolve()
        return path, Path(self.source_images or path.parent).expanduser().resolve()


def parse_cfg_options(values: Sequence[str]) -> dict:
    """``KEY=VALUE`` as MMEngine reads them.

    Raises:
        ValueError: Something without ``=``.
    """
    found = {}
    for value in values:
        key, mark, text = value.partition('=')
        if not mark:
            raise ValueError(f'--cfg-options {value}: expected KEY=VALUE')
        found[key] = DictAction._parse_iterable(text)
    return found
