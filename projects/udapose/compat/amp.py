"""bfloat16: on CPUs with MMEngine's ``AmpOptimWrapper`` (``--amp``), and in MMPose's heads."""
import functools
import sys

import torch

from .fixes import is_applied, record


def has_accelerator() -> bool:
    """Whether MMEngine would train on something other than a CPU here."""
    from mmengine.device import get_device
    return get_device() != 'cpu'


def fix_to_numpy() -> None:
    """Let ``mmpose.utils.tensor_utils.to_numpy`` take bfloat16 (numpy has no such type).

    Heads call it on heatmaps for the training accuracy and for decoding; under bf16 autocast on
    any device that raises ``TypeError``. The values are widened to float32, which is exact.
    """
    from mmpose.utils import tensor_utils
    if is_applied('to_numpy'):
        return
    try:
        tensor_utils.to_numpy(torch.zeros(1, dtype=torch.bfloat16))
        return
    except TypeError as error:
        reason = str(error)
    original = tensor_utils.to_numpy

    @functools.wraps(original)
    def to_numpy(x, return_device=False, unzip=False):
        if isinstance(x, torch.Tensor) and x.dtype == torch.bfloat16:
            x = x.float()
        # The original calls itself by its module's name for sequences, hence this one.
        return original(x, return_device=return_device, unzip=unzip)

    tensor_utils.to_numpy = to_numpy
    record('to_numpy', f'mmpose to_numpy: {reason}', 'bfloat16 is widened to float32 first')


def rebind_to_numpy() -> None:
    """Give modules that were imported before the fix the fixed function, too."""
    from mmpose.utils import tensor_utils
    fixed = tensor_utils.to_numpy
    original = getattr(fixed, '__wrapped__', None)
    if original is None:
        return
    for name, module in list(sys.modules.items()):
        if name.startswith('mmpose.') and vars(module).get('to_numpy') is original:
            module.to_numpy = fixed


def fix_cpu_amp() -> None:
    """Let ``AmpOptimWrapper`` train on a CPU, in bfloat16 and without loss scaling.

    MMEngine asserts that there is a GPU, although its autocast context knows CPUs. bfloat16 has
    float32's exponent range, so that no loss scale is needed; its scaler is switched off.
    On any accelerator the original constructor runs.
    """
    from mmengine.optim import AmpOptimWrapper, OptimWrapper
    if has_accelerator() or is_applied('cpu_amp'):
        return
    original = AmpOptimWrapper.__init__

    @functools.wraps(original)
    def __init__(self, loss_scale='dynamic', dtype=None, use_fsdp=False, **kwargs):
        if has_accelerator() or use_fsdp:
            original(self, loss_scale=loss_scale, dtype=dtype, use_fsdp=use_fsdp, **kwargs)
            return
        if dtype not in (None, 'bfloat16', torch.bfloat16):
            raise ValueError(
                f'AmpOptimWrapper: dtype {dtype!r} cannot be trained on a CPU, only bfloat16 can. '
                "Set optim_wrapper.dtype='bfloat16' or leave out --amp.")
        OptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None
        self.loss_scaler = torch.amp.GradScaler('cpu', enabled=False)
        self.cast_dtype = torch.bfloat16

    AmpOptimWrapper.__init__ = __init__
    record('cpu_amp', 'AmpOptimWrapper asserts that there is a GPU',
           'on a CPU it trains in bfloat16 without loss scaling')
