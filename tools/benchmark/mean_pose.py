#!/usr/bin/env python
"""The score of guessing: one constant 3D pose for every image, without looking at it.

The guess is the mean root-relative pose of the source training set, put at the true root. A model
that does not beat it clearly has learned nothing. Example:

    python tools/benchmark/mean_pose.py configs/_base_/datasets/synth_people_64x64.py

The config (of a data set, or of a whole training) names its data sets `source_train`,
`source_test` and `target_test`; metrics are the CameraSpace* ones of its `test_evaluator`, or the
usual ones.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import udapose  # noqa: F401  (before MMPose: its compat fixes what MMPose imports)

# isort: split
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, METRICS

from udapose.config_types import is_kind
from udapose.evaluation.metrics.camera_space_base import CameraSpaceMetric
from udapose.evaluation.pose3d import mean_of_joints, project

PRESETS = {21: 'hands', 22: 'people22'}


def load_poses(section: dict, name: str) -> dict[str, np.ndarray | list]:
    """Read all 3D labels of a data set's config section; no image is opened.

    Args:
        section (dict): Any MMPose data set whose samples have ``keypoints_cam`` (1, K, 3) mm,
            ``intrinsics`` and ``root_index``, or a ``CocoDataset`` of files with the embedded
            data's ``keypoints_3d``, ``camera`` and ``root_index``.
        name (str): For messages.

    Returns:
        dict: ``poses`` (N, K, 3) mm, ``pixels`` (N, K, 2), ``labeled`` (N, K) bool, ``intrinsics``
        (N, 3, 3), ``root`` (N,), ``paths`` and the data set's ``metainfo``.

    Raises:
        ValueError: The data set has no 3D labels or no cameras.
    """
    dataset = DATASETS.build(dict(section, pipeline=[], test_mode=True))
    out = dict(poses=[], pixels=[], labeled=[], intrinsics=[], root=[], paths=[])
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        raw = info.get('raw_ann_info') or {}
        raw = raw[0] if isinstance(raw, list) else raw
        pose = info['keypoints_cam'][0] if 'keypoints_cam' in info else raw.get('keypoints_3d')
        if pose is not None:  # unlabelled joints may be null
            pose = np.array([[np.nan] * 3 if p is None else p for p in pose], float)
        camera = info.get('intrinsics', (raw.get('camera') or {}).get('K'))
        root = info.get('root_index', raw.get('root_index'))
        if pose is None or camera is None or root is None:
            missing = [k for k, v in (('keypoints_cam / keypoints_3d', pose),
                                      ('intrinsics / camera.K', camera), ('root_index', root))
                       if v is None]
            raise ValueError(f'{name}: {info.get("img_path")} has no {", ".join(missing)}; the '
                             'mean pose needs a data set with 3D labels and cameras')
        values = (pose, info['keypoints'][0], np.asarray(info['keypoints_visible'])[0] > 0, camera,
                  root, info.get('img_path'))
        for key, value in zip(out, values, strict=True):
            out[key].append(value)
    stacked = {k: v if k == 'paths' else np.asarray(v, bool if k == 'labeled' else None)
               for k, v in out.items()}
    return dict(stacked, metainfo=dataset.metainfo)


def mean_pose(labels: dict) -> np.ndarray:
    """Root-relative mean (K, 3) in mm over the instances whose joint and root are labelled."""
    rows = np.arange(len(labels['root']))
    relative = labels['poses'] - labels['poses'][rows, labels['root']][:, None]
    labeled = labels['labeled'] & labels['labeled'][rows, labels['root']][:, None]
    mean = np.stack([mean_of_joints(relative[..., axis], labeled) for axis in range(3)], -1)
    if not np.isfinite(mean).all():
        raise ValueError('joints '
                         f'{np.nonzero(~np.isfinite(mean).all(-1))[0].tolist()} are labelled '
                         'nowhere in the training set: there is no mean to guess')
    return mean


def guesses(labels: dict, mean: np.ndarray) -> list[dict]:
    """The data samples, as metrics get them, of a model that always says ``mean``."""
    rows = np.arange(len(labels['root']))
    depth = labels['poses'][rows, labels['root'], 2]
    placed = labels['labeled'][rows, labels['root']] | (depth > 0)
    if not placed.all():
        print(f'{(~placed).sum()} of {len(placed)} instances are left out: their root is not '
              'labelled and has no depth')
    samples = []
    for pose, pixels, labeled, camera, root, path in zip(
            *([v for v, use in zip(labels[k], placed) if use] for k in (
                'poses', 'pixels', 'labeled', 'intrinsics', 'root', 'paths')), strict=True):
        guess = mean + pose[root]
        samples.append(dict(
            pred_instances=dict(keypoints_cam=guess[None], keypoints=project(guess, camera)[None]),
            gt_instances=dict(keypoints_cam=pose[None], keypoints=pixels[None],
                              keypoints_visible=labeled[None]),
            root_index=int(root), img_path=path))
    return samples


def metric_configs(cfg: Config, joints: int) -> list[dict]:
    """The config's CameraSpace metrics without their prefixes, or the usual ones."""
    given = cfg.get('test_evaluator') or []
    given = given if isinstance(given, (list, tuple)) else [given]
    found = [{k: v for k, v in m.items() if k != 'prefix'} for m in given
             if is_kind(m, METRICS, CameraSpaceMetric)]
    groups = PRESETS.get(joints)
    # Of several copies (one per domain, say) one is enough.
    unique = [m for i, m in enumerate(found) if m not in found[:i]]
    return unique or [
        dict(type='CameraSpaceMPJPE', groups=groups), dict(type='CameraSpacePCK3D', groups=groups),
        dict(type='CameraSpaceAUC', groups=groups),
        dict(type='CameraSpaceAUC', low=20, groups=groups),
        dict(type='CameraSpaceAUC', high=150, groups=groups),
        dict(type='CameraSpaceEPE', groups=groups)]


