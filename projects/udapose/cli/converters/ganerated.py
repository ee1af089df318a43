"""Pack GANerated Hands' label files, three of each frame, into one file beside the data.

    udapose convert ganerated GANeratedHands_Release

GANeratedHandsDataset then reads udapose_labels.npz in place of up to a million small files. Run it
again whenever partitions are added.
"""
from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from udapose.datasets.public.ganerated import LABELS, PACKED, list_partitions, read_partition


def pack(root: Path) -> int:
    """Write the packed file.

    Args:
        root (Path): ``GANeratedHands_Release``.

    Returns:
        int: Number of frames.

    Raises:
        FileNotFoundError: No partitions there.
        ValueError: Missing or damaged label files.
    """
    frames, values = [], []
    for kind in ('noObject', 'withObject'):
        folder = root / 'data' / kind
        parts = list_partitions(str(folder)) if folder.is_dir() else []
        for number, part in enumerate(parts, 1):
            names, arrays = read_partition(str(folder / part))
            frames += [f'{kind}/{part}/{name}' for name in names]
            values.append(arrays)
            print(f'{kind}: partition {number} of {len(parts)}', end='\r', flush=True)
    if not frames:
        raise FileNotFoundError(f'{root / "data"} has no partitions noObject/0001 ...: name the '
                                'folder GANeratedHands_Release')
    packed = {name: np.concatenate([v[n] for v in values])
              for n, (name, _) in enumerate(LABELS.values())}
    temporary = root / f'{PACKED}.tmp.npz'  # never half a file under the final name
    np.savez(temporary, frames=np.array(frames), **packed)
    os.replace(temporary, root / PACKED)
    return len(frames)


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('root', type=Path)


def run(args) -> int:
    """Convert, and say what was written."""
    try:
        count = pack(args.root)
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(f'{count} frames in {args.root / PACKED}')
    return 0
