"""Encoder and decoder of a masked autoencoder, for images of any shape."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import initialize
from mmpose.registry import MODELS
from mmpretrain.models.necks import MAEPretrainDecoder
from mmpretrain.models.selfsup.mae import MAEViT
from torch import Tensor

from ..utils.position_embedding import sincos_position_embedding


@MODELS.register_module()
class MaskedViT(MAEViT):
    """Vision transformer that sees a random part of the patches (MAE, arXiv 2111.06377).

    mmpretrain's ``MAEViT`` with the same weights and, from the same random state, the same masks,
    but for images of any shape that the patch size divides, and for any registered weight
    initializer: mmpretrain's draws the patch and class embeddings anew after ``init_cfg`` has
    loaded them.

    Args:
        arch (str | dict): As of mmpretrain's ``VisionTransformer``. Defaults to ``'b'``.
        img_size (int | Sequence[int]): A side, or (height, width), in pixels. Defaults to 224.
        patch_size (int): Side of a patch in pixels. Defaults to 16.
        mask_ratio (float): Share of the patches that are hidden, in (0, 1). Defaults to 0.75.
        init_cfg (dict, optional): For example ``dict(type='PretrainedViT', checkpoint=FILE)``.
        **kwargs: Further arguments of mmpretrain's ``MAEViT``.

    Raises:
        ValueError: ``patch_size`` does not divide the image's sides, or ``mask_ratio`` hides all
            patches or none.
    """

    def __init__(self, arch: str | dict = 'b', img_size: int | Sequence[int] = 224,
                 patch_size: int = 16, mask_ratio: float = 0.75, init_cfg: dict | None = None,
                 **kwargs) -> None:
        size = (img_size, img_size) if isinstance(img_size, int) else tuple(img_size)
        if len(size) != 2 or any(side < 1 or side % patch_size for side in size):
            raise ValueError(
                f'patch_size={patch_size} does not divide img_size={img_size} (height, width): '
                'choose sides that are multiples of the patch size, for example '
                f'{tuple(max(1, round(side / patch_size)) * patch_size for side in size)}')
        self.grid = size[0] // patch_size, size[1] // patch_size
        count = self.grid[0] * self.grid[1]
        if not 0 < int(count * (1 - mask_ratio)) < count:
            raise ValueError(f'mask_ratio={mask_ratio} leaves {int(count * (1 - mask_ratio))} of '
                             f'{count} patches visible: both visible and hidden ones are needed')
        super().__init__(arch=arch, img_size=size, patch_size=patch_size, mask_ratio=mask_ratio,
                         init_cfg=init_cfg, **kwargs)
        self.patch_size = patch_size
        if tuple(self.patch_resolution) != self.grid:
            raise ValueError(f'patch_cfg={kwargs.get("patch_cfg")} makes {self.patch_resolution} '
                             f'tokens of {self.grid} patches: each patch needs its token')

    def init_weights(self) -> None:
        """Draw all weights, then let ``init_cfg`` put its own in their places."""
        init_cfg, self.init_cfg = self.init_cfg, None
        try:
            super(MAEViT, self).init_weights()
        finally:
            self.init_cfg = init_cfg
        self.pos_embed.data.copy_(sincos_position_embedding(self.grid, self.embed_dims))
        kernel = self.patch_embed.projection.weight.data
        torch.nn.init.xavier_uniform_(kernel.view(len(kernel), -1))
        torch.nn.init.normal_(self.cls_token, std=.02)
        if init_cfg:
            initialize(self, init_cfg)

    def random_masking(self, x: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None
                       ) -> tuple[Tensor, Tensor, Tensor]:
        """Keep a random part of the tokens of each image.

        Args:
            x (Tensor): (N, L, D) tokens.
            mask_ratio (float): Share to drop.
            noise (Tensor, optional): (N, L); the smallest of each row are kept. Drawn if None.

        Returns:
            tuple[Tensor, Tensor, Tensor]: The kept tokens (N, L', D), the mask (N, L) float32 with
            1 for dropped ones, and (N, L) the place of each patch in the shuffled order.
        """
        count, length, width = x.shape
        keep = int(length * (1 - mask_ratio))
        if noise is None:
            noise = torch.rand(count, length, device=x.device)
        shuffled = noise.argsort(dim=1)
        restore = shuffled.argsort(dim=1)
        kept = x.gather(1, shuffled[:, :keep, None].expand(-1, -1, width))
        return kept, (restore >= keep).float(), restore

    def forward(self, x: Tensor, mask: bool | None = True, noise: Tensor | None = None
                ) -> tuple:
        """Features of the visible patches or, with ``mask=None`` or ``False``, of all.

        Args:
            x (Tensor): (N, 3, H, W).
            mask (bool, optional): Whether to hide patches. Defaults to True.
            noise (Tensor, optional): (N, L), decides which patches are hidden (the larger values).

        Returns:
            tuple: Features (N, 1 + L', D) with the class token first, mask and order as in
            :meth:`random_masking`; without mask, mmpretrain's tuple of outputs.
        """
        if not mask:
            return super().forward(x, mask=None)
        tokens = self.patch_embed(x)[0] + self.pos_embed[:, 1:]
        tokens, hidden, restore = self.random_masking(tokens, self.mask_ratio, noise)
        class_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        # a type that autocast chose for the patches must not be widened by the class token
        tokens = torch.cat((class_token.to(tokens.dtype), tokens), dim=1)
        for layer in self.layers:
            tokens = layer(tokens)
        return self.norm1(tokens), hidden, restore


@MODELS.register_module()
class MaskedPatchDecoder(MAEPretrainDecoder):
    """mmpretrain's ``MAEPretrainDecoder`` for any grid of patches.

    ``WeightedMAE`` fills in ``grid``, ``patch_size`` and ``embed_dim`` from its encoder.

    Args:
        grid (tuple[int, int]): Rows and columns of patches.
        patch_size (int): Side of a patch in pixels.
        embed_dim (int): Width of the encoder.
        decoder_embed_dim (int): Width of the decoder; a multiple of 4. Defaults to 512.
        decoder_depth (int): Layers. Defaults to 8.
        decoder_num_heads (int): Attention heads. Defaults to 16.
        **kwargs: Further arguments of mmpretrain's decoder.
    """

    def __init__(self, grid: tuple[int, int], patch_size: int, embed_dim: int,
                 decoder_embed_dim: int = 512, decoder_depth: int = 8, decoder_num_heads: int = 16,
                 **kwargs) -> None:
        self.grid = tuple(grid)
        super().__init__(
            num_patches=self.grid[0] * self.grid[1], patch_size=patch_size, embed_dim=embed_dim,
            decoder_embed_dim=decoder_embed_dim, decoder_depth=decoder_depth,
            decoder_num_heads=decoder_num_heads, **kwargs)

    def init_weights(self) -> None:
        """Draw the weights; the position embedding is fixed."""
        super(MAEPretrainDecoder, self).init_weights()
        self.decoder_pos_embed.data.copy_(
            sincos_position_embedding(self.grid, self.decoder_pos_embed.shape[-1]))
        torch.nn.init.normal_(self.mask_token, std=.02)

    def forward(self, x: Tensor, ids_restore: Tensor) -> Tensor:
        """Predict the pixels of all patches.

        Args:
            x (Tensor): (N, 1 + L', D) of the encoder, the class token first.
            ids_restore (Tensor): (N, L), the place of each patch in the shuffled order.

        Returns:
            Tensor: (N, L, p * p * C).
        """
        x = self.decoder_embed(x)
        count, visible, width = x.shape
        length = ids_restore.shape[1]
        hidden = self.mask_token.to(x.dtype).expand(count, length + 1 - visible, -1)
        tokens = torch.cat((x[:, 1:], hidden), dim=1).gather(
            1, ids_restore[..., None].expand(-1, -1, width))
        x = torch.cat((x[:, :1], tokens), dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x)[:, 1:])
