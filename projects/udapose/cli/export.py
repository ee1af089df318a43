"""Write an adapted model as a plain MMPose checkpoint and config.

    udapose export CONFIG CHECKPOINT [--out DIR] [--branch student]
"""
from __future__ import annotations

import sys
from pathlib import Path


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('config', help='the config of the adaptation, or its copy in the work_dir')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=None, help='default: beside the checkpoint')
    parser.add_argument('--branch', choices=('teacher', 'student'), default='teacher')


def run(args) -> int:
    """Export, and say where the files are."""
    for path in (args.config, args.checkpoint):
        if not Path(path).is_file():
            sys.exit(f'error: {path} does not exist')
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmengine.runner import CheckpointLoader

    from udapose.export import export
    cfg = Config.fromfile(args.config)
    if 'model' not in cfg:
        sys.exit(f'error: {args.config} has no model: name the config of a training')
    init_default_scope('mmpose')
    checkpoint = CheckpointLoader.load_checkpoint(args.checkpoint, map_location='cpu')
    try:
        out = export(cfg, checkpoint, args.out or Path(args.checkpoint).parent / 'exported',
                     args.branch)
    except (FileNotFoundError, KeyError, RuntimeError, ValueError) as error:
        sys.exit(f'error: {error.args[0]}')
    print(f'wrote {out}/model.pth and {out}/config.py')
    return 0
