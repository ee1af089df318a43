"""A picture of a run of `udapose adapt` on a video, and its caption from the run's own numbers.

    python tools/benchmark/adapt_picture.py runs/intel clip.mp4 \
        --picture docs/images/adapt_real_video.jpg --page docs/adapt.md

Four moments, each before | after: of three equal stretches of what was adapted to, and of the
held-back end, the frame whose person is nearest to the middle. Nothing is chosen by hand.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from step_report import into_page

from udapose.adaptation.frames import FrameOptions
from udapose.adaptation.people import People, Predictions
from udapose.adaptation.prediction_files import Poses, read_frames
from udapose.adaptation.predictor import Predictor
from udapose.adaptation.verdict import judge
from udapose.adaptation.video import Media
from udapose.visualization.skeleton2d import draw_pose

MARKS = ('<!-- adapt_picture: begin -->', '<!-- adapt_picture: end -->')
SIZE = 225, 324


def moments(poses: dict[int, Poses], size: tuple[int, int], held_back: float) -> list[int]:
    """Frames whose person is nearest to the picture's middle: of three stretches and the end.

    Args:
        poses (dict[int, Poses]): By the number of the frame.
        size (tuple[int, int]): Width and height of the video in pixels.
        held_back (float): Share at the end.
    """
    begin = max(poses) * (1 - held_back)
    ends = [0, begin / 3, 2 * begin / 3, begin, max(poses) + 1]
    away = {number: _away(some.boxes, size).min() for number, some in poses.items() if len(some)}
    found = []
    for first, last in zip(ends, ends[1:]):
        inside = [number for number in away if first <= number < last]
        found += [min(inside, key=away.get)] if inside else []
    return found


def _away(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(P,) pixels from the middle of boxes (P, 4) to that of the picture."""
    return np.linalg.norm((boxes[:, :2] + boxes[:, 2:] - np.array(size)) / 2, axis=1)


def crop(image: np.ndarray, poses: Poses, box: np.ndarray, meta: dict) -> np.ndarray:
    """The person of a box with the skeleton, as large as all others."""
    width, height = SIZE
    middle, side = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    scale = min(width / side[0], height / side[1]) / 1.15
    matrix = np.array([[scale, 0, width / 2 - scale * middle[0]],
                       [0, scale, height / 2 - scale * middle[1]]])
    picture = cv2.warpAffine(image, matrix, SIZE, flags=cv2.INTER_AREA,
                             borderMode=cv2.BORDER_CONSTANT, borderValue=(255,) * 3)
    for points, sure in zip(poses.points, poses.confidence):
        draw_pose(picture, points @ matrix[:, :2].T + matrix[:, 2], sure, meta)
    return picture


def verdict(run: Path, meta: dict) -> str:
    """The sentence that the present rule says of the run's predictions."""
    before, after = (Predictions.load(run / 'predictions' / f'{name}.npz')
                     for name in ('before', 'after'))
    return judge(before, after, People.load(run / 'held_back.json'), meta).sentence


def caption(run: Path, sentence: str) -> str:
    """What was done and what came of it, from the files of the run."""
    plan, record = (json.loads((run / f'{name}.json').read_text(encoding='utf-8'))
                    for name in ('plan', 'run'))
    cfg = Config.fromfile(run / 'start' / 'config.py')
    size = cfg.model.head.decoder.input_size
    network = cfg.model.backbone.type + (f'-{cfg.model.backbone.depth}'
                                         if 'depth' in cfg.model.backbone else '')
    seconds = record['steps']['training']['summary']['seconds']
    cores = f', {plan["cores"]} cores' if 'cores' in plan else ''
    return (
        f'A real video, before \\| after: a small model ({network}, {size[0]} x {size[1]} pixels) '
        f'that has only seen renderings, adapted for {plan["iterations"]} iterations '
        f'({seconds:.0f} s on {plan["device"].upper()}{cores}) with `--boxes '
        f'{record["options"]["boxes"]}`. Grey: joints of which it is unsure. The last of the four '
        'moments is from the held-back end; '
        'each is the frame of its stretch whose person is nearest to the middle. The verdict: '
        f'*{sentence}*')


def main() -> None:
    """Write picture and caption."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', type=Path, help='folder of a finished run')
    parser.add_argument('video', type=Path, help='one of its videos')
    parser.add_argument('--picture', type=Path, required=True)
    parser.add_argument('--page', type=Path, help='renew the caption between its markers')
    args = parser.parse_args()
    before, after = (dict(read_frames(args.run / 'predictions' / name / f'{args.video.stem}.json'))
                     for name in ('start', 'all'))
    media = Media(args.video)
    meta = Predictor(args.run / 'start' / 'config.py', args.run / 'start' / 'model.pth').meta
    chosen = moments(after, media.size, FrameOptions().held_back)
    pictures = []
    for frame in media.read(wanted=chosen):
        boxes = after[frame.index].boxes
        box = boxes[_away(boxes, media.size).argmin()]
        pictures.append(np.concatenate([crop(frame.image, some[frame.index], box, meta)
                                        for some in (before, after)], 1))
    rows = [np.concatenate(pictures[i:i + 2], 1) for i in range(0, len(pictures) - 1, 2)]
    cv2.imwrite(str(args.picture), np.concatenate(rows), [cv2.IMWRITE_JPEG_QUALITY, 82])
    text = caption(args.run, verdict(args.run, meta))
    print(f'frames {chosen}\n{text}')
    if args.page:
        into_page(args.page, text, MARKS)


if __name__ == '__main__':
    main()
