"""The data of tools/benchmark/verdict.py: embedded people and hands, photographs, and variants."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

COUNTS = dict(size=128, source_train=1500, target_train=1500, val=20, test=400)


def prepare(data: Path, people: Path | None = None, hands: Path | None = None,
            photos: Path | None = None) -> None:
    """Make what is missing below ``data``.

    Args:
        data (Path): Receives ``people``, ``hands``, ``photos``, ``noise``, ``few``.
        people, hands (Path, optional): Embedded data sets that are there already.
        photos (Path, optional): Folder with ``train/``, ``test/`` and ``test.json`` (COCO, LSP's
            14 joints, one person filling the image).
    """
    data.mkdir(parents=True, exist_ok=True)
    for kind, there in (('people', people), ('hands', hands)):
        if there is not None and not (data / kind).exists():
            mirror(there, data / kind)
        if not (data / kind / 'meta.json').exists():
            subprocess.run([sys.executable, '-m', 'udapose', 'synth', '--kind', kind, '--out',
                            str(data / kind), *(part for k, v in COUNTS.items() for part in
                                                (f'--{k.replace("_", "-")}', str(v)))], check=True)
    dim_images(data / 'people/source', data / 'people/dim')
    noise_images(data / 'noise')
    for target in ('people/target', 'hands/target', 'people/dim', 'people/source', 'hands/source'):
        few = data / 'few' / (target.replace('/target', '').replace('/source', '_same')
                              .replace('/', '_'))
        few.mkdir(parents=True, exist_ok=True)
        for path in sorted((data / target / 'images/train').iterdir())[:8]:
            shutil.copy(path, few / path.name)
    if photos is not None and not (data / 'photos').exists():
        (data / 'photos/images').mkdir(parents=True)
        (data / 'photos/annotations').mkdir()
        shutil.copy(photos / 'test.json', data / 'photos/annotations/test.json')
        for part in ('train', 'test'):
            os.symlink(photos / part, data / 'photos/images' / part)


def mirror(source: Path, target: Path) -> None:
    """Folders anew, files by links, so that nothing is written into ``source``."""
    for path in source.rglob('*'):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(path.resolve(), place)


def dim_images(source: Path, target: Path, train: int = 600) -> None:
    """The source's images darker, blurred, with noise and a cast: a small gap."""
    if (target / 'annotations/test.json').exists():
        return
    table = (np.linspace(0, 1, 256) ** 1.7 * 255).round()
    for part in ('train', 'test'):
        (target / 'images' / part).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(sorted((source / 'images' / part).iterdir())):
            if part == 'train' and number >= train:
                break
            image = cv2.GaussianBlur(cv2.imread(str(path)), (0, 0), 1.2)
            noise = np.random.default_rng(number).normal(0, 6, image.shape)
            image = (table[image] * (1., 0.9, 0.8) + noise).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(target / 'images' / part / path.name), image)
    (target / 'annotations').mkdir(exist_ok=True)
    shutil.copy(source / 'annotations/test.json', target / 'annotations/test.json')


def noise_images(folder: Path, count: int = 200, size: int = 128) -> None:
    """Images that show nothing."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        path = folder / f'{number:04d}.png'
        if not path.exists():
            random = np.random.default_rng(number)
            small = random.uniform(0, 255, (random.integers(4, 64), ) * 2 + (3, ))
            cv2.imwrite(str(path), cv2.resize(small, (size, size)).astype(np.uint8))


def describe(data: Path) -> dict:
    """Size, seed and counts of the embedded sets."""
    found = {}
    for kind in ('people', 'hands'):
        meta = json.loads((data / kind / 'meta.json').read_text(encoding='utf-8'))
        found[kind] = {k: meta.get(k) for k in ('generator_version', 'size', 'seed', 'counts')}
    return found
