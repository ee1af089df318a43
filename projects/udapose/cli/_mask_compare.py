"""How well derived masks agree with ground truth: `udapose make-masks --compare`."""
from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from udapose.datasets.derived_masks import MaskOptions, derive_mask
from udapose.datasets.mask_skeleton import Skeleton
from udapose.datasets.transforms.masks import decode_mask

from ._make_masks import collect, options_of, run_jobs

VARIANTS = {'box': ('box', 'box'), 'hull': ('hull', 'hull'),
            'GrabCut from the box': ('grabcut', 'box'),
            'GrabCut from the hull': ('grabcut', 'hull')}


def scores(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Intersection over union, precision and recall of bool masks of equal shape.

    Empty against empty is 1; a share of nothing is 1.
    """
    both, union = (mask & truth).sum(), (mask | truth).sum()
    return tuple(float(both / n) if n else 1. for n in (union, mask.sum(), truth.sum()))


def measure(image_path: Path, mask_path: Path, annotations: list[dict], skeleton: Skeleton,
            options: MaskOptions) -> list[tuple[float, ...]]:
    """(IoU, precision, recall, CPU ms) of each variant on one image; NaN where it gives no mask.

    Raises:
        OSError: The image or its ground truth is missing.
    """
    image = cv2.imread(str(image_path))
    if image is None or not mask_path.exists():
        raise OSError(f'{image_path if image is None else mask_path} is missing or unreadable: '
                      '--compare needs the ground-truth mask of every annotated image')
    truth = decode_mask(mask_path.read_bytes()) > 127
    if truth.shape != image.shape[:2]:
        raise OSError(f'{mask_path} and {image_path} differ in size')
    rows = []
    for method, start in VARIANTS.values():
        began = time.process_time()
        mask, _ = derive_mask(image, annotations, method, skeleton, replace(options, start=start))
        cost = 1000 * (time.process_time() - began)
        rows.append((np.nan,) * 4 if mask is None else (*scores(mask > 127, truth), cost))
    return rows


def compare(args: argparse.Namespace) -> str:
    """A Markdown table of the agreement of each method with the masks in ``args.compare``."""
    jobs, _, skeleton = collect(args.images, args.ann_file, args.category_ids)
    if args.limit and args.limit < len(jobs):
        jobs = [jobs[i] for i in np.linspace(0, len(jobs) - 1, args.limit).astype(int)]
    values = np.array(run_jobs(measure, [
        (args.images / name, (args.compare / name).with_suffix('.png'), entries, skeleton,
         options_of(args)) for name, entries in jobs], args.workers))
    lines = ['| data | images | method | mean IoU | median IoU | precision | recall | CPU ms |',
             '|---|---|---|---|---|---|---|---|']
    for name, rows in zip(VARIANTS, values.transpose(1, 0, 2)):
        rows = rows[~np.isnan(rows[:, 0])]
        if len(rows):
            iou, precision, recall, cost = rows.mean(0)
            lines.append(f'| {args.title} | {len(rows)} | {name} | {iou:.2f} | '
                         f'{np.median(rows[:, 0]):.2f} | {precision:.2f} | {recall:.2f} | '
                         f'{cost:.1f} |')
    return '\n'.join(lines)
