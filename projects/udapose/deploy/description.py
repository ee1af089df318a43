"""What a user of ``model.onnx`` must know, as the content of ``deploy.json``."""
from __future__ import annotations

import numpy as np
from mmengine.config import Config
from mmpose.codecs import (
    IntegralRegressionLabel,
    MegviiHeatmap,
    MSRAHeatmap,
    RegressionLabel,
    SimCCLabel,
    UDPHeatmap,
)
from torch import nn

from ..version import __version__

#: Outputs of each family, in their order; rtmlib reads SimCC's by it.
OUTPUTS = dict(maps=['heatmaps'], profiles=['simcc_x', 'simcc_y'], points=['keypoints', 'scores'])


def describe(model: nn.Module) -> dict:
    """Input, crop, outputs, decoder and joints of a plain top-down model.

    Args:
        model (nn.Module): From MMPose's ``init_model``: with ``cfg`` and ``dataset_meta``.

    Returns:
        dict: JSON-serialisable, see docs/deployment.md.

    Raises:
        ValueError: The model is not a top-down 2D model of a known codec, or its pipeline does
            something else than to cut out a box.
    """
    codec = getattr(getattr(model, 'head', None), 'decoder', None)
    decoder = decoder_of(codec)
    meta = model.dataset_meta
    indices = (model.test_cfg or {}).get('output_keypoint_indices')
    crop, size = _crop_of(model.cfg)
    preprocessor = model.data_preprocessor
    divisor = getattr(preprocessor, 'pad_size_divisor', 1)
    if any(n % divisor for n in size):
        raise ValueError(f'data_preprocessor pads inputs to multiples of {divisor}, but the '
                         f'pipeline cuts out {size[0]}x{size[1]} pixels: remove pad_size_divisor')
    return dict(
        format=1, udapose=__version__,
        input=dict(name='input', layout='NCHW', dtype='float32', width=size[0], height=size[1],
                   channel_order='rgb' if preprocessor._channel_conversion else 'bgr',
                   **_normalization(preprocessor)),
        crop=crop, outputs=OUTPUTS[family_of(decoder)], codec=type(codec).__name__,
        decoder=decoder, keypoint_indices=None if indices is None else [int(i) for i in indices],
        joints=[meta['keypoint_id2name'][i] for i in range(meta['num_keypoints'])],
        skeleton=[[int(i) for i in link] for link in meta['skeleton_links']],
        flip_indices=[int(i) for i in meta['flip_indices']], rtmlib=rtmlib_class(decoder, crop))


def decoder_of(codec) -> dict:
    """Which decoder of ``pose_onnx.py`` stands for a codec, with its arguments.

    Args:
        codec: An MMPose codec.

    Raises:
        ValueError: There is none.
    """
    if isinstance(codec, IntegralRegressionLabel | RegressionLabel):
        return dict(kind='points')
    if isinstance(codec, SimCCLabel):
        decoder = dict(kind='simcc', ratio=float(codec.simcc_split_ratio))
        if codec.use_dark:  # MMPose's formula: odd, about 20/3 sigma
            sizes = [int((s * 20 - 7) // 3) for s in np.broadcast_to(codec.sigma, 2)]
            decoder['blur'] = [n - (n % 2 == 0) for n in sizes]
        return decoder
    if isinstance(codec, UDPHeatmap):
        size = [int(n) for n in codec.input_size]
        if codec.heatmap_type == 'gaussian':
            return dict(kind='dark_udp', input_size=size, blur=int(codec.blur_kernel_size))
        return dict(kind='udp_offsets', input_size=size, blur=2 * int(codec.blur_kernel_size) + 1,
                    radius=float(codec.radius_factor * max(codec.heatmap_size)))
    if isinstance(codec, MegviiHeatmap | MSRAHeatmap):
        scale = [float(n) for n in codec.scale_factor]
        if isinstance(codec, MegviiHeatmap):
            return dict(kind='megvii', scale=scale, blur=int(codec.kernel_size))
        if codec.unbiased:
            return dict(kind='dark', scale=scale, blur=int(codec.blur_kernel_size))
        return dict(kind='quarter', scale=scale)
    raise ValueError(
        f'an ONNX export of a model with the codec {type(codec).__name__} is not supported: only '
        'top-down 2D models with MSRAHeatmap, UDPHeatmap, MegviiHeatmap, SimCCLabel, '
        'RegressionLabel or IntegralRegressionLabel')


def family_of(decoder: dict) -> str:
    """``'maps'``, ``'profiles'`` or ``'points'``."""
    return {'simcc': 'profiles', 'points': 'points'}.get(decoder['kind'], 'maps')


def rtmlib_class(decoder: dict, crop: dict) -> str | None:
    """The class of rtmlib whose crop and decoder suit the model, None if there is none.

    rtmlib enlarges boxes by 1.25, and expects two bins per pixel or UDP maps with a kernel of 11.
    """
    if crop['padding'] != 1.25:
        return None
    if decoder['kind'] == 'simcc':
        return 'RTMPose' if decoder['ratio'] == 2. and 'blur' not in decoder else None
    return 'ViTPose' if decoder['kind'] == 'dark_udp' and decoder['blur'] == 11 else None


def _normalization(preprocessor: nn.Module) -> dict:
    """Mean and standard deviation in the order of the network's channels."""
    if not getattr(preprocessor, '_enable_normalize', False):
        return dict(mean=[0., 0., 0.], std=[1., 1., 1.])
    return {name: [round(float(x), 4) for x in getattr(preprocessor, name).flatten()]
            for name in ('mean', 'std')}


def _crop_of(cfg: Config) -> tuple[dict, tuple[int, int]]:
    """How the test pipeline cuts out a box; the crop's (width, height)."""
    padding, found = 1.25, None
    for step in cfg.test_dataloader.dataset.pipeline:
        kind = str(step['type']).rpartition('.')[2]
        if kind == 'GetBBoxCenterScale':
            padding = float(step.get('padding', 1.25))
        elif kind == 'TopdownAffine':
            width, height = (int(n) for n in np.broadcast_to(step['input_size'], 2))
            found = dict(padding=padding, udp=bool(step.get('use_udp', False))), (width, height)
        elif kind not in ('LoadImage', 'PackPoseInputs', 'GenerateTarget'):
            raise ValueError(f'the test pipeline holds {kind}, which a device that runs '
                             'model.onnx would not do: only LoadImage, GetBBoxCenterScale, '
                             'TopdownAffine and PackPoseInputs are supported')
    if found is None:
        raise ValueError('the test pipeline holds no TopdownAffine: only top-down models, which '
                         'see one person cut out by a box, can be exported to ONNX')
    return found
