"""What `udapose check-data` looks at: files, keypoints, cameras, left and right, sizes."""
from __future__ import annotations

import hashlib
import os
import pickle
from collections import Counter

import numpy as np
from mmpose.registry import TRANSFORMS

from udapose.codecs.camera_geometry import project
from udapose.datasets.pose_size import implausible_size

_SHOWN = 3
_LEAST_CONSISTENT = 0.5
_LEAST_POSES = 20
_MOST_OUTSIDE = 0.1


class Findings:
    """Numbers, notes and problems of one data set.

    Attributes:
        numbers (dict): For the JSON and the table.
        problems (list[str]): Wrong: the tool fails.
        notes (list[str]): Worth knowing.
    """

    def __init__(self) -> None:
        self.numbers: dict = {}
        self.problems: list[str] = []
        self.notes: list[str] = []


def examine(dataset, num: int, decode_all: bool, max_reprojection: float
            ) -> tuple[Findings, list[dict]]:
    """Check a data set.

    Args:
        dataset: With MMPose's ``get_data_info``, ``metainfo`` and a length.
        num (int): Images that are decoded, evenly spread, unless ``decode_all``.
        decode_all (bool): Decode every image.
        max_reprojection (float): Largest accepted distance in pixels of the median instance.

    Returns:
        tuple[Findings, list[dict]]: And the annotations before the pipeline.
    """
    found = Findings()
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    paths = sorted({str(info['img_path']) for info in infos})
    found.numbers.update(instances=len(infos), images=len(paths))
    for problem, count in sorted(getattr(dataset, 'report', Counter()).items()):
        found.notes.append(f'{count} {problem}')
    sizes = _decode(found, infos, paths, num, decode_all)
    _boxes(found, infos)
    _keypoints(found, infos, dataset.metainfo, sizes)
    _cameras(found, infos, max_reprojection)
    _sizes_in_space(found, infos, dataset.metainfo)
    repeated = sum(n - 1 for n in Counter(
        (str(i['img_path']), np.asarray(i['bbox']).tobytes()) for i in infos if 'bbox' in i
    ).values())
    if repeated:
        found.notes.append(f'{repeated} instances repeat the image and box of another')
    found.numbers['annotation_bytes'] = int(
        getattr(dataset, 'data_bytes', np.empty(0)).nbytes) or len(infos) * len(
            pickle.dumps(infos[0], protocol=4))
    return found, infos


def _decode(found: Findings, infos: list[dict], paths: list[str], num: int, decode_all: bool
            ) -> dict[str, tuple[int, int]]:
    """(width, height) of the decoded images."""
    missing, on_disk = [], 0
    for path in paths:
        try:
            on_disk += os.path.getsize(path)
        except OSError:
            missing.append(path)
    if missing:
        found.problems.append(f'{len(missing)} of {len(paths)} images do not exist: '
                              f'{_some(missing)}')
    found.numbers['disk_bytes'] = on_disk
    gone = set(missing)
    chosen = [p for p in paths if p not in gone]
    if not decode_all:
        chosen = [chosen[i] for i in spread(len(chosen), num)]
    load = TRANSFORMS.build(dict(type='LoadPoseImage'))
    sizes, broken = {}, []
    for path in chosen:
        try:
            sizes[path] = load(dict(img_path=path))['img'].shape[1::-1]
        except OSError:
            broken.append(path)
    if broken:
        found.problems.append(f'{len(broken)} of {len(chosen)} images that were read cannot be '
                              f'decoded: {_some(broken)}')
    wrong, near = [], []
    for p, s in {str(i['img_path']): i.get('image_size') for i in infos}.items():
        if s is not None and p in sizes and tuple(map(int, s)) != tuple(sizes[p]):
            # Human3.6M's videos are up to two rows higher than its calibration says
            part = near if np.abs(np.divide(sizes[p], s) - 1).max() < 0.005 else wrong
            part.append(f'{p} is {sizes[p][0]}x{sizes[p][1]}, not {s[0]}x{s[1]}')
    for part, report in ((wrong, found.problems), (near, found.notes)):
        if part:
            report.append(f'{len(part)} images have another size than their annotation says: '
                          f'{_some(part)}')
    areas = [w * h for w, h in sizes.values()]
    found.numbers.update(decoded_images=len(sizes),
                         sizes=sorted({f'{w}x{h}' for w, h in sizes.values()})[:8],
                         decoded_bytes=int(3 * np.mean(areas) * len(paths)) if areas else 0)
    return sizes


