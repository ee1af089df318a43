"""VGG-19 up to relu4_1 as style encoder, and the mirrored decoder."""
from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..utils.name_lists import some
from .image_convention import IMAGENET
from .weight_files import read_weights

# of each convolution up to relu4_1: output width as multiple of the first one's, whether its
# activation is a feature, whether pooling follows
_CONVS = ((1, True, False), (1, False, True), (2, True, False), (2, False, True), (4, True, False),
          (4, False, False), (4, False, False), (4, False, True), (8, True, False))
# index of each convolution in the two kinds of files
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19)
_NORMALISED = (2, 5, 9, 12, 16, 19, 22, 25, 29)
# of each decoder convolution: output width (0: RGB), whether it is enlarged afterwards
_DECODER = ((4, True), (4, False), (4, False), (4, False), (2, True), (2, False), (1, True),
            (1, False), (0, False))

_VGG_FILE = 'the weights of VGG-19'
_VGG_SOURCE = ("torchvision's ImageNet weights of vgg19, or the normalised VGG (usually "
               "vgg_normalised.pth) from a PyTorch release of 'AdaIN-style' (arXiv 1703.06868)")
_DECODER_FILE = 'the decoder of the normalised VGG'
_DECODER_SOURCE = ("decoder.pth from a PyTorch release of 'AdaIN-style' (arXiv 1703.06868), one "
                   "of UniFrame's decoder_*.pth.tar, or a checkpoint of "
                   'configs/style_transfer/adain-vgg19_folders_256x256.py')


class _FrozenConv(nn.Module):
    """A reflection-padded 3x3 or a 1x1 convolution whose weights are buffers.

    Buffers are seen by no optimizer, and those that were read from a file can be left out of
    checkpoints.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        conv = nn.Conv2d(in_channels, out_channels, kernel_size)
        nn.init.kaiming_normal_(conv.weight, nonlinearity='relu')
        self.padding = (kernel_size // 2,) * 4
        self.fill(conv.weight.detach(), torch.zeros(out_channels), persistent=True)

    def fill(self, weight: Tensor, bias: Tensor, persistent: bool) -> None:
        """Replace the weights."""
        self.register_buffer('weight', weight.float().clone(), persistent=persistent)
        self.register_buffer('bias', bias.float().clone(), persistent=persistent)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        if any(self.padding):
            x = F.pad(x, self.padding, mode='reflect')
        return F.conv2d(x, self.weight, self.bias)


@MODELS.register_module()
class VGG19StyleEncoder(nn.Module):
    """VGG-19's features relu1_1, relu2_1, relu3_1, relu4_1, frozen, with reflection padding.

    Two kinds of files are told apart by their keys and shapes:

    - torchvision's VGG-19, the whole classifier or its ``features`` alone; trained on images
      normalised with ImageNet's mean and deviation, which is applied here;
    - the normalised VGG (arXiv 1703.06868), a sequence with a leading 1x1 convolution that takes
      images in [0, 1]; its channels were rescaled to a mean activation of one. All published
      decoders belong to this one, those of pose adaptation (UniFrame) to what it makes of
      normalised images: ``AdaINStyleTransfer(input='imagenet')``.

    Weights from a file are not in the module's state dict: the file stays the one copy of them.

    Args:
        weights (str, optional): The file. None leaves random weights, which is of use for
            measuring time only (and says so).
        width (int): Channels of the first stage; the deepest has eight times as many. Defaults to
            64, VGG-19's.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is of neither kind.
    """

    stride = 8

    def __init__(self, weights: str | None = None, width: int = 64) -> None:
        super().__init__()
        self.weights, self.kind = weights, None
        self.own_normalization = True  # overwritten by the file
        self.channels = tuple(width * w for w, is_feature, _ in _CONVS if is_feature)
        self.normalize = _FrozenConv(3, 3, 1)
        self.normalize.fill(*_imagenet(), persistent=True)
        widths = [3, *(width * w for w, _, _ in _CONVS)]
        self.convs = nn.ModuleList(
            _FrozenConv(a, b, 3) for a, b in zip(widths[:-1], widths[1:], strict=True))
        if weights is not None:
            self._load(read_weights(weights, _VGG_FILE, _VGG_SOURCE))
        else:
            print_log('VGG19StyleEncoder has random weights: give it a file with weights=...',
                      logger='current', level=logging.WARNING)

    @property
    def conventions(self) -> tuple[str, ...] | None:
        """Possible ``input`` of ``AdaINStyleTransfer``; None: any."""
        return ('unit', 'imagenet') if self.kind == 'torchvision' else None

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of RGB images in [0, 1]; with the normalised VGG, of any convention.

        Args:
            images (Tensor): (B, 3, H, W), sides above 8.

        Returns:
            list[Tensor]: (B, C, H, W), (B, 2C, H/2, W/2), (B, 4C, H/4, W/4), (B, 8C, H/8, W/8);
            odd sides are rounded up.
        """
        features, x = [], self.normalize(images)
        for conv, (_, is_feature, pool) in zip(self.convs, _CONVS, strict=True):
            x = conv(x).relu()
            if is_feature:
                features.append(x)
            if pool:
                x = F.max_pool2d(x, 2, ceil_mode=True)
        return features

    def _load(self, state: dict[str, Tensor]) -> None:
        if 'features.0.weight' in state:
            self.kind, prefix, indices = 'torchvision', 'features.', _TORCHVISION
        elif '0.weight' in state and state['0.weight'].shape[2:] == (3, 3):
            self.kind, prefix, indices = 'torchvision', '', _TORCHVISION
        elif '0.weight' in state and state['0.weight'].shape == (3, 3, 1, 1):
            self.kind, prefix, indices = 'normalised', '', _NORMALISED
        else:
            raise ValueError(f'{self.weights} does not hold {_VGG_FILE}: it starts with '
                             f'{some(state)}. Expected {_VGG_SOURCE}')
        for conv, index in zip(self.convs, indices, strict=True):
            name = f'{prefix}{index}'
            weight, bias = state.get(f'{name}.weight'), state.get(f'{name}.bias')
            if weight is None or bias is None or weight.shape != conv.weight.shape:
                found = 'nothing' if weight is None or bias is None else tuple(weight.shape)
                raise ValueError(
                    f'{self.weights} does not hold {_VGG_FILE}: {name}.weight should be '
                    f'{tuple(conv.weight.shape)}, found {found} (VGG-16 or a variant with batch '
                    f'norm?). Expected {_VGG_SOURCE}')
            conv.fill(weight, bias, persistent=False)
        self.own_normalization = self.kind == 'torchvision'
        normalize = _imagenet() if self.own_normalization else (state['0.weight'], state['0.bias'])
        self.normalize.fill(*normalize, persistent=False)


