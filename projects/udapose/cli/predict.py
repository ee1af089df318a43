"""Poses in new videos and images, by an adapted or any plain model: videos, CSV and JSON.

    udapose predict runs/kitchen --data new_clip.mp4 --out out/
    udapose predict --config CONFIG --checkpoint FILE --data photos/ --out out/

MODEL is a folder that `udapose adapt`, `export`, `quickstart` or a training wrote: the plain model
(config.py, model.pth) in it is taken. A video clip.mp4 gives clip.csv (one row per frame and
person), clip.json (as MMPose's inferencer writes it) and clip.mp4 with skeletons. An image gives a
picture, a json, and its rows in images.csv. An interrupted command continues when repeated.
"""
from __future__ import annotations

import sys
from pathlib import Path


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('model', nargs='?', type=Path, metavar='MODEL',
                        help='folder of a run of `udapose adapt`, of a training, or of an '
                             'exported model')
    parser.add_argument('--config', type=Path, help='instead of MODEL: config of a top-down model')
    parser.add_argument('--checkpoint', type=Path, help='with --config: its weights')
    parser.add_argument('--data', type=Path, required=True, metavar='FILE_OR_FOLDER',
                        help='a video, an image, or a folder of them')
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    parser.add_argument('--boxes', default=None, metavar='auto|whole|detector|motion|FILE',
                        help='where the people are (default: as in the run; otherwise auto: the '
                             'detector for people in videos, else the whole image)')
    parser.add_argument('--detector-checkpoint', default=None, metavar='FILE',
                        help="weights of torchvision's detector")
    parser.add_argument('--device', default=None, help='e.g. cpu or cuda:0 (default: a GPU if any)')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='only every N-th frame of videos')
    parser.add_argument('--threshold', type=float, default=0.3,
                        help='confidence below which a joint is drawn grey (default: 0.3)')
    parser.add_argument('--no-video', action='store_true',
                        help='write no videos and pictures, CSV and JSON only')


def run(args) -> int:
    """Predict, and say what was written and what was left out."""
    if args.every < 1:
        sys.exit(f'error: --every {args.every}: at least 1 is needed')
    try:
        return _predict(args)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        text = error
        if isinstance(error, OSError) and error.errno:  # the system's: disk full, no permission
            text = f'{error} (--out {args.out}). What is finished stays; repeated, the command ' \
                   'continues'
        sys.exit(f'\nerror: {text}')