def _boxes(found: Findings, infos: list[dict]) -> None:
    boxes = np.array([np.asarray(i['bbox'], float).reshape(-1)[:4] for i in infos if 'bbox' in i])
    if not len(boxes):
        return
    bad = ~np.isfinite(boxes).all(1) | (boxes[:, 2:] - boxes[:, :2] < 1).any(1)
    if bad.any():
        found.problems.append(f'{bad.sum()} boxes are empty or not finite, for example '
                              f'{boxes[bad][0].tolist()}')
    sides = np.sqrt(np.prod(boxes[~bad, 2:] - boxes[~bad, :2], axis=1))
    if len(sides):
        found.numbers['box_side'] = [float(x) for x in np.percentile(sides, (0, 50, 100))]


def _keypoints(found: Findings, infos: list[dict], meta: dict, sizes: dict) -> None:
    labelled = [i for i in infos if i.get('keypoints') is not None]
    if not labelled:
        found.notes.append('no keypoints (unlabelled)')
        return
    points = np.stack([np.asarray(i['keypoints'], float)[0, :, :2] for i in labelled])
    seen = np.stack([visible_joints(i['keypoints_visible']) for i in labelled])
    names = [meta['keypoint_id2name'][j] for j in range(points.shape[1])]
    bad = seen & ~np.isfinite(points).all(-1)
    if bad.any():
        found.problems.append(f'{bad.sum()} labelled joints are not finite, for example of '
                              f'{labelled[np.argwhere(bad)[0, 0]]["img_path"]}')
    seen &= ~bad
    share = seen.mean(0)
    found.numbers['labelled_share'] = float(seen.mean())
    found.numbers['labelled_share_per_joint'] = dict(zip(names, share.round(4).tolist(),
                                                         strict=True))
    if seen.any():
        xy = points[seen]
        found.numbers['keypoint_range'] = [*xy.min(0).round(1).tolist(),
                                           *xy.max(0).round(1).tolist()]
    never = [n for n, s in zip(names, share, strict=True) if s == 0]
    if never:
        found.notes.append(f'never labelled: {", ".join(never)}')
    size = np.array([sizes.get(str(i['img_path']), i.get('image_size', (np.nan, np.nan)))
                     for i in labelled], float)
    known = seen & np.isfinite(size).all(1)[:, None]
    outside = known & ((points < -0.5) | (points > size[:, None] - 0.5)).any(-1)
    if known.any():
        rate = outside.sum() / known.sum()
        found.numbers['outside_share'] = float(rate)
        text = f'{rate:.1%} of the labelled joints of {known.any(1).sum()} instances lie outside ' \
               'of their image'
        if rate > _MOST_OUTSIDE:
            found.problems.append(text + ', for example of '
                                  f'{labelled[np.argwhere(outside)[0, 0]]["img_path"]}')
        elif rate:
            found.notes.append(text)
    _left_right(found, points, seen, names, meta)


def _left_right(found: Findings, points: np.ndarray, seen: np.ndarray, names: list[str],
                meta: dict) -> None:
    """Do left and right belong together: the torso, and each limb's ends."""
    swap = dict(enumerate(meta['flip_indices']))
    shares = {}
    torso = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
    if set(torso) <= set(names):
        a, b, c, d = (names.index(n) for n in torso)
        both = seen[:, [a, b, c, d]].all(1)
        same = np.sign(points[:, a, 0] - points[:, b, 0]) == np.sign(
            points[:, c, 0] - points[:, d, 0])
        shares['shoulders and hips in the same order'] = same[both]
    for a, b in meta.get('skeleton_links', []):
        if swap[a] == a or swap[b] == b or swap[a] == b:
            continue
        known = seen[:, [a, b, swap[b]]].all(1)
        near = np.linalg.norm(points[:, a] - points[:, b], axis=-1) \
            <= np.linalg.norm(points[:, a] - points[:, swap[b]], axis=-1)
        shares[f'{names[a]} nearer to {names[b]} than to {names[swap[b]]}'] = near[known]
    found.numbers['left_right'] = {k: float(v.mean()) for k, v in shares.items() if len(v)}
    for name, values in shares.items():
        # two standard errors at most: few poses with faces turned away are no proof
        if len(values) >= _LEAST_POSES and \
                values.mean() + len(values) ** -0.5 < _LEAST_CONSISTENT:
            found.problems.append(
                f'suspicious left and right: {name} in only {values.mean():.0%} of {len(values)} '
                'poses. Are the joints in the order of the joint set, and left not right?')


