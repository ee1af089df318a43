"""Run an exported ``model.onnx``: crop, normalise, decode. Needs NumPy, OpenCV and onnxruntime.

`udapose export --onnx` lays a copy of this file beside ``model.onnx`` and ``deploy.json``. It
imports neither PyTorch nor MMPose nor udapose, so a folder is all that a device needs::

    from pose_onnx import OnnxPose
    pose = OnnxPose('exported')
    points, scores = pose(cv2.imread('photo.jpg'), [[40, 20, 260, 420]])

The functions below are also the reference for decoders in other languages. Shapes: N crops, K
joints, maps of H x W pixels. Positions are (x, y). A joint whose output is nowhere above 0 has no
position: it gets (-1, -1) on its map and a score <= 0.
"""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np


class OnnxPose:
    """An exported model with everything around it.

    Args:
        folder (str | Path): Holds ``model.onnx`` and ``deploy.json``.
        providers (list[str], optional): Of onnxruntime; by default the CPU.
        batch_size (int): Crops in one run of the network.
    """

    def __init__(self, folder, providers=None, batch_size: int = 16) -> None:
        import onnxruntime
        folder = Path(folder)
        self.description = json.loads((folder / 'deploy.json').read_text(encoding='utf-8'))
        self.batch_size = batch_size
        self.session = onnxruntime.InferenceSession(
            str(folder / 'model.onnx'), providers=providers or ['CPUExecutionProvider'])

    def __call__(self, image: np.ndarray, boxes=None) -> tuple[np.ndarray, np.ndarray]:
        """Poses of one image.

        Args:
            image (np.ndarray): (height, width, 3) uint8, BGR as OpenCV reads it.
            boxes: (P, 4) as x1, y1, x2, y2 in pixels; by default the whole image.

        Returns:
            tuple: (P, K, 2) float32 pixels of the image; (P, K) float32 scores.
        """
        if boxes is None:
            boxes = [[0, 0, image.shape[1], image.shape[0]]]
        regions = [region(box, self.description) for box in np.reshape(boxes, (-1, 4))]
        points, scores = [], []
        for i in range(0, len(regions), self.batch_size):
            part = regions[i:i + self.batch_size]
            crops = np.stack([crop(image, *r, self.description) for r in part])
            found = decode(self.run(crops), self.description)
            points += [to_image(p, *r, self.description) for p, r in zip(found[0], part)]
            scores += list(found[1])
        joints = len(self.description['joints'])
        return (np.asarray(points, np.float32).reshape(-1, joints, 2),
                np.asarray(scores, np.float32).reshape(-1, joints))

    def run(self, crops: np.ndarray) -> list[np.ndarray]:
        """The network's raw outputs for (N, height, width, 3) uint8 BGR crops."""
        name = self.description['input']['name']
        return self.session.run(None, {name: normalize(crops, self.description)})


# ---------------------------------------------------------------------- before the network
def region(box, description: dict) -> tuple[np.ndarray, np.ndarray]:
    """Centre and size (both (2,), pixels) of what is cut out for a box: larger, in its shape."""
    x1, y1, x2, y2 = np.asarray(box, np.float64)
    width, height = np.array([x2 - x1, y2 - y1]) * description['crop']['padding']
    aspect = description['input']['width'] / description['input']['height']
    size = (width, width / aspect) if width > height * aspect else (height * aspect, height)
    return np.array([x1 + x2, y1 + y2]) / 2, np.array(size)


def crop(image: np.ndarray, center, size, description: dict) -> np.ndarray:
    """Cut out a region: (input height, input width, 3), black outside of the image."""
    target = np.array([description['input']['width'], description['input']['height']])
    # UDP: the centres of the first and the last pixel lie on the region's borders
    scale = (target - description['crop']['udp']) / size
    matrix = np.array([[scale[0], 0, scale[0] * (size[0] / 2 - center[0])],
                       [0, scale[1], scale[1] * (size[1] / 2 - center[1])]])
    return cv2.warpAffine(image, matrix, (int(target[0]), int(target[1])), flags=cv2.INTER_LINEAR)


def normalize(crops: np.ndarray, description: dict) -> np.ndarray:
    """(N, H, W, 3) BGR crops to the network's (N, 3, H, W) float32 input."""
    spec = description['input']
    crops = crops[..., ::-1] if spec['channel_order'] == 'rgb' else crops
    values = (crops.astype(np.float32) - np.float32(spec['mean'])) / np.float32(spec['std'])
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def to_image(points: np.ndarray, center, size, description: dict) -> np.ndarray:
    """Points (K, 2) from the crop's pixels to the image's."""
    target = np.array([description['input']['width'], description['input']['height']])
    return points / target * size + center - size / 2


