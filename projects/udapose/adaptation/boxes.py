"""Where the people are: whole images, a file, a detector, or what moves before a still camera."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from ..datasets.box_files import BOX_FORMS, parse_boxes
from ..datasets.json_files import load_json
from .video import Frame, Media

#: Of ``--boxes``, besides files.
CHOICES = ('auto', 'whole', 'detector', 'motion')
#: COCO's categories as torchvision's detectors number them.
PERSON, ANIMALS = (1,), tuple(range(16, 26))
_HUMAN, _ANIMAL = ('shoulder', 'hip', 'knee'), ('paw', 'tail', 'hoof')
#: Between a video's name and a frame's number: no file's name has it.
_MARK = '\0'
#: A box lower than this share of the image is too small to see joints in.
_TINY = 0.05
_REMEDY = ('give --boxes whole (one person fills the image), --boxes FILE (boxes of your own '
           'detector), or --boxes motion (a still camera)')


def build_boxes(spec: str, names: Sequence[str] = (), device: str = 'cpu',
                checkpoint: str | None = None, threshold: float = 0.5) -> Boxes:
    """The boxes that the option ``--boxes`` asks for.

    Args:
        spec (str): ``'whole'``, ``'detector'``, ``'motion'`` or a json file.
        names (Sequence[str]): Of the model's joints: tell people from animals and hands.
        device (str): Of the detector.
        checkpoint (str, optional): Weights of the detector, see :class:`DetectorBoxes`.
        threshold (float): Lowest score of a box from the detector or a file, in [0, 1].

    Raises:
        ValueError: No such choice, or a detector for joints that COCO's detectors do not know.
    """
    if spec == 'whole':
        return Boxes()
    if spec == 'motion':
        return MotionBoxes()
    if spec == 'detector':
        categories = detector_categories(names)
        if not categories:
            raise ValueError('--boxes detector: the detector knows people and animals, not what '
                             f'has the joints {", ".join(names[:4])}, ...: {_REMEDY}')
        return DetectorBoxes(categories, device, checkpoint, threshold)
    check_spec(spec)
    return FileBoxes(str(Path(spec).expanduser()), threshold if threshold != 0.5 else 0.)


def check_spec(spec: str) -> None:
    """Whether ``--boxes`` may be this.

    Raises:
        ValueError: It is neither a choice nor a file.
    """
    if spec not in CHOICES and not Path(spec).expanduser().is_file():
        raise ValueError(f'--boxes {spec} is neither a file nor one of {", ".join(CHOICES)}')


def detector_categories(names: Sequence[str]) -> tuple[int, ...]:
    """COCO's categories that have joints of these names; none for hands, faces and others."""
    text = ' '.join(names).lower()
    if any(word in text for word in _ANIMAL):
        return ANIMALS
    return PERSON if sum(word in text for word in _HUMAN) >= 2 else ()


class Boxes:
    """The whole image; the parent of the others.

    Attributes:
        counts (Counter): What was left out or is doubtful, in words.
    """

    def __init__(self) -> None:
        self.counts: Counter = Counter()

    def prepare(self, media: Media) -> None:
        """Look at a video before its frames are asked for."""

    def boxes(self, frame: Frame, scale: float = 1.) -> tuple[np.ndarray, np.ndarray]:
        """Find the people of a frame.

        Args:
            frame (Frame): The frame.
            scale (float): Size of the frame over that of the original, to which a file's boxes
                refer. Defaults to 1.

        Returns:
            tuple[np.ndarray, np.ndarray]: (P, 4) float32 xyxy in pixels, clipped to the image;
            (P,) scores in [0, 1].
        """
        boxes, scores = self._find(frame)
        height, width = frame.image.shape[:2]
        boxes = np.clip(np.asarray(boxes, np.float32).reshape(-1, 4) * self._scale(scale), 0,
                        np.array([width, height, width, height], np.float32))
        sides = boxes[:, 2:] - boxes[:, :2]
        empty = (sides < 1).any(1)
        if empty.any():
            self.counts['boxes outside of the image or without area left out'] += int(empty.sum())
            boxes, sides = boxes[~empty], sides[~empty]
            scores = np.asarray(scores, np.float32).reshape(-1)[~empty]
        tiny = sides.max(1, initial=0) < _TINY * height
        self.counts['tiny boxes left out'] += int(tiny.sum())
        boxes, scores = boxes[~tiny], np.asarray(scores, np.float32).reshape(-1)[~tiny]
        overlaps = iou(boxes, boxes) - np.eye(len(boxes))
        self.counts['boxes that overlap another one by half'] += int(
            (overlaps > 0.5).any(1).sum()) if len(boxes) else 0
        return boxes, scores

    @staticmethod
    def _scale(scale: float) -> float:
        return 1.  # what looks at the frame itself finds boxes in its pixels

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        height, width = frame.image.shape[:2]
        return np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)


