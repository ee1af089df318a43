"""A style transfer network that can be trained with MMPose's tools."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from torch import Tensor
from torch.func import functional_call

from ..utils.name_lists import some
from .adain import adain, channel_statistics
from .image_convention import ImageConvention
from .losses import style_distance
from .part_checks import check_parts
from .weight_files import read_weights


@MODELS.register_module()
class AdaINStyleTransfer(BaseModel):
    r"""Encoder, AdaIN, decoder (arXiv 1703.06868).

    .. math:: T(c, s, \alpha) = g(\alpha\, \mathrm{AdaIN}(f(c), f(s)) + (1 - \alpha) f(c))

    As a stylizer (of ``AdaINStyleHook``) it has :meth:`encode_style` and
    ``forward(content, style_code, alpha)``. Images are RGB in [0, 1] there, whatever ``input``
    says: the encoder is given, and the decoder gives, images of that convention.

    Training minimises, with :math:`t = \mathrm{AdaIN}(f(c), f(s))` and each weighted,

    - ``loss_content``: mean squared difference of :math:`f(g(t))` and :math:`t`;
    - ``loss_style``: difference of the styles of :math:`g(t)` and :math:`s` over all layers of the
      encoder (:func:`style_distance`);
    - ``loss_reconstruction``: mean absolute difference of :math:`g(f(c))` and :math:`c`.

    Only the last one trains the encoder, if it is trainable at all: the others use its weights as
    constants, for else the encoder could make them small by forgetting the image.

    Args:
        encoder (dict): ``VGG19StyleEncoder`` or ``SmallStyleEncoder``.
        decoder (dict): ``StyleDecoder`` or ``SmallStyleDecoder``.
        input (str | dict): What the encoder's and decoder's files belong to. ``'unit'``: RGB in
            [0, 1] (AdaIN's own releases). ``'imagenet'``: normalised with ImageNet's mean and
            deviation (code and decoders of UniFrame and arXiv 2404.14885). ``dict(mean=[..],
            std=[..])``: normalised so (their animals). torchvision's VGG-19 is given
            ImageNet-normalised images by ``'unit'`` as well, the decoder then gives [0, 1].
            Defaults to ``'unit'``.
        style_loss (str): ``'mean_std'`` (published) or ``'gram'``. Defaults to ``'mean_std'``.
        content_weight (float): Defaults to 1.
        style_weight (float, optional): Defaults to 10 for ``'mean_std'`` (AdaIN's, for VGG-19's
            features; 0.1 in UniFrame). ``'gram'`` has no default: nobody published one.
        reconstruction_weight (float): Defaults to 0; an encoder that is trained needs it.
        both_directions (bool): Exchange content and style of each sample with probability 0.5, so
            that one network serves source to target and back (published, there for whole
            batches). Defaults to False.
        checkpoint (str, optional): A file that training this model wrote: all its weights are
            loaded, and must fit.
        data_preprocessor (dict, optional): Defaults to ``StyleImagePreprocessor``.
        init_cfg (dict, optional): MMEngine's.

    Raises:
        ValueError: Unknown ``style_loss`` or ``input``, an ``input`` that the encoder cannot have;
            ``'gram'`` without ``style_weight``; encoder to be trained without reconstruction; a
            checkpoint that does not fit or has another ``input``.
        FileNotFoundError: No such checkpoint.
    """

    def __init__(self, encoder: dict, decoder: dict, input: str | dict = 'unit',
                 style_loss: str = 'mean_std', content_weight: float = 1.,
                 style_weight: float | None = None,
                 reconstruction_weight: float = 0., both_directions: bool = False,
                 checkpoint: str | None = None, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        # built here: MMEngine would look for it in its own registry where no scope is set
        super().__init__(
            MODELS.build(data_preprocessor or dict(type='StyleImagePreprocessor')), init_cfg)
        if style_loss not in ('mean_std', 'gram'):
            raise ValueError(f"style_loss must be 'mean_std' or 'gram', got {style_loss!r}")
        if style_weight is None and style_loss == 'gram':
            raise ValueError("style_loss='gram' needs a style_weight: there is no published one, "
                             'and the mean squared difference of Gram matrices is much smaller '
                             'than that of means and deviations')
        self.encoder, self.decoder = MODELS.build(encoder), MODELS.build(decoder)
        self.convention = ImageConvention(input)
        self.style_loss, self.content_weight = style_loss, content_weight
        self.style_weight = 10. if style_weight is None else style_weight
        self.reconstruction_weight = reconstruction_weight
        self.both_directions = both_directions
        if checkpoint is None and not reconstruction_weight and any(
                True for _ in self.encoder.parameters()):
            raise ValueError(
                f'{type(self.encoder).__name__} learns by reconstruction only: set '
                'reconstruction_weight, e.g. 1, or name the checkpoint of a trained one')
        check_parts(self)
        if checkpoint is not None:
            self._load(checkpoint)

    # ------------------------------------------------------------------ stylizer
    def encode_style(self, images: Tensor) -> Tensor:
        """Style codes: statistics of the deepest features.

        Args:
            images (Tensor): (B, 3, H, W) RGB in [0, 1].

        Returns:
            Tensor: (B, C, 2) float32, mean and standard deviation.
        """
        return channel_statistics(self._encode(images)[-1])

    def forward(self, inputs: Tensor | dict, style_code: Tensor | None = None,
                alpha: Tensor | float = 1., mode: str = 'tensor') -> Tensor | dict:
        """Stylise, or compute the training's losses.

        Args:
            inputs (Tensor | dict): Content images (B, 3, H, W), RGB in [0, 1]; or a dict of
                ``content`` and ``style`` images.
            style_code (Tensor, optional): (B, C, 2) from :meth:`encode_style`; not needed with a
                dict.
            alpha (Tensor | float): Strength in [0, 1], (B, 1, 1, 1). Defaults to 1.
            mode (str): ``'tensor'`` or ``'loss'``.

        Returns:
            Tensor | dict: (B, 3, H, W) images, not clipped; or the losses.
        """
        if mode == 'loss':
            return self.loss(inputs['content'], inputs['style'])
        if mode != 'tensor':
            raise ValueError(f"AdaINStyleTransfer has the modes 'tensor' and 'loss', not {mode!r}")
        if isinstance(inputs, dict):
            inputs, style_code = inputs['content'], self.encode_style(inputs['style'])
        features = self._encode(inputs)[-1]
        target = self._adain(features, style_code)
        # lerp of two dtypes is not defined, and the weights of a mixture belong in float32
        mixed = features.float() + alpha * (target.float() - features.float())
        return self._decode(mixed.to(features.dtype), inputs)

    # ------------------------------------------------------------------ training
    def loss(self, content: Tensor, style: Tensor) -> dict[str, Tensor]:
        """The weighted losses.

        Args:
            content (Tensor): (B, 3, H, W) RGB in [0, 1].
            style (Tensor): (B, 3, H, W), too.

        Returns:
            dict[str, Tensor]: ``loss_content``, ``loss_style`` and, if weighted,
            ``loss_reconstruction``.
        """
        if self.both_directions:
            if content.shape != style.shape:
                raise ValueError('both_directions exchanges content and style images, which must '
                                 f'have one size: {tuple(content.shape)}, {tuple(style.shape)}')
            swap = torch.rand(len(content), 1, 1, 1, device=content.device) < 0.5
            content, style = torch.where(swap, style, content), torch.where(swap, content, style)
        losses = {}
        with torch.no_grad():
            # constants here as well: autocast keeps the weights it has cast, and would hand those
            # cast without gradients to the reconstruction
            styles = self._encode_constant(style)
            target = self._adain(
                self._encode_constant(content)[-1], channel_statistics(styles[-1]))
            if self._bands is not None:
                styles[-1] = target  # has the style's statistics, save for the bands' means
        stylized = self._encode_constant(self._decode(target, content))
        losses['loss_content'] = self.content_weight * F.mse_loss(
            stylized[-1].float(), target.float())
        losses['loss_style'] = self.style_weight * style_distance(
            stylized, styles, self.style_loss)
        if self.reconstruction_weight:
            # both domains: the encoder and the decoder must know the target's textures as well
            losses['loss_reconstruction'] = self.reconstruction_weight / 2 * sum(
                F.l1_loss(self._decode(self._encode(images)[-1], images).float(), images)
                for images in (content, style))
        return losses

    def _encode_constant(self, images: Tensor) -> list[Tensor]:
        """Features whose gradient goes to the images but not to the encoder's weights."""
        constants = {name: p.detach() for name, p in self.encoder.named_parameters()}
        return functional_call(self.encoder, constants, (self._prepared(images),))

    def _encode(self, images: Tensor) -> list[Tensor]:
        return self.encoder(self._prepared(images))

    @property
    def _bands(self) -> slice | None:
        return getattr(self.encoder, 'band_channels', None)

    def _adain(self, features: Tensor, style_code: Tensor) -> Tensor:
        if self._bands is not None:
            # A band-pass filter's output is scaled about zero: changing its mean would repeat the
            # filter's kernel all over the image, as a grid on flat areas.
            own = channel_statistics(features[:, self._bands])
            style_code = style_code.clone()
            style_code[:, self._bands, 0] = own[..., 0] / own[..., 1] * \
                style_code[:, self._bands, 1]
        return adain(features, style_code)

    def _prepared(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] as the encoder takes it."""
        if min(images.shape[-2:]) <= self.encoder.stride:
            raise ValueError(f'images of {tuple(images.shape[-2:])} px are too small for '
                             f'{type(self.encoder).__name__}: sides must exceed '
                             f'{self.encoder.stride} px')
        # torchvision's weights want what the encoder makes of [0, 1] itself
        own = getattr(self.encoder, 'own_normalization', False)
        return images if own else self.convention.normalize(images)

    def _decode(self, features: Tensor, like: Tensor) -> Tensor:
        # sides that the encoder's stride does not divide were rounded up
        images = self.decoder(features)[..., :like.shape[-2], :like.shape[-1]]
        return self.convention.denormalize(images)

    # ------------------------------------------------------------------ files
    def _load(self, path: str) -> None:
        state = read_weights(
            path, 'a checkpoint of an AdaINStyleTransfer',
            'train one with a config of style_transfer, e.g. `udapose train '
            '$(udapose configs)/style_transfer/adain-small_synth-people_64x64.py`')
        own = {k: v for k, v in self.state_dict().items() if not k.startswith('convention.')}
        convention = {k: state.pop(k) for k in [*state] if k.startswith('convention.')}
        if not self.encoder.state_dict():  # its file has the weights already
            state = {k: v for k, v in state.items() if not k.startswith('encoder.')}
        missing = [k for k in own if k not in state]
        unknown = [k for k in state if k not in own]
        shapes = [f'{k} {tuple(state[k].shape)} instead of {tuple(v.shape)}'
                  for k, v in own.items() if k in state and state[k].shape != v.shape]
        if missing or unknown or shapes:
            hint = ''
            if missing and all(k.startswith('encoder.') for k in missing):
                hint = ' (the frozen encoder is not in checkpoints: give its file with ' \
                       'encoder=dict(weights=...))'
            raise ValueError(
                f'{path} does not fit this AdaINStyleTransfer: missing {some(missing)}{hint}; '
                f'unknown {some(unknown)}; of another shape {some(shapes)}. Use the encoder and '
                'decoder of the config that wrote it')
        try:
            self.load_state_dict({**state, **convention})
        except ValueError as error:
            raise ValueError(str(error).replace('the checkpoint', path)) from None