# ---------------------------------------------------------------------- after the network
def decode(outputs: list[np.ndarray], description: dict) -> tuple[np.ndarray, np.ndarray]:
    """Raw outputs to positions in the crop.

    Args:
        outputs (list[np.ndarray]): In the order of ``description['outputs']``.
        description (dict): The content of ``deploy.json``; its ``decoder`` names the function
            (``kind``) and its arguments.

    Returns:
        tuple: (N, K, 2) pixels of the crop; (N, K) scores.
    """
    arguments = dict(description['decoder'])
    points, scores = DECODERS[arguments.pop('kind')](*outputs, **arguments)
    chosen = description.get('keypoint_indices')
    return (points, scores) if chosen is None else (points[:, chosen], scores[:, chosen])


def decode_quarter(maps, scale):
    """Highest pixel, moved a quarter pixel towards its higher neighbour (MSRA).

    Args:
        maps (np.ndarray): (N, K, H, W) heatmaps.
        scale: (2,) crop pixels per heatmap pixel.
    """
    points, scores = _peaks(maps)
    dx, dy = (np.sign(_at(maps, points, step) - _at(maps, points, -step)) for step in _STEPS)
    inside = _inside(points, maps, (1, 0)), _inside(points, maps, (0, 1))
    shift = 0.25 * np.stack([dx * inside[0], dy * inside[1]], -1)
    return (points + shift) * np.asarray(scale), scores


def decode_dark(maps, scale, blur):
    """Highest pixel, then one Newton step on the log of the blurred map (arXiv 1910.06278).

    Args:
        maps, scale: As in :func:`decode_quarter`.
        blur (int): Size of the Gaussian kernel in pixels, odd.
    """
    points, scores = _peaks(maps)
    log = np.log(np.maximum(_blurred(maps, blur), 1e-10))
    near = {(i, j): _at(log, points, np.array([i, j])) for i in range(-2, 3) for j in range(-2, 3)}
    gradient = np.stack([near[1, 0] - near[-1, 0], near[0, 1] - near[0, -1]], -1) / 2
    xx, yy = ((near[2 * i, 2 * j] - 2 * near[0, 0] + near[-2 * i, -2 * j]) / 4
              for i, j in ((1, 0), (0, 1)))
    xy = (near[1, 1] - near[1, -1] - near[-1, 1] + near[-1, -1]) / 4
    x, y = points[..., 0], points[..., 1]
    valid = (x > 1) & (x < maps.shape[3] - 2) & (y > 1) & (y < maps.shape[2] - 2)
    return (points + _newton(gradient, xx, xy, yy, valid)) * np.asarray(scale), scores


