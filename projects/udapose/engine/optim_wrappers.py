"""Layer-wise learning-rate decay for models inside of another model."""
from __future__ import annotations

import re

from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor
from mmpose.engine.optim_wrappers.layer_decay_optim_wrapper import get_num_layer_for_vit
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

_PREFIX = re.compile(r'^(module\.)?(student\.|teacher\.|pose_model\.)?')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PrefixedLayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMPose's layer decay of vision transformers, aware of prefixes.

    MMPose's own constructor recognises ``backbone.*`` only, so under ``student.`` (mean teacher) or
    ``pose_model.`` (attention regularization) every parameter counts as the last layer and the
    decay is silently off. Groups are MMPose's: parameter p in
    layer l of L gets ``lr * layer_decay_rate ** (L - 1 - l)`` with ``L = num_layers + 2``; biases,
    one-dimensional parameters and position embeddings have no weight decay. Frozen parameters
    (the teacher's, the auxiliary encoder's) are left out.

    Args:
        optim_wrapper_cfg (dict): As in MMEngine.
        paramwise_cfg (dict): ``num_layers`` (int), ``layer_decay_rate`` (float), and optionally
            ``custom_keys``: substring -> dict(lr_mult=..., decay_mult=...), the longest match
            wins.

    Raises:
        KeyError: ``num_layers`` or ``layer_decay_rate`` is missing.
        ValueError: No parameter belongs to a transformer layer, or one to a layer beyond
            ``num_layers`` (whose rate would exceed the base rate).
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        missing = {'num_layers', 'layer_decay_rate'} - set(paramwise_cfg or {})
        if missing:
            raise KeyError(f'paramwise_cfg needs {sorted(missing)}, e.g. num_layers=12, '
                           'layer_decay_rate=0.75')
        super().__init__(optim_wrapper_cfg, paramwise_cfg)

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '',
                   is_dcn_module: bool | None = None) -> None:
        """Fill ``params`` with one group per layer and kind of decay."""
        total = self.paramwise_cfg['num_layers'] + 2
        rate = self.paramwise_cfg['layer_decay_rate']
        custom = self.paramwise_cfg.get('custom_keys', {})
        groups: dict[str, dict] = {}
        layers = set()
        for name, param in module.named_parameters():
            if not param.requires_grad:
                continue
            plain = _PREFIX.sub('', name)
            decayed = not (param.ndim == 1 or name.endswith('.bias') or 'pos_embed' in name)
            layer = get_num_layer_for_vit(plain, total)
            if layer >= total - 1 and plain.startswith('backbone.layers.'):
                raise ValueError(f'layer decay: {name} belongs to transformer layer {layer - 1}, '
                                 f'but paramwise_cfg.num_layers={total - 2}: set it to the '
                                 'number of layers of the backbone')
            layers.add(layer)
            key = max((k for k in custom if k in name), key=len, default=None)
            extra = custom.get(key, {})
            scale = rate**(total - layer - 1) * extra.get('lr_mult', 1.)
            decay = (self.base_wd or 0.) * decayed * extra.get('decay_mult', 1.)
            label = f'layer_{layer}_{"decay" if decayed else "no_decay"}' + (
                f'_{key}' if key else '')
            group = groups.setdefault(label, dict(
                params=[], param_names=[], weight_decay=decay, lr=scale * self.base_lr,
                lr_scale=scale, group_name=label))
            group['params'].append(param)
            group['param_names'].append(name)
        if layers <= {total - 1}:
            raise ValueError('layer decay: no parameter is named backbone.layers.* or '
                             'backbone.patch_embed.*: the backbone is no vision transformer')
        print_log('layer decay: ' + ', '.join(
            f'{g["group_name"]} lr {g["lr"]:.2e} ({len(g["params"])})' for g in groups.values()),
            logger='current')
        params.extend(groups.values())
