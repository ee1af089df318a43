#!/usr/bin/env python
"""Views per second and core of the data pipelines, on 256x256 JPEG crops.

    python tools/benchmark/loading_speed.py --out docs/benchmarks/loading_speed.json \
        --page docs/costs.md

The images are smoothed noise, compressed to the size of a photograph's crop. All pipelines run in
one process and one thread, in turns; CPU time of the process. ``--profile`` shows where the target
pipeline's time goes.
"""
from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

import udapose  # noqa: F401  (before MMPose: its compat fixes what MMPose imports)

# isort: split
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, TRANSFORMS
from step_report import into_page

from udapose.joint_sets import JOINT_SETS

SIZE, JOINTS = 256, JOINT_SETS['body16']
MARKS = ('<!-- loading_speed: begin -->', '<!-- loading_speed: end -->')
GOAL = 500
CODEC = dict(type='MSRAHeatmap', input_size=(SIZE, SIZE), heatmap_size=(64, 64), sigma=2.)
# The augmentation of arXiv 2404.14885, as in configs/multilevel_alignment/*_published.py
BOX = dict(type='RandomBBoxTransform', shift_factor=0.05, scale_factor=(1 / 1.3, 1 / 0.6),
           rotate_factor=60, rotate_prob=1.0, shift_prob=1.0)
VIEW = [dict(type='RandomFlip', direction='horizontal', prob=0.), BOX,
        dict(type='RecordedTopdownAffine', input_size=(SIZE, SIZE), shear=30.),
        dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
LOAD = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.0)]
STOCK = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.0),
         dict(type='RandomFlip', direction='horizontal', prob=0.), BOX,
         dict(type='TopdownAffine', input_size=(SIZE, SIZE))]
TARGET = dict(type='GenerateTarget', encoder=CODEC)


