"""Write LSP's or LSP-extended's joints.mat as a COCO keypoint file, for scoring only.

    udapose convert lsp SRC --out data/lspet

``SRC`` holds joints.mat and images/ (or lsp/images/). The layouts differ, and so does the meaning
of the flag: LSP is 3 x 14 x N with flag 1 = occluded, LSP-extended 14 x 3 x N with flag
1 = visible; the shape tells which it is.
LSP's occluded joints become v = 1, LSP-extended's unmarked ones v = 0 (their position is unknown),
and so do joints without finite coordinates or at (0, 0). Images are linked, not copied.
"""
from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

NAMES = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
         'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
         'left_wrist', 'neck', 'head_top']


def read_joints(joints: np.ndarray) -> np.ndarray:
    """Unify both layouts.

    Args:
        joints (np.ndarray): (3, 14, N) LSP or (14, 3, N) LSP-extended; x, y in pixels and a flag.

    Returns:
        np.ndarray: (N, 14, 3) with x, y and COCO's v (0 unlabelled, 1 occluded, 2 visible);
        unlabelled joints are all zero.

    Raises:
        ValueError: Another shape, or flags other than 0 and 1.
    """
    if joints.ndim == 3 and joints.shape[:2] == (3, 14):
        out, values = joints.transpose(2, 1, 0).astype(float), {0: 2, 1: 1}
    elif joints.ndim == 3 and joints.shape[:2] == (14, 3):
        out, values = joints.transpose(2, 0, 1).astype(float), {0: 0, 1: 2}
    else:
        raise ValueError(f'joints has shape {joints.shape}: expected 3 x 14 x N (LSP) or '
                         '14 x 3 x N (LSP-extended)')
    # the flag of a joint without a position may be anything
    missing = ~np.isfinite(out).all(-1) | (out[..., :2] == 0).all(-1)
    flags = out[..., 2].copy()
    unknown = set(np.unique(flags[~missing])) - set(values)
    if unknown:
        raise ValueError(f'the visibility flags hold {sorted(unknown)[:5]}: expected 0 and 1')
    out[..., 2] = np.where(flags == 1, values[1], values[0])
    out[missing | (out[..., 2] == 0)] = 0
    return out


def load_source(src: Path) -> tuple[list[Path], np.ndarray]:
    """Find and read images and poses.

    Args:
        src (Path): Folder with joints.mat and images/ or lsp/images/.

    Returns:
        tuple[list[Path], np.ndarray]: The image files by name, and (N, 14, 3) as
        :func:`read_joints` gives them.

    Raises:
        ValueError: Something is missing, unreadable or does not fit together.
    """
    mat = src / 'joints.mat'
    folder = next((f for f in (src / 'images', src / 'lsp/images') if f.is_dir()), None)
    if not mat.is_file() or folder is None:
        raise ValueError(f'{mat if folder else src / "images"} does not exist: SRC must hold '
                         'joints.mat and images/')
    from scipy.io import loadmat
    try:
        joints = loadmat(mat)['joints']
    except KeyError:
        raise ValueError(f'{mat} holds no array "joints"') from None
    except Exception as error:  # SciPy raises many kinds on what is no MATLAB file
        raise ValueError(f'{mat} is not a readable MATLAB file ({error})') from None
    try:
        poses = read_joints(joints)
    except ValueError as error:
        raise ValueError(f'{mat}: {error}') from None
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in ('.jpg', '.jpeg', '.png')
                   and not p.name.startswith('.'))
    if len(files) != len(poses):
        raise ValueError(f'{len(files)} images in {folder}, but {len(poses)} poses in {mat}: '
                         'is the archive complete?')
    return files, poses


def convert(src: Path, out: Path) -> tuple[int, int]:
    """Write ``out/annotations/test.json`` and link the images into ``out/images``.

    Args:
        src (Path): As for :func:`load_source`.
        out (Path): Target folder, may exist.

    Returns:
        tuple[int, int]: Poses written (those with at least one labelled joint) and images.

    Raises:
        ValueError: From :func:`load_source`; an unreadable image.
    """
    from PIL import Image
    files, poses = load_source(src)
    images, annotations = [], []
    for i, (path, pose) in enumerate(zip(files, poses, strict=True)):
        try:
            with Image.open(path) as image:
                width, height = image.size
        except OSError as error:
            raise ValueError(f'{path} is not a readable image ({error})') from None
        images.append(dict(id=i, file_name=path.name, width=width, height=height))
        seen = pose[pose[:, 2] > 0]
        if len(seen):
            low, high = seen[:, :2].min(0), seen[:, :2].max(0)
            annotations.append(dict(
                id=i, image_id=i, category_id=1, iscrowd=0, num_keypoints=len(seen),
                area=float(np.prod(high - low)), bbox=[*low.tolist(), *(high - low).tolist()],
                keypoints=pose.ravel().round(3).tolist()))
    (out / 'images').mkdir(parents=True, exist_ok=True)
    (out / 'annotations').mkdir(exist_ok=True)
    for path in files:
        _link(path.resolve(), out / 'images' / path.name)
    (out / 'annotations/test.json').write_text(json.dumps(dict(
        images=images, annotations=annotations,
        categories=[dict(id=1, name='person', keypoints=NAMES, skeleton=[])])), encoding='utf-8')
    return len(annotations), len(images)


def _link(path: Path, link: Path) -> None:
    if link.is_symlink() and link.resolve() != path:  # of an earlier place of the images
        link.unlink()
    if link.exists():
        return
    try:
        os.symlink(path, link)
    except OSError:  # file systems without links
        shutil.copyfile(path, link)


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('src', type=Path)
    parser.add_argument('--out', type=Path, required=True)


def run(args) -> int:
    """Convert, and say what was written."""
    try:
        poses, count = convert(args.src, args.out)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
    print(f'{poses} poses of {count} images in {args.out}/annotations/test.json')
    if poses < count:
        print(f'{count - poses} images have no labelled joint: unlabelled target, not scored')
    return 0