class FileBoxes(Boxes):
    """Boxes of a json file: COCO detections or a COCO file.

    ``file_name`` is the image's name relative to the data folder, its last part, or a longer path
    that ends in it; for frames of a video it is the video's, and entries (or ``images``) have
    ``frame``, counted from 0. A frame between two listed ones takes the nearest within half a
    second.

    Args:
        path (str): The file.
        threshold (float): Lowest score. Defaults to 0.

    Raises:
        ValueError: See :func:`~udapose.datasets.box_files.parse_boxes`.
    """

    def __init__(self, path: str, threshold: float = 0.) -> None:
        super().__init__()
        self.path = path
        content = load_json(path, '--boxes', BOX_FORMS)
        content = _name_frames(content, path)
        self._boxes = parse_boxes(content, path, score_thr=threshold)
        crowds = sum(bool(isinstance(e, dict) and e.get('iscrowd')) for e in _entries(content))
        self.counts[f'crowds (iscrowd) in {Path(path).name} left out'] += crowds
        if not self._boxes:
            raise ValueError(f'--boxes {path} holds no box')
        self._frames: dict[str, list[int]] = {}
        for key in self._boxes:
            name, mark, number = key.rpartition(_MARK)
            if mark:
                self._frames.setdefault(name, []).append(int(number))
        self._frames = {name: sorted(numbers) for name, numbers in self._frames.items()}
        self._called: dict[str, list[str]] = {}
        for name in {*self._frames, *self._boxes}:
            if _MARK not in name:
                self._called.setdefault(Path(name).name, []).append(name)
        self._reach = 12

    @staticmethod
    def _scale(scale: float) -> float:
        return scale

    def prepare(self, media: Media) -> None:
        """Take half a second as the reach of a listed frame."""
        self._reach = max(round((media.fps or 25) / 2), 1)

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        for name in self._names_of(frame.source):
            if name in self._frames:
                near = min(self._frames[name], key=lambda n: abs(n - frame.index))
                if abs(near - frame.index) <= self._reach:
                    return _stacked(self._boxes[f'{name}{_MARK}{near}'])
            if name in self._boxes:
                return _stacked(self._boxes[name])
        self.counts[f'frames without a box in {Path(self.path).name}'] += 1
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    def _names_of(self, source: str) -> list[str]:
        """What the file may call a source: its name, the last part, a path that ends in it."""
        longer = [name for name in self._called.get(Path(source).name, ())
                  if name.endswith(f'/{source}')]
        if len(longer) > 1:
            raise ValueError(f'--boxes {self.path}: {source} may be {longer[0]} or {longer[1]}: '
                             'name images by their path relative to --data')
        return [source, *longer, Path(source).name]


class DetectorBoxes(Boxes):
    """torchvision's detectors, trained on COCO.

    Faster R-CNN with MobileNetV3 (320 pixels), or SSDlite if ``checkpoint`` is of that. Without a
    checkpoint torchvision downloads its own once.

    Args:
        categories (Sequence[int]): COCO's numbers.
        device (str): Defaults to ``'cpu'``.
        checkpoint (str, optional): A state dict of torchvision's.
        threshold (float): Lowest score. Defaults to 0.5.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: It is of another network.
        RuntimeError: torchvision is missing, or its weights cannot be downloaded.
    """

    def __init__(self, categories: Sequence[int], device: str = 'cpu',
                 checkpoint: str | None = None, threshold: float = 0.5) -> None:
        super().__init__()
        self.categories, self.threshold, self.device = list(categories), threshold, device
        self.model = _detector(checkpoint).to(device).eval()

    @torch.no_grad()
    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        image = torch.from_numpy(frame.image[..., ::-1].copy()).to(self.device)
        found = self.model([image.permute(2, 0, 1).float() / 255])[0]
        wanted = torch.isin(found['labels'].cpu(), torch.tensor(self.categories))
        good = wanted & (found['scores'].cpu() >= self.threshold)
        if not good.any():
            self.counts['frames in which nobody was found'] += 1
        return found['boxes'].cpu()[good].numpy(), found['scores'].cpu()[good].numpy()


