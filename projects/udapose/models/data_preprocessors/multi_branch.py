"""MMPose's data preprocessor, once per branch."""
from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import BaseDataPreprocessor
from mmpose.registry import MODELS
from torch import nn

from ...config_types import is_kind


@MODELS.register_module()
class MultiBranchDataPreprocessor(BaseDataPreprocessor):
    """Run a plain data preprocessor on every branch of a two-domain batch.

    A batch as collated by ``pseudo_collate`` has ``inputs`` and ``data_samples``, each a dict from
    branch name to a list over the instances of the batch, with ``None`` where an instance does not
    have the branch. The ``None`` are dropped; branches that no instance has are left out. A batch
    without branches (validation, test) goes straight to the inner preprocessor.

    Args:
        data_preprocessor (dict | nn.Module): The plain one, usually ``PoseDataPreprocessor``.

    Shape:
        Output ``inputs[branch]`` is (N, 3, H, W) float, ``data_samples[branch]`` a list of N
        ``PoseDataSample``.

    Raises:
        ValueError: Inputs without data samples or the reverse; no branch at all.
    """

    def __init__(self, data_preprocessor: dict | nn.Module) -> None:
        super().__init__()
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = MODELS.build(data_preprocessor)
        self.data_preprocessor = data_preprocessor

    def forward(self, data: dict, training: bool = False) -> dict:
        """Move to the device, stack and normalise.

        Args:
            data (dict): A collated batch with or without branches.
            training (bool): Whether to apply ``batch_augments`` of the inner preprocessor.

        Returns:
            dict: ``inputs`` and ``data_samples``, by branch if the batch has branches.
        """
        inputs, samples = data['inputs'], data['data_samples']
        if not isinstance(inputs, Mapping):
            return self.data_preprocessor(data, training)
        out = dict(inputs={}, data_samples={})
        for branch, values in inputs.items():
            present = [i for i, value in enumerate(values) if value is not None]
            partners = [i for i, value in enumerate(samples[branch]) if value is not None]
            if present != partners:
                raise ValueError(f'branch {branch!r} has inputs for instances {present} of the '
                                 f'batch, but data samples for {partners}')
            if not present:
                continue
            packed = self.data_preprocessor(
                dict(inputs=[values[i] for i in present],
                     data_samples=[samples[branch][i] for i in present]), training)
            out['inputs'][branch] = packed['inputs']
            out['data_samples'][branch] = packed['data_samples']
        if not out['inputs']:
            raise ValueError(f'the batch has none of the branches {list(inputs)}')
        return out

    # Module.to, cuda and cpu visit tensors only, but a preprocessor also keeps the device's name
    def to(self, *args, **kwargs) -> nn.Module:
        """Move this and the inner preprocessor."""
        self.data_preprocessor.to(*args, **kwargs)
        return super().to(*args, **kwargs)

    def cuda(self, *args, **kwargs) -> nn.Module:
        """Move this and the inner preprocessor to the current GPU."""
        self.data_preprocessor.cuda(*args, **kwargs)
        return super().cuda(*args, **kwargs)

    def cpu(self, *args, **kwargs) -> nn.Module:
        """Move this and the inner preprocessor to the CPU."""
        self.data_preprocessor.cpu(*args, **kwargs)
        return super().cpu(*args, **kwargs)


def build_per_branch(outer: dict | None, inner: dict | None) -> nn.Module:
    """The preprocessor of a model whose batches have branches.

    Args:
        outer (dict, optional): The wrapper's; MMEngine also puts the config's own
            ``data_preprocessor`` here, which is usually a plain one.
        inner (dict, optional): The plain model's, used if there is no outer one.
    """
    if outer is None or is_kind(outer, MODELS, 'PoseDataPreprocessor'):
        outer = dict(type='MultiBranchDataPreprocessor',
                     data_preprocessor=outer or inner or dict(type='PoseDataPreprocessor'))
    return MODELS.build(outer)
