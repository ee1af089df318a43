"""Reading files with weights of style transfer networks."""
from __future__ import annotations

import os.path as osp

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

FALLBACKS = ("Without it: stylizer=dict(type='ChannelStatisticsTransfer') or "
             "'FourierAmplitudeTransfer' need no file, and the small networks of "
             'configs/style_transfer/adain-small_* train from scratch in minutes')


def read_weights(path: str, what: str, where: str) -> dict[str, Tensor]:
    """Read a state dict, also one inside of an MMEngine checkpoint.

    Args:
        path (str): The file; ``~`` is expanded.
        what (str): What the file should hold, for messages.
        where (str): Where one gets it, for messages.

    Returns:
        dict[str, Tensor]: The state dict, on the CPU.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file holds no state dict.
    """
    full = osp.expanduser(path)
    if '://' not in full and not osp.isfile(full):
        raise FileNotFoundError(f'{path} does not exist. It should be {what}: {where}. {FALLBACKS}')
    reason = 'no state dict in it'
    try:
        content = CheckpointLoader.load_checkpoint(full, map_location='cpu')
        state = content.get('state_dict', content)
        if state and all(isinstance(v, Tensor) for v in state.values()):
            return dict(state)
    except Exception as error:  # unpickling foreign bytes raises many kinds
        reason = f'{type(error).__name__}: {error}'
    raise ValueError(f'{path} cannot be read as {what} ({reason}). Get it so: {where}. {FALLBACKS}')
