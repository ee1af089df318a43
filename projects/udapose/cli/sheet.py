"""Draw 3D predictions: 2D pose, 3D pose from the front and from the side.

    udapose sheet CONFIG CHECKPOINT --out sheet.jpg --num 8 \\
        [--config2 CONFIG --checkpoint2 CHECKPOINT] [--attention]

One row per image of the config's test set (the target's), the second model beside the first. The
2D pose lies on the model's input: mirrored where the data set mirrors, black beside narrow inputs.
The ground truth is the thin grey skeleton; roots are on top of each other. 'side' is the view from
the right: what is near the camera appears on the left. With --attention a fourth picture shows
where the last layer of the transformer looks (red: patches that receive much attention).
"""
from __future__ import annotations

import sys
from pathlib import Path


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('config', type=Path)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('--config2', type=Path, help='default: the first')
    parser.add_argument('--checkpoint2', type=Path)
    parser.add_argument('--titles', nargs='+', help="default: the configs' names")
    parser.add_argument('--out', type=Path, default=Path('sheet.jpg'))
    parser.add_argument('--num', type=int, default=8, help='number of images')
    parser.add_argument('--attention', action='store_true', help='of a vision transformer')
    parser.add_argument('--device', help='default: the GPU, if there is one')


def run(args) -> int:
    """Write the sheet."""
    if args.config2 and not args.checkpoint2:
        sys.exit('error: --config2 needs --checkpoint2')
    from ._sheet import run as draw
    return draw(args)