def _predict(args) -> int:
    config, checkpoint, settings = find_plain(args.model, args.config, args.checkpoint)
    from udapose.adaptation.boxes import auto_spec, build_boxes, check_spec
    from udapose.adaptation.devices import usable_device
    from udapose.adaptation.find_media import find_media
    from udapose.adaptation.folder_lock import FolderLock
    from udapose.adaptation.predicting import predict_media
    from udapose.adaptation.predictor import Predictor
    from udapose.model_files import read_config

    from ._progress import Progress
    check_spec(args.boxes or 'auto')
    args.out = args.out.expanduser()
    if args.out.resolve() == args.data.expanduser().resolve():
        raise ValueError(f'--out {args.out} is the folder of the data: give another one')
    media = find_media(args.data, args.out, say=print)
    device = usable_device(args.device)
    predictor = Predictor(read_config(config), checkpoint, device)
    detector = args.detector_checkpoint or settings.get('detector_checkpoint')
    spec = args.boxes or settings.get('boxes') or 'auto'
    if spec == 'auto':
        spec = auto_spec(predictor.names, media, detector)
    boxes = build_boxes(spec, predictor.names, device, detector)
    print(f'{config.parent} on {device}; boxes: {spec}; '
          f'{_count(sum(m.is_video for m in media), "video")}, '
          f'{_count(sum(not m.is_video for m in media), "image")}', flush=True)
    if predictor.is_3d:
        print('a 3D model: CSV and JSON have the depths of the joints, in mm behind the root '
              '(docs/pose_3d.md); pictures and videos show pixels', flush=True)
    progress = Progress(sum(-(-m.frames // args.every) if m.is_video else 1 for m in media))
    with FolderLock(args.out):
        result = predict_media(
            predictor, media, args.out, boxes, video=not args.no_video, every=args.every,
            threshold=args.threshold, skipped=lambda item: progress.skip(
                -(-item.frames // args.every) if item.is_video else 1),
            progress=lambda item, frames: progress.update(item.name),
            options=dict(model=str(Path(config).resolve().parent), weights=_state(checkpoint),
                         boxes=spec, boxes_file=_state(spec)))
    progress.close()
    return _say(result, args.out)


def find_plain(folder: Path | None, config: Path | None = None, checkpoint: Path | None = None
               ) -> tuple[Path, Path, dict]:
    """The files of a model that the user named in one of three ways.

    Args:
        folder (Path | None): Of a run or a training, or with ``config.py`` and ``model.pth``.
        config, checkpoint (Path | None): Files, instead.

    Returns:
        tuple[Path, Path, dict]: Config, checkpoint, and what of a run's settings is to be the
        same: ``boxes`` and ``detector_checkpoint``.

    Raises:
        FileNotFoundError: Something is missing.
        ValueError: Both ways or none were taken; the run's boxes came from a file.
    """
    if (folder is None) == (config is None) or (config is None) != (checkpoint is None):
        raise ValueError('name a MODEL folder, or --config and --checkpoint')
    if config is not None:
        for path in (config, checkpoint):
            if not path.is_file():
                raise FileNotFoundError(f'{path} does not exist')
        return config, checkpoint, {}
    from udapose.model_files import PLAIN_FOLDERS, find_model_files
    if found := find_model_files(folder):
        return *found, _settings(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder} is no folder: name one that `udapose adapt` or '
                                '`udapose export` wrote, or --config and --checkpoint')
    if (folder / 'run.json').is_file():
        raise FileNotFoundError(f'the run in {folder} has no model yet: repeat its `udapose adapt` '
                                'command, which continues where it was')
    places = ', '.join(f'{name}/' for name in PLAIN_FOLDERS if name)
    raise FileNotFoundError(f'{folder} holds neither config.py and model.pth nor one of {places} '
                            'with them')


def _settings(folder: Path) -> dict:
    from udapose.datasets.json_files import load_json
    path = folder / 'run.json'
    if not path.is_file():
        return {}
    content = load_json(str(path), '', 'the record of a run of `udapose adapt`')
    summary = content.get('steps', {}).get('boxes', {}).get('summary') or {}
    spec, options = summary.get('spec'), content.get('options', {})
    # a file knows the boxes of the run's own data only
    return dict(boxes=spec if spec in ('whole', 'detector', 'motion') else None,
                detector_checkpoint=options.get('detector_checkpoint'))


def _state(path: str | Path) -> list | None:
    """Size and time of a file, by which it is recognised."""
    from udapose.adaptation.file_states import file_state
    path = Path(path).expanduser()
    return file_state(path) if path.is_file() else None


def _say(result: dict, out: Path) -> int:
    if result['skipped']:
        print(f'{_count(result["skipped"], "file")} of an earlier call were finished already')
    if result['changed']:
        print(f'{_count(result["changed"], "file")} had changed since, and '
              f'{"was" if result["changed"] == 1 else "were"} predicted again')
    if result['restarted']:
        print(f'{_count(result["restarted"], "video")} had been interrupted and started over')
    for source, problem in list(result['problems'].items())[:20]:
        print(f'  {source} {problem}')
    if len(result['problems']) > 20:
        print(f'  ... and {len(result["problems"]) - 20} more files with problems')
    for what, number in result['counts'].items():
        if number:
            print(f'  {number} {what}')
    if not result['frames'] and not result['skipped']:
        print('error: no frame could be read', file=sys.stderr)
        return 1
    print(f'{_count(result["frames"], "frame")} with {result["people"]} people: {out}')
    return 0


def _count(number: int, what: str) -> str:
    return f'{number} {what}{"" if number == 1 else "s"}'
