"""MMPose's inference functions, importable by themselves.

``from mmpose.apis import init_model`` without ``import udapose`` before it fails where mmcv has
no compiled operators or mmdet is missing; importing them from here cannot: this package's import
has fixed what they need.
"""
from . import compat  # noqa: F401  (first: fixes what mmpose.apis imports)

# isort: split
import mmpose.apis
from mmengine.config import Config
from mmpose.apis import MMPoseInferencer, inference_bottomup, inference_topdown
from torch import nn

__all__ = ['MMPoseInferencer', 'inference_bottomup', 'inference_topdown', 'init_model']


def init_model(config, checkpoint: str | None = None, device: str = 'cuda:0',
               cfg_options: dict | None = None) -> nn.Module:
    """MMPose's ``init_model``, also for configs of a training: mean teacher, attention-regularized.

    A mean teacher predicts as its ``test_cfg.predict_on`` says. An exported model is smaller and
    needs no udapose (``udapose export``).

    Args:
        config (str | Path | Config): As in MMPose.
        checkpoint (str, optional): Of the config's own training.
        device (str): Defaults to ``'cuda:0'``.
        cfg_options (dict, optional): Overrides of the config.

    Raises:
        RuntimeError: The checkpoint cannot be read, or lacks weights of the model, with which
            MMPose would predict at random.

    Example:
        >>> model = init_model('work_dirs/my_run/my_config.py', 'work_dirs/my_run/iter_800.pth',
        ...                    device='cpu')
    """
    if not isinstance(config, Config):
        config = Config.fromfile(config)
    if cfg_options is None and 'backbone' not in config.model:
        cfg_options = {}  # else MMPose looks for the backbone at the outermost level
        for key in ('pose_estimator', 'pose_model'):
            backbone = config.model.get(key, {}).get('backbone', {})
            if 'init_cfg' in backbone:  # the checkpoint has these weights; nothing is downloaded
                backbone.init_cfg = None
    from .model_files import check_complete, read_checkpoint
    content = None if checkpoint is None else read_checkpoint(checkpoint)
    model = mmpose.apis.init_model(config, checkpoint, device, cfg_options)
    if content is not None:
        try:
            check_complete(model, content)
        except (RuntimeError, ValueError) as error:
            raise RuntimeError(f'{checkpoint} does not fit {config.filename}: {error}') from error
    return model
