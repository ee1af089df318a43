"""Boxes of people or animals from torchvision's detectors."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .box_finder import REMEDY, Boxes
from .video import Frame


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


def _detector(checkpoint: str | None) -> torch.nn.Module:
    try:
        from torchvision.models import detection
    except Exception as error:  # torchvision of another torch fails in many ways
        raise RuntimeError(f'--boxes detector needs torchvision ({error}): pip install '
                           f'torchvision, or {REMEDY}') from error
    try:
        if checkpoint is None:
            return detection.fasterrcnn_mobilenet_v3_large_320_fpn(
                weights=detection.FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.DEFAULT)
    except OSError as error:
        raise RuntimeError(f'the detector\'s weights cannot be downloaded ({error}): give '
                           f'--detector-checkpoint FILE, or {REMEDY}') from error
    path = Path(checkpoint).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'--detector-checkpoint {checkpoint} does not exist')
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # whatever PyTorch says of other files
        raise ValueError(f'--detector-checkpoint {checkpoint} is no file of weights that PyTorch '
                         f'can read ({type(error).__name__})') from error
    state = state.get('model', state) if isinstance(state, dict) else {}
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
