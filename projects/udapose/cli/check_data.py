"""Dry run of a config's data: build every data set, check it on disk and draw it.

    udapose check-data CONFIG [--cfg-options KEY=VALUE ...] [--num 16] [--all] [--out DIR]

Writes `report.json` and one contact sheet per data set: the annotated crop (joints of the right
side have a red ring), and what the pipeline makes of it. Ends with an error if something is wrong.
No model is built.
"""
from __future__ import annotations

import sys
from pathlib import Path

from ._options import add_cfg_options, parse_cfg_options


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('config', type=Path)
    add_cfg_options(parser, 'changes of the config')
    parser.add_argument('--num', type=int, default=16,
                        help='images that are decoded and drawn, per data set')
    parser.add_argument('--all', action='store_true',
                        help='decode every image, and look for equal files in train and test')
    parser.add_argument('--max-reprojection', type=float, default=1.,
                        help='pixels of the median instance, whose joints are averaged')
    parser.add_argument('--out', type=Path, help='default: work_dirs/check_CONFIG')


def run(args) -> int:
    """Check all data sets of the config."""
    if args.num < 1:
        sys.exit('error: --num must be at least 1')
    if not args.config.is_file():
        sys.exit(f'error: no config {args.config}')
    args.cfg_options = parse_cfg_options(args.cfg_options)
    from ._check_data import run as check
    return check(args)
