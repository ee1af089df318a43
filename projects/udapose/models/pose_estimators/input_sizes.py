"""Early check of the images' sizes in a batch of two domains."""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmpose.codecs import RegressionLabel
from torch import Tensor, nn

_VIEWS = ('target_teacher', 'target_student')


def check_input_sizes(images: Mapping[str, Tensor], head: nn.Module) -> None:
    """Require images of the size that the head's codec reads, before anything is computed.

    A codec's maps or profiles have one size. Regressed coordinates (``RegressionLabel``) are
    fractions of the input, so there the source images may be of another size than the target's.

    Args:
        images (Mapping[str, Tensor]): Branch to (N, 3, H, W); branches that are not there are not
            checked.
        head (nn.Module): Of the plain model.

    Raises:
        ValueError: Names the branches, the sizes and where they are set.
    """
    codec = getattr(head, 'decoder', None)
    names = [name for name in _VIEWS if name in images]
    if 'source' in images and not isinstance(codec, RegressionLabel):
        names.insert(0, 'source')
    found = {name: tuple(images[name].shape[-2:]) for name in names}
    size = getattr(codec, 'input_size', None)
    if size is not None:
        width, height = (int(n) for n in np.broadcast_to(size, 2))
        expected = (height, width)
    elif found:
        expected = next(iter(found.values()))
    if all(given == expected for given in found.values()):
        return
    sizes = ', '.join(f'{name} {w}x{h}' for name, (h, w) in found.items())
    raise ValueError(
        f'images of different sizes (width x height): {sizes}; the codec '
        f'{type(codec).__name__} of {type(head).__name__} reads {expected[1]}x{expected[0]}. Set '
        'the same input_size in the codec and in the crop (TopdownAffine or '
        'RecordedTopdownAffine) of the source pipeline and of both target views; only heads with '
        'RegressionLabel take source images of another size')
