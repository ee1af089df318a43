"""The work behind `udapose make-masks`: which masks there are to write, and writing them."""
from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from udapose.datasets.box_files import BOX_FORMS, id_key, image_names, under_listed_names
from udapose.datasets.derived_masks import MaskOptions, derive_mask
from udapose.datasets.image_headers import find_images, listed_path
from udapose.datasets.json_files import load_json
from udapose.datasets.mask_skeleton import Skeleton
from udapose.file_io import read_json
from udapose.synthetic.command import Progress

from ._mask_sheet import contact_sheet

SUMMARY = 'make_masks.json'


def read_annotations(path: str, category_ids=None
                     ) -> tuple[dict[str, list[dict]], dict[object, Skeleton]]:
    """Annotations by file name, and the skeleton of each category that has keypoints.

    Raises:
        FileNotFoundError, ValueError: No such file, or not of a known form.
    """
    content = load_json(path, '--ann-file', BOX_FORMS)
    coco = content if isinstance(content, dict) else dict(annotations=content)
    if not isinstance(coco.get('annotations'), list):
        raise ValueError(f'{path} holds neither a list of detections nor a COCO file with '
                         '"annotations"')
    names = image_names(coco, path)
    named = {id_key(key): name for key, name in names.items()}  # some ids may be text
    found: dict[str, list[dict]] = {name: [] for name in names.values()}
    for i, entry in enumerate(coco['annotations']):
        name = entry.get('file_name') or named.get(id_key(entry.get('image_id')))
        if name is None:
            raise ValueError(f'{path}: annotation {i} has no "file_name", and "images" none for '
                             f'image_id {entry.get("image_id")}')
        if category_ids is None or id_key(entry.get('category_id')) in map(str, category_ids):
            found.setdefault(name, []).append(entry)
    return found, {category.get('id'): _skeleton(category, path)
                   for category in coco.get('categories') or [] if category.get('keypoints')}


def _skeleton(category: dict, path: str) -> Skeleton:
    names, bones = category['keypoints'], category.get('skeleton') or []
    if not bones:
        print(f'note: {path}: category {category.get("id")} has keypoints and no "skeleton", so '
              'limbs between joints are not in the masks of a method that draws them: add '
              '"skeleton": [[1, 2], ...], pairs of keypoints counted from 1', file=sys.stderr)
    if not all(0 < joint <= len(names) for bone in bones for joint in bone):
        raise ValueError(f'{path}: the skeleton of category {category.get("id")} names joints '
                         f'{min(map(min, bones))} to {max(map(max, bones))}: COCO numbers its '
                         f'{len(names)} keypoints from 1')
    return Skeleton([(a - 1, b - 1) for a, b in bones], names)


def collect(images: Path, ann_file: str, category_ids=None
            ) -> tuple[list[tuple[str, list[dict]]], list[str], dict[object, Skeleton]]:
    """What there is to do.

    Returns:
        tuple: (image relative to the folder, its annotations) of annotated images; images without
        annotation; the skeletons by category.

    Raises:
        FileNotFoundError, ValueError: No images, no annotations for any, or two images with one
            mask.
    """
    names = find_images(str(images))
    if not names:
        raise FileNotFoundError(f'no images in {images}' if images.is_dir() else
                                f'{images} is not a folder')
    annotations, skeleton = read_annotations(ann_file, category_ids)
    annotations = under_listed_names(annotations, names, partial(listed_path, str(images)))
    jobs = [(name, annotations[name]) for name in names if annotations.get(name)]
    if not jobs:
        raise ValueError(f'none of the {len(names)} images in {images} (as "{names[0]}") is '
                         f'annotated in {ann_file} (as "{next(iter(annotations), "nothing")}"): '
                         'file_name must be relative to the folder, and --category-ids must occur')
    stems: dict[str, str] = {}
    for name, _ in jobs:
        other = stems.setdefault(os.path.splitext(name)[0], name)
        if other != name:
            raise ValueError(f'{other} and {name} would get the same mask: rename one')
    annotated = {name for name, _ in jobs}
    return jobs, [name for name in names if name not in annotated], skeleton


