"""Predictions of a plain top-down model for boxes in images, also from several views."""
from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from ..apis import init_model
from ..models.heads.coordinate_head_3d import CoordinateHead3D

#: Side of the square around a view in pixels, at most: more than any model's input.
_MAX_CANVAS = 640


@dataclass(frozen=True)
class View:
    """One way to look at a person again, for the agreement of predictions.

    Args:
        rotation (float): Degrees.
        zoom (float): Factor of the person's size in the crop.
        shift (tuple[float, float]): Of the crop, in box sides.
        flip (bool): Mirror left and right.
        gamma (float): Exponent of the intensities: above 1 darker.
        blur (float): Standard deviation in pixels of the canvas.
    """
    rotation: float = 0.
    zoom: float = 1.
    shift: tuple[float, float] = (0., 0.)
    flip: bool = False
    gamma: float = 1.
    blur: float = 0.


#: The views of the criteria: the same for every model, so that models can be compared.
VIEWS = (View(rotation=15, zoom=0.85, gamma=1.3),
         View(rotation=-15, zoom=1.1, flip=True, gamma=0.75),
         View(shift=(0.06, -0.04), zoom=0.9, flip=True, blur=1.),
         View(rotation=25, shift=(-0.05, 0.05), gamma=0.85))


class Predictor:
    """A plain top-down MMPose model that answers for boxes in an image.

    The test pipeline of the config is used from its crop on; a step that takes the whole image as
    the box (``WholeImageBBox``) is left out, since boxes are given.

    Args:
        config (str | Path | Config): Of the plain model.
        checkpoint (str | Path, optional): Its weights.
        device (str): E.g. ``'cpu'`` or ``'cuda:0'``. Defaults to ``'cpu'``.
        batch_size (int): Boxes per forward pass. Defaults to 32.

    Attributes:
        model: The model.
        meta (dict): MMPose's ``dataset_meta``: ``keypoint_id2name``, ``skeleton_links``,
            ``flip_indices``, ``sigmas``, colours, ...
        names (list[str]): Of the K joints.
        is_3d (bool): Whether the model predicts depths, see :meth:`with_depths`.

    Raises:
        ValueError: The config has no test pipeline, or the model is not top-down 2D.

    Example:
        >>> predictor = Predictor('exported/config.py', 'exported/model.pth')
        >>> points, confidence = predictor(cv2.imread('a.jpg'), np.array([[10, 20, 90, 200]]))
    """

    def __init__(self, config, checkpoint: str | Path | None = None, device: str = 'cpu',
                 batch_size: int = 32) -> None:
        cfg = config if isinstance(config, Config) else Config.fromfile(str(config))
        try:
            steps = cfg.test_dataloader.dataset.pipeline
        except AttributeError:
            raise ValueError('the config has no test_dataloader.dataset.pipeline: name the config '
                             'of a top-down model, such as MMPose\'s or an exported one') from None
        with contextlib.redirect_stdout(io.StringIO()):  # MMEngine prints what it loads
            self.model = init_model(cfg, None if checkpoint is None else str(checkpoint),
                                    device=device)
        self.batch_size = batch_size
        self.is_3d = isinstance(getattr(self.model, 'head', None), CoordinateHead3D)
        self.meta = dict(self.model.dataset_meta or {})
        self.pipeline = Compose([step for step in steps if step['type'] != 'WholeImageBBox'])
        names = self.meta.get('keypoint_id2name') or {}
        self.names = [str(names[i]) for i in sorted(names)]
        self.flip_indices = np.asarray(self.meta.get('flip_indices', range(len(self.names))))

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict the people in an image.

        Args:
            image (np.ndarray): (H, W, 3) uint8 BGR.
            boxes (np.ndarray): (P, 4) xyxy in pixels.

        Returns:
            tuple[np.ndarray, np.ndarray]: (P, K, 2) float32 pixels of the image, (P, K) confidence.
        """
        return self.with_depths(image, boxes)[:2]

    def with_depths(self, image: np.ndarray, boxes: np.ndarray
                    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The same with (P, K) float32 depths in mm behind the root joint; None of a 2D model."""
        return self._predict([(image, box) for box in np.asarray(boxes, np.float32)])

    def views(self, image: np.ndarray, boxes: np.ndarray, views: Sequence[View] = VIEWS
              ) -> tuple[np.ndarray, np.ndarray]:
        """Predict each person as it is and from each view, in pixels of the image.

        Args:
            image (np.ndarray): (H, W, 3) uint8 BGR.
            boxes (np.ndarray): (P, 4) xyxy.
            views (Sequence[View]): The V views.

        Returns:
            tuple[np.ndarray, np.ndarray]: (1 + V, P, K, 2) and (1 + V, P, K); the first is the
            person as it is, sides are exchanged back after a flip.
        """
        boxes = np.asarray(boxes, np.float32)
        asked = [(image, box) for box in boxes]
        matrices = []
        for view in views:
            for box in boxes:
                canvas, inner, matrix = look(image, box, view)
                asked.append((canvas, inner))
                matrices.append(matrix)
        points, confidence, _ = self._predict(asked)
        people, joints = len(boxes), points.shape[1]
        points = points.reshape(1 + len(views), people, joints, 2)
        confidence = confidence.reshape(1 + len(views), people, joints)
        for v, view in enumerate(views):
            for p in range(people):
                back = cv2.invertAffineTransform(matrices[v * people + p])
                points[1 + v, p] = points[1 + v, p] @ back[:, :2].T + back[:, 2]
            if view.flip:
                points[1 + v] = points[1 + v][:, self.flip_indices]
                confidence[1 + v] = confidence[1 + v][:, self.flip_indices]
        return points, confidence

    @torch.no_grad()
    def _predict(self, asked: list[tuple[np.ndarray, np.ndarray]]
                 ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        points, confidence, depths = [], [], []
        for begin in range(0, len(asked), self.batch_size):
            items = [self.pipeline(dict(
                img=image, bbox=box[None].astype(np.float32), bbox_score=np.ones(1, np.float32),
                **self.meta)) for image, box in asked[begin:begin + self.batch_size]]
            for sample in self.model.test_step(pseudo_collate(items)):
                found = sample.pred_instances
                points.append(np.asarray(found.keypoints[0], np.float32))
                confidence.append(np.asarray(found.keypoint_scores[0], np.float32))
                if self.is_3d:
                    depths.append(np.asarray(found.keypoint_depths[0], np.float32))
        joints = len(self.names)
        nobody = np.zeros((0, joints), np.float32)
        return (np.stack(points)[..., :2] if points else np.zeros((0, joints, 2), np.float32),
                np.stack(confidence) if confidence else nobody,
                (np.stack(depths) if depths else nobody) if self.is_3d else None)


def look(image: np.ndarray, box: np.ndarray, view: View
         ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The surroundings of a box as a view shows them.

    Args:
        image (np.ndarray): (H, W, 3) uint8.
        box (np.ndarray): (4,) xyxy in pixels.
        view (View): How.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: The canvas (S, S, 3), the box in it (4,) xyxy,
        and the map (2, 3) from pixels of the image to those of the canvas.
    """
    sides = np.maximum(box[2:] - box[:2], 1)
    center = (box[:2] + box[2:]) / 2
    reach = 2.2 * float(sides.max())  # the model's own padding and a turned person fit in
    side = int(np.clip(round(reach), 32, _MAX_CANVAS))
    scale = side / reach
    matrix = cv2.getRotationMatrix2D(
        (float(center[0]), float(center[1])), view.rotation, scale * view.zoom)
    matrix[:, 2] += (side - 1) / 2 - center + np.array(view.shift) * sides * scale
    if view.flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side - 1
    canvas = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_CONSTANT)
    if view.blur:
        canvas = cv2.GaussianBlur(canvas, (0, 0), view.blur)
    if view.gamma != 1:
        table = (np.linspace(0, 1, 256) ** view.gamma * 255).round().astype(np.uint8)
        canvas = cv2.LUT(canvas, table)
    # The crop stays where it is while the person moves in it.
    middle = (side - 1) / 2
    half = sides * scale / 2
    return canvas, np.concatenate([middle - half, middle + half]).astype(np.float32), matrix
