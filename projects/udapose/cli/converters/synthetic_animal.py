"""Write SyntheticAnimal's clean_data/keypoints_18.json and keypoints_14.json from the meshes.

    udapose convert synthetic-animal DATA_ROOT [--species horse tiger]

The files have the format of the published code, so both can read them. They replace the reading of
one mesh of some 3000 vertices per image at the start of every run. The published split files are
copied into them where they exist.
"""
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
from mmengine.registry import DefaultScope

from udapose.datasets import SyntheticAnimal14Dataset, SyntheticAnimalDataset
from udapose.datasets.public.synthetic_animal import VERTICES, list_pairs, read_meshes
from udapose.file_io import read_json

SPECIES = [*SyntheticAnimalDataset.SPECIES, *SyntheticAnimal14Dataset.SPECIES]


def convert(cls: type, data_root: str, species: list[str]) -> Path:
    """Write the file of one joint set.

    Args:
        cls (type): ``SyntheticAnimalDataset`` or ``SyntheticAnimal14Dataset``.
        data_root (str): See the data set.
        species (list[str]): Which animals; others that the file already has stay in it.

    Returns:
        Path: The written file.

    Raises:
        FileNotFoundError: Images or meshes are missing.
        ValueError: Meshes of another kind.
    """
    out = Path(data_root) / f'clean_data/keypoints_{len(cls.joint_set().names)}.json'
    content = read_json(out) if out.exists() else {}
    data = cls(data_root=data_root, species=species, lazy_init=True)
    for animal in species:
        name = f'{animal}_combineds5r5_texture'
        folder = data.require('synthetic_animal', name)
        names = list_pairs(folder, animal)
        points, boxes = read_meshes(folder, names, VERTICES[cls.JOINT_SET][animal])
        content[animal] = dict(
            keypoints=points.tolist(), bbox=boxes.tolist(),
            imgpath=[f'./animal_data/synthetic_animal/{name}/{file}' for file in names])
        files = data.cached_files(f'synthetic_animal/{name}', 'train_idxs.npy', 'valid_idxs.npy')
        if files is not None:
            for key, index in zip(('train_idxs', 'valid_idxs'),
                                  data.check_indices(*map(np.load, files), len(names), files[0])):
                content[animal][key] = index.tolist()
    out.parent.mkdir(exist_ok=True)
    partial = out.with_suffix('.part')  # an interrupted run leaves no half file
    partial.write_text(json.dumps(content), encoding='utf-8')
    os.replace(partial, out)
    return out


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('data_root', help='folder with synthetic_animal/')
    parser.add_argument('--species', nargs='+', choices=SPECIES, help='default: those that exist')


def run(args) -> int:
    """Convert, and say what was written."""
    wanted = args.species or [
        s for s in SPECIES
        if (Path(args.data_root) / f'synthetic_animal/{s}_combineds5r5_texture').is_dir()]
    if not wanted:
        print(f'{args.data_root} has no synthetic_animal/<animal>_combineds5r5_texture:\n'
              f'{SyntheticAnimalDataset.TREE}', file=sys.stderr)
        return 1
    try:
        with DefaultScope.overwrite_default_scope('mmpose'):
            for cls in (SyntheticAnimalDataset, SyntheticAnimal14Dataset):
                species = [s for s in wanted if s in cls.SPECIES]
                if species:
                    print(f'Wrote {convert(cls, args.data_root, species)}: {", ".join(species)}')
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0
