"""Whether encoder, decoder and image convention of a style transfer network belong together."""
from __future__ import annotations

import logging

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from .image_convention import ImageConvention

# a decoder is suspect if another convention halves its error, and this is not the error of a
# decoder that knows nothing of the image
_FACTOR, _TRAINED = 2., 0.3


def check_parts(model: nn.Module) -> None:
    """Refuse parts that cannot work together; say which probably do not.

    The two families of released decoders have the same keys and shapes, so what a decoder was
    trained for is measured: it gives back an image best in its own convention.

    Args:
        model (AdaINStyleTransfer): With its parts' own files loaded.

    Raises:
        ValueError: The encoder cannot have the convention; the decoder's file has another one.
    """
    encoder, decoder, convention = model.encoder, model.decoder, model.convention
    possible = getattr(encoder, 'conventions', None)
    if possible is not None and convention.name not in map(repr, possible):
        source = getattr(encoder, 'weights', None)
        raise ValueError(
            f'input={convention.name} does not fit {type(encoder).__name__}'
            + (f' with {source}' if source else '') + ', which takes input='
            + ' or '.join(map(repr, possible)))
    if getattr(decoder, 'weights', None) is None:
        return
    if decoder.trained_for is not None:
        convention.check(*decoder.trained_for, decoder.weights)
    elif (getattr(encoder, 'kind', None), decoder.kind) == ('torchvision', 'published'):
        _warn(f'{decoder.weights} was made for the normalised VGG, but the encoder is '
              "torchvision's VGG-19, whose channels have other scales: expect wrong colours. "
              'Take the normalised VGG, or train a decoder for this one')
    else:
        _check_decoder(model)


@torch.no_grad()
def _check_decoder(model: nn.Module) -> None:
    image, own, errors = _probe(), model.convention, {}
    try:
        for convention in (own, ImageConvention('unit'), ImageConvention('imagenet')):
            model.convention = convention
            back = model._decode(model._encode(image)[-1], image)
            errors.setdefault(convention.name, (back - image).square().mean().item())
    finally:
        model.convention = own
    best = min(errors, key=errors.get)
    if errors[best] * _FACTOR < errors[own.name] and errors[best] < _TRAINED * image.var().item():
        _warn(f'{model.decoder.weights} gives back a test image worse with input={own.name} (mean '
              f'squared error {errors[own.name]:.3g}) than with input={best} '
              f'({errors[best]:.3g}), so it was probably trained with that: expect wrong colours. '
              f'Set input={best} (docs/style_transfer.md says which file is which)')


def _probe(size: int = 64) -> Tensor:
    """(1, 3, size, size) in [0, 1]: smooth colours, and stripes for texture."""
    x = torch.linspace(0, 1, size)
    y, x = torch.meshgrid(x, x, indexing='ij')
    image = torch.stack([x, y, (1 - x) * (1 - y)])
    image[:, size // 4:size // 2] *= 0.6 + 0.4 * torch.cos(x[size // 4:size // 2] * 40)
    return (0.05 + 0.9 * image)[None]


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