def evaluate(cfg: Config, train: str = 'source_train',
             tests: tuple[str, ...] = ('source_test', 'target_test')) -> dict[str, float]:
    """Metrics of the constant guess, ``source/MPJPE``, ``target/MPJPE``, ...

    Raises:
        ValueError: The config has no such data set.
    """
    init_default_scope('mmpose')
    absent = [key for key in (train, *tests) if key not in cfg]
    if absent:
        known = [k for k, v in cfg.items() if isinstance(v, dict) and 'ann_file' in v]
        raise ValueError(f'{cfg.filename} has no {", ".join(absent)}: name its data sets with '
                         f'--train and --test, it has {known}')
    mean = mean_pose(load_poses(cfg[train], train))
    results = {}
    for key in tests:
        labels = load_poses(cfg[key], key)
        if labels['poses'].shape[1:] != mean.shape:
            raise ValueError(f'{train} has {len(mean)} joints, {key} {labels["poses"].shape[1]}: '
                             'the constant pose needs the same joints in both')
        samples = guesses(labels, mean)
        for metric_cfg in metric_configs(cfg, len(mean)):
            metric = METRICS.build(dict(metric_cfg, prefix=key.removesuffix('_test')))
            metric.dataset_meta = labels['metainfo']
            metric.process({}, samples)
            results.update(metric.evaluate(len(samples)))
    return results


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path)
    parser.add_argument('--train', default='source_train', help="the data set's name in the config")
    parser.add_argument('--test', nargs='+', default=['source_test', 'target_test'])
    parser.add_argument('--groups', action='store_true', help='print the joint groups, too')
    parser.add_argument('--out', '--json', type=Path,
                        help='JSON file, to write the results to, too')
    args = parser.parse_args()
    try:
        results = evaluate(Config.fromfile(args.config), args.train, tuple(args.test))
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f'error: {error}') from None
    for key, value in results.items():
        if args.groups or key.count('/') == 1:
            print(f'{key:36s} {value:9.2f}')
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
