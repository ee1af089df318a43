"""The foreground kept, the background changed."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from .background_sources import (
    BackgroundImages,
    color_background,
    cover,
    list_photographs,
    noise_background,
)
from .masks import LoadForegroundMask, require_masks
from .photometric import ColorJitter

SOURCES = ('dataset', 'folder', 'noise', 'color')


@TRANSFORMS.register_module()
class SegmentationGuidedAugmentation(BaseTransform):
    r"""Put the foreground before another background, and change the colours of both by themselves.

    The augmentation of masked pre-training in arXiv 2501.08408; where the backgrounds come from and
    how they are blended is our design. With a mask :math:`m`, the new image is
    :math:`\alpha J_f(x) + (1 - \alpha) J_b(y)` with the image :math:`x`, a background :math:`y`
    (with probability ``1 - prob`` it stays :math:`x`), colour jitters :math:`J` and
    :math:`\alpha = \mathrm{clip}(1.5\,(g_\sigma * m) - 0.5)`: a soft edge that lies inside of the
    mask, so that little of the old background surrounds the person. :math:`\sigma` is drawn anew
    for each image, so no fixed blur betrays the cut.

    Place it after :class:`LoadForegroundMask` and before ``RandomFlip``. A sample without a mask,
    with an empty one or with nothing but foreground stays as it is. All draws are NumPy's.

    Required keys: ``img`` (H, W, 3) uint8 BGR; optionally ``foreground_mask`` (H, W) uint8 of the
    same pixels. With the source ``'dataset'``: ``dataset``, set by MMPose's data sets. Modified:
    ``img``; ``foreground_mask`` becomes :math:`\alpha` where the background was replaced.

    Args:
        prob (float): Probability of a new background. Defaults to 0.5.
        sources (dict[str, float]): Weights of where it comes from: ``'dataset'``, another image of
            the sample's own data set, its foreground painted over if it has a mask; ``'folder'``, a
            photograph; ``'noise'``, clouds of random colours; ``'color'``, a colour or a gradient.
            Defaults to ``dict(dataset=2., noise=1., color=1.)``.
        folder (str | Sequence[str], optional): Folders of photographs, searched recursively, for
            the source ``'folder'``. The target's unlabelled images bring labelled source images
            before the target's backgrounds.
        folder_masks (bool): The photographs have masks (found by the rule of
            ``folder_mask_loader``): the people in them are painted over. How many have none is
            said. Defaults to False.
        mask_loader (dict, optional): Config of the pipeline's :class:`LoadForegroundMask`, needed
            to find the masks of other images where the data set gives no ``mask_path``. One without
            a mask serves as a whole.
        folder_mask_loader (dict, optional): The like for ``folder_masks``. Defaults to
            ``mask_loader``.
        foreground_jitter, background_jitter (dict, optional): Arguments of :class:`ColorJitter` for
            each side; None for none. Default to 0.3 for brightness, contrast and saturation.
        feather (tuple[float, float]): Range of :math:`\sigma` in pixels of the image.
            Defaults to ``(0.5, 1.5)``.
        max_side (int): Backgrounds from files are reduced to this longer side. Defaults to 512.
        cache_mb (float): Decoded backgrounds that each worker keeps, in 10^6 bytes. Defaults to 64.

    Raises:
        ValueError: A bad argument; an image that is not uint8, of another size than its mask, or
            flipped or warped before, which its mask was not; no data set to take backgrounds from.
        FileNotFoundError: A folder that does not exist or has no images, or none with a mask.
    """

    def __init__(self, prob: float = 0.5, sources: dict[str, float] | None = None,
                 folder: str | Sequence[str] | None = None, folder_masks: bool = False,
                 mask_loader: dict | None = None, folder_mask_loader: dict | None = None,
                 foreground_jitter: dict | None = dict(  # noqa: B006
                     brightness=0.3, contrast=0.3, saturation=0.3),
                 background_jitter: dict | None = dict(  # noqa: B006
                     brightness=0.3, contrast=0.3, saturation=0.3),
                 feather: Sequence[float] = (0.5, 1.5), max_side: int = 512,
                 cache_mb: float = 64) -> None:
        name = type(self).__name__
        sources = dict(dataset=2., noise=1., color=1.) if sources is None else dict(sources)
        unknown = set(sources) - set(SOURCES)
        if unknown or not sources or min(sources.values()) < 0 or not sum(sources.values()):
            raise ValueError(f'{name}: sources={sources} must give weights, not negative and not '
                             f'all 0, to some of {SOURCES}')
        if bool(sources.get('folder')) != (folder is not None):
            raise ValueError(f'{name}: folder={folder!r}, but sources={sources}: photographs need '
                             "both a folder and a weight sources=dict(folder=..., ...)")
        if folder_masks and not (folder and (folder_mask_loader or mask_loader)):
            raise ValueError(f'{name}: folder_masks=True needs folder and mask_loader, the rule by '
                             'which the masks of its photographs are found')
        if folder_mask_loader and not folder_masks:
            raise ValueError(f'{name}: folder_mask_loader without folder_masks=True')
        if not 0 <= prob <= 1 or not 0 <= feather[0] <= feather[1]:
            raise ValueError(f'{name}: prob={prob} must be in [0, 1], feather={feather} a range of '
                             'pixels')
        if max_side < 1 or cache_mb < 0:
            raise ValueError(f'{name}: max_side={max_side} must be positive, cache_mb={cache_mb} '
                             'not negative')
        self.prob, self.sources = prob, sources
        self.folder, self.folder_masks = folder, folder_masks
        self.feather = tuple(feather)
        self.names = list(sources)
        self.weights = np.array(list(sources.values())) / sum(sources.values())
        self.photographs = [] if folder is None else list_photographs(folder)
        self.images = self.folder_images = BackgroundImages(
            _loader(mask_loader), max_side, cache_mb)
        if folder_mask_loader:
            self.folder_images = BackgroundImages(_loader(folder_mask_loader), max_side, cache_mb)
        if folder_masks:
            require_masks(self.photographs, self.folder_images.mask_loader)
        self.jitters = [None if jitter is None else ColorJitter(**jitter)
                        for jitter in (foreground_jitter, background_jitter)]

    def transform(self, results: dict) -> dict:
        """Change the image of ``results``; the array that came in stays as it was."""
        img, mask = results['img'], results.get('foreground_mask')
        if mask is None:
            return results
        # RecordedTopdownAffine, which adds input_matrix, brings both to the same pixels again
        if 'input_matrix' not in results and (results.get('flip') or 'pre_matrix' in results):
            raise ValueError(
                f'{type(self).__name__}: image {results.get("img_path", "")} was flipped or '
                'warped before, but foreground_mask stays in the pixels of the image as loaded, so '
                'the wrong part would be cut out: put it before RandomFlip (and WholeImageAffine, '
                'AnimalSourceAugmentation), right after LoadForegroundMask')
        if img.dtype != np.uint8 or img.ndim != 3 or img.shape[:2] != mask.shape:
            raise ValueError(
                f'{type(self).__name__}: img is {img.dtype} of shape {img.shape}, foreground_mask '
                f'of shape {mask.shape}: it takes the uint8 image as loaded, before any crop')
        lowest, highest = int(mask.min()), int(mask.max())
        if highest == 0 or lowest == 255:
            return results
        replaced = np.random.rand() < self.prob
        background = self._background(results, *mask.shape) if replaced else img
        alpha = self._feathered(mask)
        front, back = (image if jitter is None else jitter(dict(img=image))['img']
                       for jitter, image in zip(self.jitters, (img, background)))
        if front is not back:
            results['img'] = cv2.blendLinear(front, np.ascontiguousarray(back), alpha, 1 - alpha)
        if replaced:
            results['foreground_mask'] = np.uint8(np.round(alpha * 255))
        return results

    def _feathered(self, mask: np.ndarray) -> np.ndarray:
        """(H, W) float32 in [0, 1]."""
        alpha = mask.astype(np.float32) / 255
        sigma = np.random.uniform(*self.feather)
        if sigma > 0:
            alpha = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
            alpha = np.clip(1.5 * alpha - 0.5, 0, 1)
        return alpha

    def _background(self, results: dict, height: int, width: int) -> np.ndarray:
        """A new background of that size."""
        source = self.names[int(np.random.choice(len(self.names), p=self.weights))]
        if source == 'noise':
            return noise_background(height, width)
        if source == 'color':
            return color_background(height, width)
        if source == 'folder':
            chosen = dict(img_path=self.photographs[np.random.randint(len(self.photographs))])
            image = self.folder_images.get(chosen, has_mask=self.folder_masks)
        else:
            dataset = results.get('dataset')
            if dataset is None:
                raise ValueError(
                    f"{type(self).__name__}: the source 'dataset' needs a data set that puts "
                    "itself into results['dataset'], as MMPose's do: leave 'dataset' out of "
                    'sources, or use sources=dict(folder=1.) with folder=<the training images>')
            chosen = dataset.get_data_info(np.random.randint(len(dataset)))
            image = self.images.get(chosen, has_mask=True)
        return cover(image, height, width)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob}, sources={self.sources}, ' \
               f'folder={self.folder!r}, feather={self.feather}, jitters={self.jitters})'


def _loader(rule: dict | None) -> LoadForegroundMask:
    """That of a config, which may be the pipeline's own; images without a mask serve as a whole."""
    rule = {k: v for k, v in (rule or {}).items() if k not in ('type', 'missing')}
    return LoadForegroundMask(**rule, missing='ignore')
