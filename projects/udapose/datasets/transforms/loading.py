"""Loading images with an error that names the file."""
from __future__ import annotations

import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS

from udapose.dark_images import tell_dark


@TRANSFORMS.register_module()
class LoadPoseImage(LoadImage):
    """MMPose's ``LoadImage`` whose failures name the file.

    A truncated or damaged file otherwise surfaces as an ``AttributeError`` of ``None`` somewhere
    in a worker process. An image already in ``results['img']`` is kept. An item with a true
    ``mirror_image`` (public data sets whose hands are all made left hands) gets its file's mirror
    image, to which its coordinates already belong. Arguments are those of MMPose's ``LoadImage``.

    Required keys: ``img_path`` or ``img``, optionally ``mirror_image``. Added: ``img``
    (H, W, 3) uint8 BGR, ``img_shape``, ``ori_shape`` (both (H, W)).

    Raises:
        FileNotFoundError: No such file.
        OSError: The file cannot be decoded.
    """

    def transform(self, results: dict) -> dict | None:
        """Load the image of ``results``."""
        if 'img' in results:
            return super().transform(results)
        path = results['img_path']
        try:
            data = fileio.get(path, backend_args=self.backend_args)
            img = mmcv.imfrombytes(data, flag=self.color_type, backend=self.imdecode_backend)
        except FileNotFoundError:
            if self.ignore_empty:
                return None
            raise FileNotFoundError(
                f'image {path} does not exist: check data_root, data_prefix.img and the annotation '
                'file') from None
        except Exception as error:  # decoders raise what they like
            img, reason = None, f'{type(error).__name__}: {error}'
        else:
            reason = f'{len(data)} bytes, empty, truncated or not an image'
        if not isinstance(img, np.ndarray):
            if self.ignore_empty:
                return None
            raise OSError(f'cannot decode image {path} ({reason}): replace it, or remove it from '
                          'the data set')
        tell_dark(data, img, path)
        if results.get('mirror_image'):
            img = np.ascontiguousarray(img[:, ::-1])
        if self.to_float32:
            img = img.astype(np.float32)
        results['img'] = img
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results
