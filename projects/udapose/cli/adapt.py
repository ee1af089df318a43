"""Adapt a model to your own videos or images, and say whether it got better.

    udapose adapt --model rtmpose-m_8xb256-420e_coco-256x192 --data my_videos/ --out runs/kitchen
    udapose adapt --config my_config.py --checkpoint my.pth --data photos/ --out runs/photos \\
        --source my_labelled_coco.json
    udapose adapt --demo --out runs/demo

Killed or repeated, the same command continues. The run's folder then holds report.html (open it),
model/ (a plain MMPose model), and all else that docs/adapt.md lists.
"""
from __future__ import annotations

import sys
from pathlib import Path


def add_arguments(parser) -> None:
    """Options of the command."""
    model = parser.add_argument_group('the model')
    model.add_argument('--model', help="an alias or name of MMPose's (human, "
                       'rtmpose-m_8xb256-420e_coco-256x192, ...), a config, or the folder of an '
                       'exported model')
    model.add_argument('--config', help='a config of MMPose, instead of --model')
    model.add_argument('--checkpoint', help="its weights (default: the model zoo's)")
    data = parser.add_argument_group('your data')
    data.add_argument('--data', nargs='+', help='videos, images, or folders of these')
    data.add_argument('--boxes', default='auto', help='where the people are: whole (one fills the '
                      'image), detector, motion (still camera), or a json file of boxes (default: '
                      'detector for videos of people or animals, else whole)')
    data.add_argument('--detector-checkpoint', help="weights of torchvision's detector")
    data.add_argument('--source', help='labelled images as a COCO json with the same joints')
    data.add_argument('--source-images', help="their folder (default: the json's)")
    data.add_argument('--labels', help='labels of some of the frames (COCO json; 20 are enough) '
                      'for the verdict, never for training')
    data.add_argument('--max-frames', type=int, default=1000, help='to adapt to (default: 1000)')
    parser.add_argument('--out', help="the run's folder (default: runs/adapt, of --demo runs/demo)")
    parser.add_argument('--device', help='cpu, cuda:0, ... (default: a GPU if there is one)')
    parser.add_argument('--iterations', type=int, help='default: by number of people and device')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--dry-run', action='store_true', help='stop after the plan')
    parser.add_argument('--onnx', action='store_true', help='also write model/model.onnx')
    parser.add_argument('--predict', choices=('auto', 'all', 'none'), default='auto',
                        help='write predictions, and videos before | after, of all files; auto: '
                        'as many frames of each video as fit into half of the training\'s time')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='changes of the training config')
    parser.add_argument('--demo', action='store_true', help='nothing needed: renders two clips, '
                        'trains a small model, adapts it to them')
    parser.add_argument('--smoke', action='store_true', help='with --demo: a minute of work')


def run(args) -> int:
    """Adapt, and print the verdict."""
    from udapose.adaptation.options import Options, parse_cfg_options
    from udapose.adaptation.run import Adaptation
    try:
        _check_demo(args)
        if args.demo:
            from udapose.adaptation.demo import run_demo
            run_demo(Path(args.out or 'runs/demo'), args.seed, args.smoke, args.device)
            return 0
        if not args.data:
            sys.exit('error: name your videos or images with --data (or try --demo)')
        Adaptation(Options(
            data=args.data, out=args.out or 'runs/adapt', model=args.model, config=args.config,
            checkpoint=args.checkpoint, source=args.source, source_images=args.source_images,
            boxes=args.boxes, detector_checkpoint=args.detector_checkpoint, labels=args.labels,
            max_frames=args.max_frames, iterations=args.iterations, device=args.device,
            seed=args.seed, onnx=args.onnx, predict=args.predict, dry_run=args.dry_run,
            cfg_options=parse_cfg_options(args.cfg_options))).run()
    except (OSError, RuntimeError, ValueError, KeyError, ImportError) as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        if isinstance(error, OSError) and error.errno:  # the system's: disk full, no permission
            text = f'{error}. What is finished stays; repeated, the command continues'
        sys.exit(f'error: {text}')
    return 0


def _check_demo(args) -> None:
    """Refuse options that would not be heeded.

    Raises:
        ValueError: Names them.
    """
    if args.smoke and not args.demo:
        raise ValueError('--smoke shortens the demonstration: give it with --demo')
    if not args.demo:
        return
    import argparse
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    defaults = vars(parser.parse_args([]))
    heeded = ('demo', 'out', 'seed', 'smoke', 'device')
    others = [f'--{name.replace("_", "-")}' for name, value in defaults.items()
              if name not in heeded and getattr(args, name) != value]
    if others:
        raise ValueError(f'--demo brings its own model and data, and takes --out, --seed, --device '
                         f'and --smoke alone: leave out {" and ".join(others)}')
