"""Write the square crops of Human3.6M that the published code generates before training.

    udapose convert human36m data/h36m_uda

ROOT is the data_root of Human36mUDADataset with annotations/ and images/. This writes
ROOT/crop_images/<file_name> (512 x 512) and ROOT/annotations/keypoints2d_{S}.json, which the
data set then prefers (source='auto'). It is optional: the crops only make loading faster.

Boxes, joints and order are the published ones; the images are resized by OpenCV (area averaging
when shrinking, else cubic) instead of Pillow. Unlike the published files, intrinsic_matrix is that
of the crop, principal point included, and keypoint3d are the true camera coordinates (16 x 3, mm).

Repeat the command after an interruption: finished crops are kept.
"""
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np

from udapose.datasets.public.human36m_annotations import CROP_SIZE
from udapose.datasets.public.human36m_uda import SUBJECTS, Human36mUDADataset
from udapose.synthetic.command import Progress


class _OneSubject(Human36mUDADataset):
    """The used images of one subject in the order of its file."""

    def __init__(self, root: Path, subject: int) -> None:
        self.subject = subject
        super().__init__(str(root), split='all', source='images', serialize_data=False)

    def load_instances(self):
        self.require('annotations')
        return self._read_images(self.subject)


def write_crop(image_path: str, out: Path, box: np.ndarray, quality: int) -> None:
    """Cut out ``box`` (xyxy, whole pixels), resize and write it; complete or not at all.

    Raises:
        ValueError: The image cannot be decoded, or is smaller than its box.
    """
    x1, y1, x2, y2 = box
    image = cv2.imread(image_path)
    if image is None:
        raise ValueError(f'{image_path} is no readable image')
    crop = image[y1:y2, x1:x2]
    if crop.shape[:2] != (y2 - y1, x2 - x1):
        raise ValueError(f'{image_path} is {image.shape[1]}x{image.shape[0]}, smaller than its '
                         'annotation says')
    method = cv2.INTER_AREA if crop.shape[0] > CROP_SIZE else cv2.INTER_CUBIC
    data = cv2.imencode('.jpg', cv2.resize(crop, (CROP_SIZE, CROP_SIZE), interpolation=method),
                        [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f'.{out.name}.part')
    partial.write_bytes(data.tobytes())
    os.replace(partial, out)


def convert(root: Path, subjects: list[int], quality: int = 95) -> tuple[int, int]:
    """Write the crops and annotations of some subjects.

    Returns:
        tuple[int, int]: Crops written and kept.

    Raises:
        FileNotFoundError, ValueError: From the data set; an unreadable image.
    """
    written = kept = 0
    for subject in subjects:
        items, progress, entries = _OneSubject(root, subject), Progress(), []
        for i in range(len(items)):
            item = items.get_data_info(i)
            x1, y1, x2, y2 = box = item['bbox'][0].round().astype(int)
            name = os.path.relpath(item['img_path'], items.path('images'))
            if name.split(os.sep)[0] == 'images':  # the layout images/images
                name = os.path.relpath(name, 'images')
            target = root / 'crop_images' / name
            if target.exists():
                kept += 1
            else:
                write_crop(item['img_path'], target, box, quality)
                written += 1
            zoom = CROP_SIZE / (x2 - x1)
            matrix = item['intrinsics'].astype(float)
            matrix[:2, 2] -= x1, y1
            matrix[:2] *= zoom
            entries.append(dict(
                name=name.replace(os.sep, '/'),
                keypoint2d=((item['keypoints'][0] - (x1, y1)) * zoom).round(4).tolist(),
                keypoint3d=item['keypoints_cam'][0].astype(float).round(3).tolist(),
                intrinsic_matrix=matrix.tolist()))
            progress(i + 1, len(items))
        path = root / f'annotations/keypoints2d_{subject}.json'
        partial = path.with_name(f'.{path.name}.part')
        partial.write_text(json.dumps(entries), encoding='utf-8')
        os.replace(partial, path)
    return written, kept


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('root', type=Path, metavar='ROOT')
    parser.add_argument('--subjects', type=int, nargs='+', default=list(SUBJECTS['all']),
                        choices=SUBJECTS['all'])
    parser.add_argument('--quality', type=int, default=95, help='of JPEG (default 95)')


def run(args) -> int:
    """Convert, and say what was written."""
    try:
        written, kept = convert(args.root.expanduser(), args.subjects, args.quality)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.root / "crop_images"}: {written} crops written, {kept} kept')
    return 0
