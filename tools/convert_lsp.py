"""Write LSP's or LSP-extended's joints.mat as a COCO keypoint file, for scoring only.

    python tools/convert_lsp.py SRC --out data/lspet

``SRC`` holds joints.mat and images/. The layouts differ, and so does the meaning of the flag:
LSP is 3 x 14 x N with flag 1 = occluded, LSP-extended 14 x 3 x N with flag 1 = visible; the shape
tells which it is.
LSP's occluded joints become v = 1, LSP-extended's unmarked ones v = 0 (their position is unknown).
"""
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

NAMES = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
         'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
         'left_wrist', 'neck', 'head_top']


def read_joints(joints: np.ndarray) -> np.ndarray:
    """Unify both layouts.

    Args:
        joints (np.ndarray): (3, 14, N) LSP or (14, 3, N) LSP-extended.

    Returns:
        np.ndarray: (N, 14, 3) with x, y and COCO's v (0 unlabelled, 1 occluded, 2 visible).

    Raises:
        ValueError: Another shape.
    """
    if joints.ndim == 3 and joints.shape[:2] == (3, 14):
        out = joints.transpose(2, 1, 0).astype(float)
        out[..., 2] = np.where(out[..., 2] == 0, 2, 1)
    elif joints.ndim == 3 and joints.shape[:2] == (14, 3):
        out = joints.transpose(2, 0, 1).astype(float)
        out[..., 2] = np.where(out[..., 2] == 1, 2, 0)
    else:
        raise ValueError(f'joints has shape {joints.shape}: expected 3 x 14 x N (LSP) or '
                         '14 x 3 x N (LSP-extended)')
    bad = ~np.isfinite(out).all(-1)
    out[bad] = 0
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args()
    mat, folder = args.src / 'joints.mat', args.src / 'images'
    for path in (mat, folder):
        if not path.exists():
            sys.exit(f'error: {path} does not exist; SRC must hold joints.mat and images/')
    from PIL import Image
    from scipy.io import loadmat
    joints = read_joints(loadmat(mat)['joints'])
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in ('.jpg', '.jpeg', '.png'))
    if len(files) != len(joints):
        sys.exit(f'error: {len(files)} images in {folder}, but {len(joints)} poses in {mat}: '
                 'is the archive complete?')
    images, annotations = [], []
    (args.out / 'images').mkdir(parents=True, exist_ok=True)
    for i, (path, pose) in enumerate(zip(files, joints, strict=True)):
        link = args.out / 'images' / path.name
        if not link.exists():
            os.symlink(path.resolve(), link)
        with Image.open(path) as image:
            width, height = image.size
        images.append(dict(id=i, file_name=path.name, width=width, height=height))
        seen = pose[pose[:, 2] > 0]
        if not len(seen):
            print(f'{path.name}: no labelled joint, left out')
            continue
        low, high = seen[:, :2].min(0), seen[:, :2].max(0)
        annotations.append(dict(
            id=i, image_id=i, category_id=1, iscrowd=0, num_keypoints=len(seen),
            area=float(np.prod(high - low)), bbox=[*low.tolist(), *(high - low).tolist()],
            keypoints=pose.ravel().round(3).tolist()))
    (args.out / 'annotations').mkdir(exist_ok=True)
    (args.out / 'annotations/test.json').write_text(json.dumps(dict(
        images=images, annotations=annotations,
        categories=[dict(id=1, name='person', keypoints=NAMES, skeleton=[])])))
    print(f'{len(annotations)} poses of {len(images)} images in {args.out}/annotations/test.json')


if __name__ == '__main__':
    main()