def write_mask(images: Path, out: Path, name: str, annotations: list[dict], method: str,
               skeleton: dict[object, Skeleton], options: MaskOptions
               ) -> tuple[str, str, int, float]:
    """Derive and write one mask; the file appears complete or not at all.

    Returns:
        tuple[str, str, int, float]: The image; ``'written'``, ``'kept'``, ``'unusable'`` (no joint
        or box in it) or an error; GrabCut's fallbacks; the share of foreground.
    """
    path = (out / name).with_suffix('.png')
    if path.exists():
        return name, 'kept', 0, float('nan')
    image = cv2.imread(str(images / name))
    if image is None:
        return name, 'error: cannot be decoded', 0, float('nan')
    try:
        mask, fallbacks = derive_mask(image, annotations, method, skeleton, options)
    except ValueError as error:
        return name, f'error: {error}', 0, float('nan')
    if mask is None or not mask.any():  # nothing of the boxes or joints lies in the image
        return name, 'unusable', 0, float('nan')
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.stem}.{os.getpid()}.part')
    partial.write_bytes(cv2.imencode('.png', mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes())
    os.replace(partial, path)
    return name, 'written', fallbacks, float(mask.mean() / 255)


def run_jobs(function, jobs: list[tuple], workers: int) -> list:
    """Call ``function(*job)`` in processes (1: in this one); progress is shown, the order kept."""
    progress, results, threads = Progress(), [], cv2.getNumThreads()
    # set before forking: a child that inherits OpenCV's threads waits for them forever
    cv2.setNumThreads(1)
    pool = None if workers == 1 else ProcessPoolExecutor(workers, initializer=_one_thread)
    try:
        for result in (itertools.starmap(function, jobs) if pool is None else
                       pool.map(function, *zip(*jobs), chunksize=8)):
            results.append(result)
            progress(len(results), len(jobs))
    finally:
        cv2.setNumThreads(threads)
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    return results


def _one_thread() -> None:  # of a spawned process
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)


def make(args: argparse.Namespace) -> int:
    """Write all masks; returns the exit status."""
    out = args.out
    if out.resolve() == args.images.resolve() or args.images.resolve() in out.resolve().parents:
        raise ValueError(f'--out {out} lies in the folder of the images, where the masks would '
                         'count as images: choose another')
    summary = out / SUMMARY
    jobs, without, skeleton = collect(args.images, args.ann_file, args.category_ids)
    settings = settings_of(args)
    if len(skeleton) > 1:  # once all were derived with the skeleton of the first category
        settings['skeletons'] = 'by category'
    if summary.exists():
        before = read_json(summary, 'remove that folder, or name another')['settings']
        differ = [key for key in settings if before.get(key, 'unknown') != settings[key]]
        if differ:
            was, now = (', '.join(f'{key}={made.get(key, "unknown")}' for key in differ)
                        for made in (before, settings))
            raise ValueError(f'{out} holds masks made with {was}, not {now}: choose another '
                             '--out, or remove it')
    out.mkdir(parents=True, exist_ok=True)
    summary.write_text(json.dumps(dict(settings=settings, finished=False)), encoding='utf-8')
    results = run_jobs(write_mask, [
        (args.images, out, name, entries, args.method, skeleton, options_of(args))
        for name, entries in jobs], args.workers)
    errors = {name: state for name, state, *_ in results if state.startswith('error')}
    without = sorted(without + [name for name, state, *_ in results if state == 'unusable'])
    counts = {state: sum(r[1] == state for r in results) for state in ('written', 'kept')}
    summary.write_text(json.dumps(dict(settings=settings, finished=True, **counts,
                                       without_annotation=without, errors=errors), indent=1),
                       encoding='utf-8')
    share = [r[3] for r in results if r[1] == 'written']
    print(f'{out}: {counts["written"]} masks written, {counts["kept"]} kept'
          + (f', {np.mean(share):.1%} foreground' if share else ''))
    if args.method == 'grabcut':
        print(f'GrabCut found nothing to separate for {sum(r[2] for r in results)} instances, '
              f'which got the {"hull (or box)" if args.start == "hull" else "box"} instead')
    if without:
        print(f'{len(without)} images without a usable annotation have no mask, see {summary}: '
              + ', '.join(without[:5]) + (', ...' if len(without) > 5 else ''))
    if args.sheet:
        print(contact_sheet(args.images, out, [name for name, _ in jobs[:args.sheet]]))
    for name, error in [*errors.items()][:5]:
        print(f'error: {args.images / name}: {error[7:]}', file=sys.stderr)
    return 1 if errors else 0


def settings_of(args: argparse.Namespace) -> dict:
    """All that decides what the masks of a folder of images are."""
    # the content, not the name: a corrected file mostly keeps its name
    digest = hashlib.sha256(Path(args.ann_file).read_bytes()).hexdigest()[:16]
    categories = None if args.category_ids is None else sorted(set(args.category_ids))
    return dict(method=args.method, **asdict(options_of(args)), category_ids=categories,
                annotations=f'sha256:{digest}')


def options_of(args: argparse.Namespace) -> MaskOptions:
    return MaskOptions(dilate=args.dilate, start=args.start)
