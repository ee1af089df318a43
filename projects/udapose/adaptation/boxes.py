"""Where the people are: whole images, a file, a detector, or what moves before a still camera."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .box_finder import REMEDY, Boxes
from .detector_boxes import DetectorBoxes
from .file_boxes import FileBoxes
from .motion_boxes import MotionBoxes
from .video import Media

#: Of ``--boxes``, besides files.
CHOICES = ('auto', 'whole', 'detector', 'motion')
#: COCO's categories as torchvision's detectors number them.
PERSON, ANIMALS = (1,), tuple(range(16, 26))
_HUMAN, _ANIMAL = ('shoulder', 'hip', 'knee'), ('paw', 'tail', 'hoof')


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
                             f'has the joints {", ".join(names[:4])}, ...: {REMEDY}')
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


def auto_spec(names: Sequence[str], media: Sequence[Media], checkpoint: str | None) -> str:
    """What ``--boxes auto`` stands for.

    Args:
        names (Sequence[str]): Of the model's joints.
        media (Sequence[Media]): The data.
        checkpoint (str, optional): Weights of a detector, if the user gave any.

    Returns:
        str: ``'detector'`` with its weights, or for videos of what it knows; else ``'whole'``.
    """
    known = detector_categories(names) and any(item.is_video for item in media)
    return 'detector' if checkpoint or known else 'whole'