class MotionBoxes(Boxes):
    """What differs from the still background of a video; for a camera that does not move.

    The background is the scene that returns in several parts of the video. Needs no weights;
    shadows count as people, and where somebody is always there nobody may be found.
    """

    _FRAMES, _SIDE, _DIFFERENCE, _AREA = 120, 480, 25, 0.004

    def __init__(self) -> None:
        super().__init__()
        self._background: dict[str, np.ndarray] = {}

    def prepare(self, media: Media) -> None:
        """Learn the background of a video.

        Raises:
            ValueError: An image has no motion.
        """
        if not media.is_video:
            raise ValueError(f'--boxes motion needs videos, {media.name} is an image: give '
                             '--boxes whole, detector or FILE')
        step = max(media.frames // self._FRAMES, 1)
        wanted = None if not media.frames else range(0, media.frames, step)
        pictures = [self._small(frame.image) for _, frame in zip(
            range(self._FRAMES + 2), media.read(wanted=wanted), strict=False)]
        if pictures:
            self._background = {media.name: _empty_scene(np.stack(pictures))}

    def _small(self, image: np.ndarray) -> np.ndarray:
        scale = self._SIDE / max(image.shape[:2])
        return cv2.GaussianBlur(cv2.resize(image, None, fx=scale, fy=scale,
                                           interpolation=cv2.INTER_AREA), (5, 5), 0)

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        background = self._background.get(frame.source)
        if background is None:
            raise ValueError(f'--boxes motion needs a video, {frame.source} is none: give --boxes '
                             'whole, detector or FILE')
        small = self._small(frame.image)
        difference = small.astype(np.int16) - background
        difference -= np.median(difference, (0, 1)).astype(np.int16)  # the exposure has changed
        moved = (np.abs(difference).max(2) > self._DIFFERENCE).astype(np.uint8)
        moved = cv2.morphologyEx(moved, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        moved = cv2.morphologyEx(moved, cv2.MORPH_CLOSE, np.ones((15, 9), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(moved)
        stats = stats[1:][stats[1:, cv2.CC_STAT_AREA] > self._AREA * moved.size]
        if not len(stats):
            self.counts['frames in which nothing moves'] += 1
        scale = max(frame.image.shape[:2]) / self._SIDE
        boxes = stats[:, :4].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return boxes * scale, np.ones(len(boxes), np.float32)


class Tracker:
    """Numbers for people that stay the same from frame to frame, by overlap of their boxes.

    Args:
        threshold (float): Least intersection over union of one person in neighbouring frames.
        patience (int): Frames for which a lost person is remembered.
    """

    def __init__(self, threshold: float = 0.3, patience: int = 10) -> None:
        self.threshold, self.patience = threshold, patience
        self._next, self._known = 0, {}

    def update(self, boxes: np.ndarray) -> np.ndarray:
        """Numbers of the people in the next frame.

        Args:
            boxes (np.ndarray): (P, 4) xyxy.

        Returns:
            np.ndarray: (P,) int.
        """
        keys = list(self._known)
        overlap = iou(boxes, np.array([self._known[k][0] for k in keys]).reshape(-1, 4))
        numbers = np.full(len(boxes), -1)
        while overlap.size and overlap.max() >= self.threshold:  # the best pairs first
            i, j = np.unravel_index(overlap.argmax(), overlap.shape)
            numbers[i] = keys[j]
            overlap[i], overlap[:, j] = 0, 0
        for i in np.flatnonzero(numbers < 0):
            numbers[i], self._next = self._next, self._next + 1
        known = {k: (box, age + 1) for k, (box, age) in self._known.items()
                 if age < self.patience}
        known.update({int(n): (box, 0) for n, box in zip(numbers, boxes, strict=True)})
        self._known = known
        return numbers


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of (P, 4) and (Q, 4) boxes xyxy: (P, Q)."""
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    return common / np.maximum(area_a[:, None] + area_b[None] - common, 1e-9)


def _empty_scene(pictures: np.ndarray, segments: int = 12) -> np.ndarray:
    """The background in (T, H, W, 3) pictures of a still camera, in order of time.

    The scene without people looks alike whenever it is seen, also much later; people do not. So it
    is the median of the picture that returns in the most parts of the video, and of those like it.
    Where no picture returns in three parts, somebody is always there: the median of all.
    """
    small = np.stack([cv2.resize(p, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
                      for p in pictures]).astype(np.int16)
    alike = np.stack([(np.abs(small - one).max(-1) > 20).mean((1, 2)) < 0.01 for one in small])
    part = np.arange(len(pictures)) * segments // len(pictures)
    returns = np.stack([alike[:, part == n].any(1) for n in range(segments) if (part == n).any()])
    best = returns.sum(0).argmax()
    chosen = alike[best] if returns.sum(0)[best] >= 3 else np.ones(len(pictures), bool)
    return np.median(pictures[chosen], 0).astype(np.uint8)


def _stacked(found: list[tuple[np.ndarray, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([box for box, _ in found]), np.array([s for _, s in found], np.float32)


def _entries(content) -> list:
    found = content.get('annotations') if isinstance(content, dict) else content
    return found if isinstance(found, list) else []


def _name_frames(content, path: str):
    """Where entries or images have ``frame``, the number behind the name; slashes forward."""
    def named(entry, i):
        if not isinstance(entry, dict) or 'file_name' not in entry:
            return entry
        name = str(entry['file_name']).replace('\\', '/')
        if 'frame' in entry:
            try:
                number = int(float(entry['frame']))
            except (TypeError, ValueError):
                raise ValueError(f'--boxes {path}: entry {i} has frame {entry["frame"]!r}: '
                                 'expected its number in the video, from 0') from None
            name = f'{name}{_MARK}{number}'
        return {**entry, 'file_name': name}
    if isinstance(content, list):
        return [named(entry, i) for i, entry in enumerate(content)]
    if isinstance(content, dict) and isinstance(content.get('images'), list):
        return {**content, 'images': [named(image, i)
                                      for i, image in enumerate(content['images'])]}
    return content


def _detector(checkpoint: str | None) -> torch.nn.Module:
    try:
        from torchvision.models import detection
    except Exception as error:  # torchvision of another torch fails in many ways
        raise RuntimeError(f'--boxes detector needs torchvision ({error}): pip install '
                           f'torchvision, or {_REMEDY}') from error
    try:
        if checkpoint is None:
            return detection.fasterrcnn_mobilenet_v3_large_320_fpn(
                weights=detection.FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.DEFAULT)
    except OSError as error:
        raise RuntimeError(f'the detector\'s weights cannot be downloaded ({error}): give '
                           f'--detector-checkpoint FILE, or {_REMEDY}') from error
    path = Path(checkpoint).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'--detector-checkpoint {checkpoint} does not exist')
    state = torch.load(path, map_location='cpu', weights_only=True)
    state = state.get('model', state) if isinstance(state, dict) else state
    builders = dict(fasterrcnn=detection.fasterrcnn_mobilenet_v3_large_320_fpn,
                    ssdlite=detection.ssdlite320_mobilenet_v3_large)
    model = builders['fasterrcnn' if any('rpn.' in key for key in state) else 'ssdlite'](
        weights=None, weights_backbone=None)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f'--detector-checkpoint {checkpoint} is neither of torchvision\'s '
                         'fasterrcnn_mobilenet_v3_large_320_fpn nor of its '
                         'ssdlite320_mobilenet_v3_large (COCO): '
                         f'{str(error).splitlines()[-1].strip()}') from error
    return model
