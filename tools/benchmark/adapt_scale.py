"""Memory and time of `udapose adapt` and `predict` on much data: a simulated long video, a folder.

    python tools/benchmark/adapt_scale.py --out docs/benchmarks/adapt_scale.json \
        --page docs/adapt.md

The video is made while it is read, so that nothing but the code under test needs memory; the
folder holds links to some images. The model is replaced by constant answers: what grows with the
data would be frames, boxes and predictions, not the network.
"""
from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from step_report import publish

from udapose.adaptation.boxes import Boxes
from udapose.adaptation.find_media import find_media
from udapose.adaptation.frames import FrameOptions, choose_frames
from udapose.adaptation.predicting import predict_media
from udapose.adaptation.video import Frame, Media

MARKS = ('<!-- adapt_scale: begin -->', '<!-- adapt_scale: end -->')


class LongVideo(Media):
    """A video of noise over a moving gradient, made frame by frame."""

    def __init__(self, frames: int, size: tuple[int, int] = (160, 120)) -> None:
        self.path, self.name, self.problem = Path('long.mp4'), 'long.mp4', ''
        self.is_video, self.frames, self.fps, self.size = True, frames, 25., size

    def read(self, every=1, wanted=None):
        """As of a file."""
        width, height = self.size
        base = np.add.outer(np.arange(height), np.arange(width))[..., None] + [0, 60, 120]
        for index in sorted(wanted) if wanted is not None else range(0, self.frames, every):
            image = ((base + 37 * index) % 256).astype(np.uint8)
            yield Frame(image, index, index / self.fps, self.name)


class Constant:
    """A model that knows the answer."""
    names = [f'joint{i}' for i in range(17)]
    meta = dict(keypoint_id2name=dict(enumerate(names)), skeleton_links=[])

    def __call__(self, image, boxes):
        middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
        return (np.repeat(middle, 17, 1).astype(np.float32),
                np.ones((len(boxes), 17), np.float32))


def peak() -> float:
    """Largest memory so far in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def video(frames: int, out: Path) -> dict:
    """Choose frames of a long video, and predict all of it."""
    item, began = LongVideo(frames), time.perf_counter()
    choose_frames([item], out / 'frames', FrameOptions(max_frames=200), progress=lambda line: None)
    chosen = time.perf_counter()
    predict_media(Constant(), [item], out / 'predictions', Boxes(), video=False)
    return dict(frames=frames, peak_mb=round(peak()), choosing_seconds=round(chosen - began, 1),
                predicting_seconds=round(time.perf_counter() - chosen, 1))


def folder(count: int, out: Path) -> dict:
    """Find and choose among many images."""
    rng, data = np.random.default_rng(0), out / 'images'
    (out / 'originals').mkdir()
    for i in range(100):
        cv2.imwrite(str(out / f'originals/{i}.jpg'), rng.integers(0, 255, (240, 320, 3), np.uint8))
    for i in range(count):
        sub = data / f'{i // 1000:03d}'
        sub.mkdir(parents=True, exist_ok=True)
        os.link(out / f'originals/{i % 100}.jpg', sub / f'{i:06d}.jpg')
    began = time.perf_counter()
    media = find_media(data)
    found = time.perf_counter()
    choose_frames(media, out / 'chosen', FrameOptions(max_frames=1000),
                  progress=lambda line: None)
    return dict(images=len(media), finding_seconds=round(found - began, 1),
                choosing_seconds=round(time.perf_counter() - found, 1), peak_mb=round(peak()))


def markdown(result: dict) -> str:
    """A sentence for each."""
    small, large = result['videos']
    images = result['folder']
    return (f'Memory is that of a frame, not of a video: choosing frames from a simulated video '
            f'and predicting it takes {small["peak_mb"]} MB for {small["frames"]:,} frames and '
            f'{large["peak_mb"]} MB for {large["frames"]:,}. A folder of {images["images"]:,} '
            f'images is found in {images["finding_seconds"]:.0f} s, and 1,000 frames are chosen '
            f'from it in {images["choosing_seconds"]:.0f} s ({result["machine"]}).')


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=100_000)
    parser.add_argument('--images', type=int, default=100_000)
    parser.add_argument('--machine', default='one busy core', help='as shown')
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as out:
        result = dict(machine=args.machine, videos=[])
        for number, frames in enumerate((args.frames // 10, args.frames)):
            path = Path(out) / str(number)
            path.mkdir()
            result['videos'].append(video(frames, path))
        result['folder'] = folder(args.images, Path(out))
    publish(result, markdown(result), MARKS, args.out, args.page)


if __name__ == '__main__':
    main()
