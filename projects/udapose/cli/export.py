"""Write an adapted model as a plain MMPose checkpoint and config, and as ONNX.

    udapose export CONFIG CHECKPOINT [--out DIR] [--branch student] [--onnx]
    udapose export --onnx RUN

CONFIG and CHECKPOINT may be those of a plain top-down model as well. With --onnx, model.onnx is
written beside them once it is proven to predict what PyTorch predicts (docs/deployment.md). RUN is
a folder that `udapose adapt` or `udapose export` wrote: its model only lacks the ONNX file.
"""
from __future__ import annotations

import sys
from pathlib import Path

from . import does_not_exist


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('config', metavar='CONFIG|RUN', help='the config of the adaptation, or its '
                        'copy in the work_dir; with --onnx also the folder of a run or an export')
    parser.add_argument('checkpoint', nargs='?', help='with CONFIG')
    parser.add_argument('--out', type=Path, default=None, help='default: beside the checkpoint; '
                        'of RUN: beside its model')
    parser.add_argument('--branch', choices=('teacher', 'student'), default=None,
                        help='default: the one that the model is evaluated with '
                             '(test_cfg.predict_on)')
    parser.add_argument('--onnx', action='store_true',
                        help='also write model.onnx, deploy.json and pose_onnx.py')
    parser.add_argument('--frames', type=Path, default=None, metavar='FILE_OR_FOLDER',
                        help='with --onnx: images or videos to compare PyTorch and ONNX on '
                             '(default: held-back frames of RUN, else 50 random images)')


def run(args) -> int:
    """Export, and say where the files are."""
    if args.frames is not None and not args.onnx:
        sys.exit('error: --frames is for the comparison of --onnx: give both')
    if Path(args.config).is_dir():
        return _of_folder(args)
    if args.checkpoint is None:
        sys.exit('error: name CONFIG and CHECKPOINT, or with --onnx the folder of a run')
    if not Path(args.config).is_file():
        sys.exit(f'error: {does_not_exist(args.config)}')
    if not Path(args.checkpoint).is_file():
        sys.exit(f'error: {args.checkpoint} does not exist')
    from mmengine.registry import init_default_scope

    from udapose.export import evaluated_branch, export
    from udapose.model_files import read_checkpoint, read_config
    init_default_scope('mmpose')
    out = args.out or Path(args.checkpoint).parent / 'exported'
    try:
        cfg = read_config(args.config)
        evaluated = evaluated_branch(cfg)
        if args.onnx:
            from udapose.deploy.network import require_packages
            require_packages()  # before the rest takes its time
            frames = None if args.frames is None else _frames(args.frames)
        checkpoint = read_checkpoint(args.checkpoint)
        out = export(cfg, checkpoint, out, args.branch)
        print(f'wrote {out}/model.pth and {out}/config.py{_which(args.branch, evaluated)}')
        if args.onnx:
            _export_onnx(out, frames)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        sys.exit(f'error: {error.args[0] if isinstance(error, KeyError) else error}')
    return 0


def _of_folder(args) -> int:
    """The ONNX file of a model that is a plain one already."""
    folder = Path(args.config)
    if not args.onnx:
        sys.exit(f'error: the model in {folder} is a plain one already: --onnx writes model.onnx '
                 'beside it')
    if args.checkpoint or args.branch:
        sys.exit(f'error: {folder} is a folder, which has one checkpoint of one branch: leave '
                 f'{"the checkpoint" if args.checkpoint else "--branch"} out')
    from udapose.adaptation.folder_lock import FolderLock
    from udapose.adaptation.outputs import held_back_images
    from udapose.deploy.network import require_packages

    from .predict import find_plain
    try:
        require_packages()
        model = find_plain(folder)[0].parent
        frames = held_back_images(folder) if args.frames is None else _frames(args.frames)
        with FolderLock(args.out or folder):
            _export_onnx(model, frames, args.out)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        sys.exit(f'error: {error.args[0] if isinstance(error, KeyError) else error}')
    return 0


def _which(asked: str | None, evaluated: str | None) -> str:
    """What was exported, where there was a choice."""
    if evaluated is None:
        return ''
    if asked is None:
        return f': the {evaluated}, with which this model is evaluated (test_cfg.predict_on)'
    return f': the {asked}' + ('' if asked == evaluated else
                               f', though this model is evaluated with its {evaluated}')


def _export_onnx(folder: Path, frames, out: Path | None = None) -> None:
    from udapose.deploy import export_onnx
    out, description = out or folder, export_onnx(folder, out, frames)
    parity, reader = description['parity'], description['rtmlib']
    print(f'wrote {out}/model.onnx, {out}/deploy.json and {out}/pose_onnx.py: '
          f'{parity["keypoints"] - parity["undetermined"]} keypoints of {parity["frames"]} images '
          f'differ from PyTorch\'s by {parity["largest_px"]:.2g} pixels at most'
          + (f' ({parity["undetermined"]} more have two equal peaks or none)'
             if parity['undetermined'] else ''))
    spec = description['input']
    print(f'input: normalised {spec["channel_order"].upper()} crops of '
          f'{spec["width"]}x{spec["height"]} pixels; '
          + (f'rtmlib reads the file with its class {reader}' if reader
             else 'rtmlib has no class with this decoder: use pose_onnx.py'))


def _frames(path: Path, most: int = 50) -> list:
    """Images spread over everything that is there."""
    from udapose.adaptation.find_media import find_media
    media = find_media(path)
    share = -(-most // len(media))
    found = []
    for item in media[::max(len(media) // most, 1)]:
        step = max(item.frames // share, 1)
        for _, frame in zip(range(share), item.read(every=step)):
            found.append(frame.image)
            if len(found) == most:
                return found
    if not found:
        raise ValueError(f'--frames {path}: no image in it can be read')
    return found
