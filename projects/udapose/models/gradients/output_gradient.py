"""Gradients at a head's output maps: taken, pulled back to the last layer, put in place."""
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight


def gradient_at_output(loss: Tensor, output: Tensor, scale: float = 1.) -> Tensor:
    """The gradient of a loss with respect to a head's output, times ``scale``.

    Only the loss itself is differentiated; the network is not run backwards.

    Args:
        loss (Tensor): Scalar.
        output (Tensor): (B, K, H, W), part of the loss's graph.
        scale (float): Of a mean over N pixels the gradients are of the order 1 / N, too small for
            float16: N as scale brings them near 1.

    Returns:
        Tensor: (B, K, H, W) float32, 0 if the loss does not depend on the output.
    """
    gradient, = torch.autograd.grad(loss * scale, output, retain_graph=True, allow_unused=True)
    return torch.zeros_like(output, dtype=torch.float32) if gradient is None else gradient.float()


def with_gradient(loss: Tensor, output: Tensor, gradient: Tensor) -> Tensor:
    """The loss's value, with another gradient at the output.

    Args:
        loss (Tensor): Scalar, whose own gradient is dropped.
        output (Tensor): (B, K, H, W).
        gradient (Tensor): (B, K, H, W), what a backward pass gives the output instead.

    Returns:
        Tensor: Scalar.
    """
    surrogate = (output.float() * gradient.detach()).sum()
    return loss.detach() + (surrogate - surrogate.detach())  # the bracket is exactly 0


def linear_layer_name(head: nn.Module) -> str | None:
    """Name, within the head, of the convolution that makes the maps.

    Returns:
        str | None: ``'final_layer'`` or one inside of it; None if there is no such layer.
    """
    layer, name = getattr(head, 'final_layer', None), 'final_layer'
    if isinstance(layer, nn.Sequential) and len(layer):
        layer, name = layer[-1], f'{name}.{len(layer) - 1}'
    return name if isinstance(layer, nn.Conv2d) else None


def pull_back(layer: nn.Conv2d, features: Tensor, gradient: Tensor) -> Tensor:
    r"""Gradients of the layer's weights and bias, one row for each output channel.

    For a 1x1 convolution the row of channel k is :math:`\sum_{bxy} g_{bkxy} (f_{bxy}, 1)`. All
    channels are one product.

    Args:
        layer (nn.Conv2d): With ``groups=1``.
        features (Tensor): (B, C, h, w), its input.
        gradient (Tensor): (B, K, H, W), at its output.

    Returns:
        Tensor: (K, P) float32, P = C kh kw, + 1 with a bias.
    """
    with torch.autocast(gradient.device.type, enabled=False):  # it would round
        weight = conv2d_weight(features.detach().float(), layer.weight.shape, gradient.float(),
                               layer.stride, layer.padding, layer.dilation)
    rows = weight.flatten(1)
    return rows if layer.bias is None else torch.cat(
        [rows, gradient.float().sum((0, 2, 3))[:, None]], 1)


def channel_rows(layer: nn.Conv2d) -> Tensor:
    """(K, P): the layer's parameters, ordered as in :func:`pull_back`; without gradient."""
    rows = layer.weight.detach().float().flatten(1)
    return rows if layer.bias is None else torch.cat([rows, layer.bias.detach()[:, None]], 1)