def decode_dark_udp(maps, input_size, blur):
    """Likewise with unbiased coordinates: the map's corners are the crop's (arXiv 1911.07524).

    Args:
        maps (np.ndarray): (N, K, H, W) heatmaps.
        input_size: (width, height) of the crop.
        blur (int): Size of the Gaussian kernel in pixels, odd.
    """
    points, scores = _peaks(maps)
    log = np.log(np.clip(_blurred(maps, blur), 1e-3, 50.))
    near = {(i, j): _at(log, points, np.array([i, j])) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    gradient = np.stack([near[1, 0] - near[-1, 0], near[0, 1] - near[0, -1]], -1) / 2
    here = 2 * near[0, 0]
    xx, yy = near[1, 0] - here + near[-1, 0], near[0, 1] - here + near[0, -1]
    xy = (near[1, 1] - near[1, 0] - near[0, 1] + here - near[-1, 0] - near[0, -1]
          + near[-1, -1]) / 2
    tiny = np.finfo(np.float32).eps  # a flat map has no curvature
    step = _newton(gradient, xx + tiny, xy, yy + tiny, scores > 0)
    return (points + step) * _udp_scale(maps, input_size), scores


def decode_udp_offsets(maps, input_size, blur, radius):
    """Highest pixel of a map of regions, plus the offset that two more maps hold there.

    Args:
        maps (np.ndarray): (N, 3 K, H, W): region, x and y offset of each joint in turn.
        input_size: (width, height) of the crop.
        blur (int): Size of the Gaussian kernel in pixels, odd.
        radius (float): Heatmap pixels that an offset of 1 means.
    """
    regions = np.stack([[cv2.GaussianBlur(m, (blur, blur), 0) for m in k] for k in maps[:, ::3]])
    points, scores = _peaks(regions)
    offsets = [_at(maps[:, part::3], points, np.zeros(2, int)) for part in (1, 2)]
    return (points + radius * np.stack(offsets, -1)) * _udp_scale(maps, input_size), scores


def decode_megvii(maps, scale, blur):
    """Highest pixel of the blurred map of height 255, a quarter pixel on, pixel centres at 0.5.

    Args:
        maps, scale: As in :func:`decode_quarter`.
        blur (int): Size of the Gaussian kernel in pixels, odd.
    """
    maps = _blurred(maps, blur)
    points, scores = _peaks(maps)
    diff = np.stack([np.sign(_at(maps, points, s) - _at(maps, points, -s)) for s in _STEPS], -1)
    shift = (0.25 * diff + 0.5) * _inside(points, maps, (1, 1))[..., None]
    return (points + shift) * np.asarray(scale), scores / 255 + 0.5


def decode_simcc(profile_x, profile_y, ratio, blur=None):
    """Highest bins of a profile for x and one for y (arXiv 2107.03332).

    Args:
        profile_x, profile_y (np.ndarray): (N, K, bins), before any softmax.
        ratio (float): Bins per crop pixel.
        blur: (2,) kernel sizes in bins for a Newton step on the log of the blurred profiles;
            None: no refinement.

    Returns:
        tuple: (N, K, 2); (N, K), the lower one of both heights.
    """
    profiles = profile_x, profile_y
    scores = np.minimum(*(p.max(-1) for p in profiles))
    bins = np.stack([p.argmax(-1) for p in profiles], -1).astype(np.float32)
    if blur is not None:
        steps = [_profile_step(p, bins[..., i], blur[i]) for i, p in enumerate(profiles)]
        bins += np.stack(steps, -1)
    bins[scores <= 0] = -1
    return bins / ratio, scores


def decode_points(points, scores):
    """The network gives pixels of the crop itself."""
    return points, scores


DECODERS = dict(quarter=decode_quarter, dark=decode_dark, dark_udp=decode_dark_udp,
                udp_offsets=decode_udp_offsets, megvii=decode_megvii, simcc=decode_simcc,
                points=decode_points)
_STEPS = np.array([1, 0]), np.array([0, 1])


def _peaks(maps):
    """(N, K, 2) float positions of the highest pixels; (N, K) heights."""
    flat = maps.reshape(*maps.shape[:2], -1)
    y, x = np.divmod(flat.argmax(-1), maps.shape[3])
    points, heights = np.stack([x, y], -1).astype(np.float32), flat.max(-1)
    points[heights <= 0] = -1
    return points, heights


def _at(maps, points, step):
    """(N, K): each map at its point plus an (x, y) step; at the border the border's value."""
    height, width = maps.shape[2:]
    x, y = (points.astype(int) + step).transpose(2, 0, 1)
    n, k = np.ogrid[:maps.shape[0], :maps.shape[1]]
    return maps[n, k, y.clip(0, height - 1), x.clip(0, width - 1)]


def _inside(points, maps, strict):
    """(N, K): whether MMPose looks at the neighbours; strict axes need one pixel more."""
    low, high = np.asarray(strict), np.array(maps.shape[:1:-1]) - strict
    return ((points > low) & (points < high)).all(-1)


def _blurred(maps, size):
    """Each map after a Gaussian blur with zeros around it, at its old height."""
    blurred = np.empty_like(maps)
    for index in np.ndindex(maps.shape[:2]):
        blurred[index] = cv2.GaussianBlur(maps[index], (size, size), 0,
                                          borderType=cv2.BORDER_CONSTANT)
    before, after = maps.max((2, 3)), blurred.max((2, 3))
    factor = np.divide(before, after, out=np.ones_like(after), where=after != 0)
    return blurred * factor[..., None, None]


def _newton(gradient, xx, xy, yy, valid):
    """(N, K, 2): the step to the extremum of the parabola; 0 where not valid."""
    determinant = xx * yy - xy**2
    valid = valid & (determinant != 0)
    safe = np.where(valid, determinant, 1)
    dx, dy = gradient[..., 0], gradient[..., 1]
    step = np.stack([(xy * dy - yy * dx) / safe, (xy * dx - xx * dy) / safe], -1)
    return np.where(valid[..., None], step, 0)


def _profile_step(profile, bins, size):
    """(N, K): the same in one dimension."""
    blurred = np.stack([cv2.GaussianBlur(p, (size, 1), 0, borderType=cv2.BORDER_CONSTANT)
                        for p in profile])
    before, after = profile.max(-1, keepdims=True), blurred.max(-1, keepdims=True)
    blurred *= np.divide(before, after, out=np.ones_like(after), where=after != 0)
    log = np.pad(np.log(np.clip(blurred, 1e-3, 50.)), ((0, 0), (0, 0), (2, 2)), 'edge')
    at = {i: np.take_along_axis(log, bins.astype(int)[..., None] + 2 + i, -1)[..., 0]
          for i in range(-2, 3)}
    curvature = 1e-9 + (at[2] - 2 * at[0] + at[-2]) / 4
    return -(at[1] - at[-1]) / 2 / curvature


def _udp_scale(maps, input_size):
    """(2,) crop pixels per heatmap pixel where corners lie on corners."""
    return np.asarray(input_size) / (np.array(maps.shape[:1:-1]) - 1)