def _cameras(found: Findings, infos: list[dict], limit: float) -> None:
    """The median instance is judged, not the worst joint: a reader may fit a pinhole to a lens."""
    errors, worst, behind, unknown, blind = [], None, 0, [], []
    for info in infos:
        if info.get('keypoints_cam') is None or info.get('keypoints') is None:
            continue
        seen = visible_joints(info['keypoints_visible'])
        cam, matrix = np.asarray(info['keypoints_cam'], float)[0], np.asarray(
            info['intrinsics'], float)
        if not np.isfinite(matrix).all():
            blind.append(str(info['img_path']))
            continue
        finite = np.isfinite(cam).all(-1)
        if (seen & ~finite).any():
            unknown.append(str(info['img_path']))
        seen &= finite  # NaN would pass every comparison
        cam = cam[seen]
        front = cam[:, 2] > 0
        behind += int((~front).sum())
        if not front.any():
            continue
        error = np.linalg.norm(
            project(cam[front], matrix) - np.asarray(info['keypoints'], float)[0][seen][front],
            axis=-1)
        if worst is None or error.max() > worst[0]:
            worst = float(error.max()), info['img_path']
        errors.append(error)
    if unknown:
        found.problems.append(f'labelled joints of {len(unknown)} instances have 3D keypoints that '
                              f'are not finite: {_some(unknown)}')
    if blind:
        found.problems.append(f'the cameras (intrinsics) of {len(blind)} instances are not finite: '
                              f'{_some(blind)}')
    if behind:
        found.problems.append(f'{behind} labelled joints are behind the camera (z <= 0)')
    if errors:
        means = np.array([error.mean() for error in errors])
        median = float(np.median(means))
        found.numbers['reprojection'] = dict(mean=float(np.concatenate(errors).mean()),
                                             median=median, max=worst[0])
        if median > limit:
            found.problems.append(
                f'3D keypoints do not project onto the 2D keypoints: {median:.2f} pixels in the '
                f'median instance, accepted {limit:g}; {worst[0]:.2f} at most ({worst[1]})')
        elif worst[0] > limit:
            found.notes.append(
                f'3D keypoints project up to {worst[0]:.2f} pixels away from the 2D keypoints '
                f'({worst[1]}); {(means > limit).sum()} of {len(means)} instances are more than '
                f'{limit:g} off on average')


def _sizes_in_space(found: Findings, infos: list[dict], meta: dict) -> None:
    """Millimetres: metres project onto the same pixels."""
    infos = [i for i in infos if i.get('keypoints_cam') is not None
             and i.get('keypoints_visible') is not None]
    if infos:
        points = np.stack([np.asarray(i['keypoints_cam'], float)[0] for i in infos])
        seen = np.stack([visible_joints(i['keypoints_visible']) for i in infos])
        problem = implausible_size(points, seen, [
            meta['keypoint_id2name'][j] for j in range(points.shape[1])])
        if problem:
            found.problems.append(problem)


def overlap(a: list[dict], b: list[dict], by_content: bool) -> tuple[int, int]:
    """How many images of ``b`` are also in ``a``, by path and by content (0 unless asked for)."""
    first, second = ({str(i['img_path']) for i in infos} for infos in (a, b))
    same = 0
    if by_content:
        digests = [{_digest(p) for p in paths if os.path.isfile(p)} for paths in
                   (first, second - first)]
        same = len(digests[0] & digests[1])
    return len(first & second), same


def _digest(path: str) -> bytes:
    with open(path, 'rb') as file:
        return hashlib.sha1(file.read()).digest()


def visible_joints(flags) -> np.ndarray:
    """(K,) bool of the first instance's ``keypoints_visible``, (1, K) or (1, K, 2)."""
    flags = np.asarray(flags)[0]
    return (flags[..., 0] if flags.ndim == 2 else flags) > 0


def spread(count: int, num: int) -> list[int]:
    """``num`` indices evenly spread over ``count``."""
    return sorted(set(np.linspace(0, count - 1, min(num, count)).round().astype(int).tolist())) \
        if count else []


def _some(items: list[str]) -> str:
    return ', '.join(items[:_SHOWN]) + (', ...' if len(items) > _SHOWN else '')