def _imagenet() -> tuple[Tensor, Tensor]:
    """Normalisation with ImageNet's mean and deviation as a 1x1 convolution."""
    mean, std = torch.tensor(IMAGENET)
    return torch.diag(1 / std)[..., None, None], -mean / std


@MODELS.register_module()
class StyleDecoder(nn.Module):
    """Mirror image of :class:`VGG19StyleEncoder`: reflection padding, nearest enlargement.

    Args:
        weights (str, optional): A published decoder of either family (a sequence whose
            convolutions are ``1``, ``5``, ``8``, ...), the same from this class, or a checkpoint
            of an ``AdaINStyleTransfer``. Defaults to None: to be trained.
        width (int): As the encoder's. Defaults to 64.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file holds something else.
    """

    def __init__(self, weights: str | None = None, width: int = 64) -> None:
        super().__init__()
        self.weights, self.kind = weights, None
        self.trained_for: tuple[Tensor, Tensor] | None = None  # mean and std, if the file says so
        layers, channels = [], 8 * width
        for multiple, enlarge in _DECODER:
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, multiple * width or 3, 3)]
            channels = multiple * width
            if multiple:
                layers.append(nn.ReLU())
            if enlarge:
                layers.append(nn.Upsample(scale_factor=2, mode='nearest'))
        self.layers = nn.Sequential(*layers)
        if weights is not None:
            self._load(read_weights(weights, _DECODER_FILE, _DECODER_SOURCE))

    def forward(self, features: Tensor) -> Tensor:
        """(B, 8 C, H, W) to images (B, 3, 8 H, 8 W), in the convention it was trained with."""
        return self.layers(features)

    def _load(self, state: dict[str, Tensor]) -> None:
        own = self.layers.state_dict()
        for prefix in ('decoder.layers.', 'layers.', ''):
            given = {k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}
            if '1.weight' in given:
                break
        wrong = [k for k, v in own.items() if k not in given or given[k].shape != v.shape]
        if wrong or given.keys() - own.keys():
            first = wrong[0] if wrong else min(given.keys() - own.keys())
            expected = tuple(own[first].shape) if first in own else 'nothing'
            found = tuple(given[first].shape) if first in given else 'nothing'
            raise ValueError(f'{self.weights} does not hold {_DECODER_FILE}: {first} should be '
                             f'{expected}, found {found}. Expected {_DECODER_SOURCE}')
        self.kind = 'own' if prefix else 'published'
        if 'convention.mean' in state and 'convention.std' in state:
            self.trained_for = state['convention.mean'], state['convention.std']
        self.layers.load_state_dict(given)