def write_images(root: Path, number: int, seed: int = 0) -> float:
    """Write JPEGs of photographs' statistics (amplitude ~ 1 / frequency) and their COCO file.

    Args:
        root (Path): Existing folder.
        number (int): Of images.
        seed (int): Of the noise.

    Returns:
        float: Mean size of the files in kB.
    """
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.rfftfreq(SIZE), indexing='ij'))
    falloff = 1 / np.maximum(frequency, 1 / SIZE)**1.05
    images, annotations, sizes = [], [], []
    for i in range(number):
        grey, *colour = (np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIZE, SIZE))) * falloff)
                         for _ in range(4))
        picture = np.stack([grey + 0.4 * c for c in colour], -1)
        picture = (picture - picture.mean()) / picture.std() * 55 + 120
        path = root / f'{i:04d}.jpg'
        data = cv2.imencode('.jpg', np.uint8(np.clip(picture, 0, 255)),
                            [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
        path.write_bytes(data.tobytes())
        sizes.append(path.stat().st_size)
        images.append(dict(id=i, file_name=path.name, width=SIZE, height=SIZE))
        points = np.column_stack([rng.uniform(20, SIZE - 20, (len(JOINTS.names), 2)),
                                  np.full(len(JOINTS.names), 2)])
        annotations.append(dict(
            id=i, image_id=i, category_id=1, bbox=[0, 0, SIZE, SIZE], area=SIZE * SIZE, iscrowd=0,
            keypoints=points.ravel().tolist(), num_keypoints=len(points)))
    (root / 'coco.json').write_text(json.dumps(dict(
        images=images, annotations=annotations,
        categories=[dict(id=1, name='person', keypoints=list(JOINTS.names), skeleton=[])])),
        encoding='utf-8')
    return float(np.mean(sizes)) / 1000


def unavoidable(path: str) -> None:
    """What two views cannot do without: decode the file once and warp it twice."""
    img = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    for angle in (20., -35.):
        matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 1.1)
        cv2.warpAffine(img, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)


def pipelines(root: Path) -> dict:
    """Name -> (views per item, function of an index); the data sets are MMPose's and ours."""
    metainfo = JOINTS.metainfo('noise')
    target = DATASETS.build(dict(
        type='UnlabeledPoseDataset', metainfo=metainfo, data_root=str(root),
        pipeline=[*LOAD, dict(type='ForkViews', teacher=VIEW, student=VIEW)]))
    quick_view = [dict(BOX, type='QuickRandomBBoxTransform') if step is BOX else step
                  for step in VIEW]
    quick = DATASETS.build(dict(
        type='UnlabeledPoseDataset', metainfo=metainfo, data_root=str(root),
        pipeline=[*LOAD, dict(type='ForkViews', teacher=quick_view, student=quick_view)]))
    labeled = dict(type='CocoDataset', metainfo=metainfo, data_root=str(root),
                   ann_file='coco.json', data_prefix=dict(img=''))
    build = {name: DATASETS.build(dict(labeled, pipeline=steps)) for name, steps in {
        'source': [*LOAD, *VIEW, TARGET, dict(type='PackBranches', branch='source')],
        'stock': [*STOCK, TARGET, dict(type='PackPoseInputs')],
        'stock without labels': [*STOCK, dict(type='PackPoseInputs')]}.items()}
    paths = [str(p) for p in sorted(root.glob('*.jpg'))]
    return {
        'target: two published views': (2, target.__getitem__),
        'target, with QuickRandomBBoxTransform': (2, quick.__getitem__),
        'source: one published view, with heatmaps': (1, build['source'].__getitem__),
        "MMPose's stock pipeline, with heatmaps": (1, build['stock'].__getitem__),
        "MMPose's stock pipeline, without heatmaps": (
            1, build['stock without labels'].__getitem__),
        'unavoidable: decode once, warp twice': (2, lambda i: unavoidable(paths[i]))}


def measure(jobs: dict, number: int, rounds: int) -> dict:
    """Views per CPU second of each job: median and quartiles over the rounds, in turns."""
    rates = {name: [] for name in jobs}
    for round_ in range(rounds + 1):
        for name, (views, job) in jobs.items():
            start = time.process_time()
            for i in range(number):
                job(i)
            if round_:  # the first one warms up
                rates[name].append(views * number / (time.process_time() - start))
    return {name: dict(zip(('low', 'median', 'high'),
                           map(float, np.percentile(r, (25, 50, 75))), strict=True))
            for name, r in rates.items()}


def steps_of_the_target(root: Path, number: int) -> dict[str, float]:
    """Microseconds of CPU time per view of each step, run alone over all images."""
    img_paths = sorted(str(p) for p in root.glob('*.jpg'))[:number]
    items = [dict(img_path=p, bbox=np.array([[0, 0, SIZE, SIZE]], np.float32)) for p in img_paths]
    found = {}
    for share, group in ((2, LOAD), (1, VIEW), (1, [dict(type='PackBranches')])):
        for step in group:
            transform = Compose([TRANSFORMS.build(step)])
            start = time.process_time()
            items = [transform(item) for item in items]
            found[step['type']] = (time.process_time() - start) / number / share * 1e6
    return found


def markdown(result: dict) -> str:
    """The tables of docs/costs.md."""
    s = result['setting']
    rates = result['rates']
    lines = [
        f'{s["images"]} JPEGs of {SIZE}x{SIZE}, {s["kilobytes"]:.1f} kB on average; '
        f'{s["machine"]}, one thread, OpenCV {s["opencv"]}; CPU time of the process, '
        f'median (quartiles) of {s["rounds"]} rounds. Goal: {GOAL} views/s of the '
        'target pipeline.', '',
        '| pipeline | views/s per core |', '|---|---|',
        *(f'| {name} | **{r["median"]:.0f}** ({r["low"]:.0f}-{r["high"]:.0f}) |'
          for name, r in rates.items()), '',
        '| step of the target pipeline | microseconds per view |', '|---|---|',
        *(f'| {name} | {t:.0f} |' for name, t in result['steps'].items())]
    return '\n'.join(lines)


def main(argv: list[str] | None = None) -> dict:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--profile', action='store_true', help='of the target pipeline, no table')
    parser.add_argument('--out', type=Path, help='JSON file')
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the tables')
    args = parser.parse_args(argv)
    if min(args.images, args.rounds) < 1:
        parser.error('--images and --rounds must be at least 1')
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    init_default_scope('mmpose')
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        kilobytes = write_images(root, args.images)
        jobs = pipelines(root)
        if args.profile:
            _, job = next(iter(jobs.values()))
            profile = cProfile.Profile()
            profile.runcall(lambda: [job(i) for i in range(args.images)])
            pstats.Stats(profile, stream=sys.stdout).sort_stats('tottime').print_stats(35)
            return {}
        result = dict(
            setting=dict(images=args.images, rounds=args.rounds, kilobytes=kilobytes,
                         machine=platform.machine(), opencv=cv2.__version__),
            rates=measure(jobs, args.images, args.rounds),
            steps=steps_of_the_target(root, args.images))
    text = markdown(result)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    if args.page:
        into_page(args.page, text, MARKS)
    print(text)
    return result


if __name__ == '__main__':
    main()
