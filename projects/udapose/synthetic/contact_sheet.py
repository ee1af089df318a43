"""An overview picture of a data set, with the joints drawn in."""

import json

import cv2
import numpy as np

from .keypoints import KEYPOINT_SETS
from .output_folder import write_atomically
from .sample import DOMAINS, SPLITS

COLUMNS = 8
_TILE = 256
# RGB: limbs of the body's left and right side, everything else; fingers from thumb to little.
_LEFT, _RIGHT, _MIDDLE = (255, 140, 0), (0, 160, 255), (60, 220, 60)
_FINGERS = ((255, 60, 60), (255, 180, 0), (60, 220, 60), (0, 160, 255), (200, 80, 255))
_VISIBLE, _OCCLUDED = (255, 0, 0), (255, 255, 0)


def draw_keypoints(image, keypoints, kind):
    """Draw bones and joints; visible joints are red, occluded ones yellow.

    Args:
        image (ndarray): RGB image, shape (H, W, 3), uint8; drawn into.
        keypoints (ndarray): x, y in pixels and visibility, shape (K, 3).
        kind (str): ``'people'`` (left orange, right blue) or ``'hands'``.
    """
    joints = KEYPOINT_SETS[kind]
    # Sixteenths of a pixel, OpenCV's fixed point for drawing.
    fixed = [tuple(int(v) for v in np.round(p * 16)) for p in keypoints[:, :2]]
    for a, b in joints.bones:
        if kind == 'hands':
            colour = _FINGERS[(b - 1) // 4]
        else:
            names = joints.names[a] + joints.names[b]
            colour = _LEFT if 'left' in names else _RIGHT if 'right' in names else _MIDDLE
        cv2.line(image, fixed[a], fixed[b], colour, 1, cv2.LINE_AA, 4)
    for point, visibility in zip(fixed, keypoints[:, 2], strict=True):
        if visibility > 0:
            colour = _VISIBLE if visibility == 2 else _OCCLUDED
            cv2.circle(image, point, 2 * 16, colour, -1, cv2.LINE_AA, 4)


def write_contact_sheet(out, kind):
    """Write ``contact_sheet.png``: two rows per domain, each with and without joints.

    Args:
        out (Path): Folder with images and annotations.
        kind (str): ``'people'`` or ``'hands'``.
    """
    rows = []
    for domain in DOMAINS:
        plain, drawn = [], []
        for split in SPLITS:
            data = json.loads((out / domain / 'annotations' / f'{split}.json').read_bytes())
            for image, label in zip(data['images'], data['annotations'], strict=True):
                if len(plain) == 2 * COLUMNS:
                    break
                path = out / domain / 'images' / split / image['file_name']
                tile = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
                tile = cv2.cvtColor(tile, cv2.COLOR_BGR2RGB)
                tile = cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
                plain.append(tile.copy())
                keypoints = np.array(label['keypoints']).reshape(-1, 3)
                keypoints[:, :2] = (keypoints[:, :2] + .5) * (_TILE / image['width']) - .5
                draw_keypoints(tile, keypoints, kind)
                drawn.append(tile)
        for start in range(0, len(plain), COLUMNS):
            rows += [plain[start:start + COLUMNS], drawn[start:start + COLUMNS]]
    if not rows:
        return
    sheet = np.zeros((len(rows) * _TILE, COLUMNS * _TILE, 3), np.uint8)
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            sheet[y * _TILE:(y + 1) * _TILE, x * _TILE:(x + 1) * _TILE] = tile
    data = cv2.imencode('.png', cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tobytes()
    write_atomically(out / 'contact_sheet.png', data)
