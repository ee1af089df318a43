"""``model.onnx`` beside an exported model."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from mmpose.models.builder import build_pose_estimator

from ..file_io import write_json
from ..models.pose_estimators.checkpoint_formats import check_fit
from ..random_state import random_state_kept
from . import pose_onnx
from .description import describe
from .network import OPSET, Network, require_packages, write_onnx
from .parity import compare

FILES = ('model.onnx', 'deploy.json', 'pose_onnx.py')


def export_onnx(folder: str | Path, out: str | Path | None = None,
                frames: Sequence[np.ndarray] | None = None) -> dict:
    """Write ``model.onnx``, ``deploy.json`` and ``pose_onnx.py``, once they are proven to work.

    The network takes normalised crops, (batch, 3, height, width) with any batch, and gives raw
    heatmaps, SimCC profiles or points; ``deploy.json`` says which, and how to decode them.

    Args:
        folder (str | Path): With ``config.py`` and ``model.pth`` of a plain top-down 2D model, as
            :func:`udapose.export.export` writes them.
        out (str | Path, optional): Where to; by default the same folder.
        frames (Sequence[np.ndarray], optional): (height, width, 3) uint8 BGR to compare PyTorch
            and ONNX on; by default 50 random images.

    Returns:
        dict: The content of ``deploy.json``; ``parity`` says how close both are.

    Raises:
        FileNotFoundError: The folder does not hold a model.
        RuntimeError: A package is missing; the model cannot be translated; or the file predicts
            otherwise than PyTorch, in which case nothing is written.
        ValueError: The model is none that can be described, see :func:`describe`.
    """
    require_packages()
    folder, out = Path(folder), Path(out or folder)
    with random_state_kept():
        model = load_plain(folder)
        description = describe(model)
        network = Network(model, description).eval()
        out.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix='.onnx-', dir=out))
        try:
            write_onnx(network, description, part / 'model.onnx')
            shutil.copyfile(pose_onnx.__file__, part / 'pose_onnx.py')
            write_json(part / 'deploy.json', description)
            description.update(torch=torch.__version__, opset=OPSET,
                               parity=compare(model, network, part, frames))
            write_json(part / 'deploy.json', description)
            for name in FILES:  # never half a file under the final name
                (part / name).replace(out / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return description


def load_plain(folder: Path) -> torch.nn.Module:
    """The plain model of a folder, on the CPU, with ``cfg`` and ``dataset_meta``.

    Args:
        folder (Path): With ``config.py`` and ``model.pth``.

    Raises:
        FileNotFoundError: One of them is missing.
        RuntimeError: The weights do not fit.
    """
    for name in ('config.py', 'model.pth'):
        if not (folder / name).is_file():
            raise FileNotFoundError(f'{folder} holds no {name}: name a folder that '
                                    '`udapose export` wrote')
    cfg = Config.fromfile(folder / 'config.py')
    if DefaultScope.get_current_instance() is None:
        init_default_scope('mmpose')
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = build_pose_estimator(cfg.model)
    # our own file; dataset_meta holds numpy arrays
    content = torch.load(folder / 'model.pth', map_location='cpu', weights_only=False)
    check_fit(model.state_dict(), content['state_dict'])
    model.load_state_dict(content['state_dict'], strict=True)
    model.cfg, model.dataset_meta = cfg, content['meta']['dataset_meta']
    return model.eval()
