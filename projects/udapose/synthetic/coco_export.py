"""Samples as files and COCO keypoint annotations."""

import cv2
import numpy as np

from .keypoints import KEYPOINT_SETS

_CATEGORY = dict(people='person', hands='hand')


def image_name(domain, index):
    """File name of a sample: lossless for the source, JPEG for the target domain."""
    return f'{index:06d}.{"png" if domain == "source" else "jpg"}'


def encode_image(sample):
    """The image's file content (PNG, or JPEG at the sample's quality), as bytes."""
    image = cv2.cvtColor(sample.image, cv2.COLOR_RGB2BGR)
    if sample.jpeg_quality is None:
        return cv2.imencode('.png', image)[1].tobytes()
    options = [cv2.IMWRITE_JPEG_QUALITY, sample.jpeg_quality]
    return cv2.imencode('.jpg', image, options)[1].tobytes()


def encode_mask(sample):
    """The mask's PNG file content: foreground 255, background 0."""
    mask = sample.mask.astype(np.uint8) * 255
    return cv2.imencode('.png', mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()


def tight_box(mask):
    """Smallest box around a mask.

    Args:
        mask (ndarray): Foreground, shape (H, W), bool.

    Returns:
        list[float]: COCO box: left, top, width, height in pixels; the whole image for an
        empty mask.
    """
    columns, rows = np.nonzero(mask.any(0))[0], np.nonzero(mask.any(1))[0]
    if len(rows) == 0:
        return [0.0, 0.0, float(mask.shape[1]), float(mask.shape[0])]
    return [float(columns[0]), float(rows[0]), float(columns[-1] - columns[0] + 1),
            float(rows[-1] - rows[0] + 1)]


def annotation(sample, kind, split, index):
    """A sample's annotation.

    Args:
        sample (Sample): The sample.
        kind (str): ``'people'`` or ``'hands'``.
        split (str): Its split.
        index (int): Its number, used as image and annotation id.

    Returns:
        dict: COCO keypoint annotation with 3D joints (camera frame, millimetres), camera,
        mask path, root index and identity.
    """
    joints = np.concatenate([sample.keypoints, sample.visibility[:, None]], 1)
    camera = sample.camera
    return dict(
        id=index, image_id=index, category_id=1, iscrowd=0, bbox=tight_box(sample.mask),
        area=float(sample.mask.sum()), num_keypoints=int((sample.visibility > 0).sum()),
        keypoints=[int(v) if i % 3 == 2 else round(float(v), 3)
                   for i, v in enumerate(joints.ravel())],
        keypoints_3d=np.round(sample.keypoints_3d * 1000, 2).tolist(),
        camera=dict(K=np.round(camera.K, 5).tolist(), R=np.round(camera.R, 8).tolist(),
                    center=np.round(camera.center, 6).tolist()),
        mask=f'masks/{split}/{index:06d}.png', root_index=KEYPOINT_SETS[kind].root,
        identity=sample.identity, **sample.tags)


def coco_file(kind, domain, size, annotations):
    """A COCO keypoint file's content.

    Args:
        kind (str): ``'people'`` or ``'hands'``.
        domain (str): ``'source'`` or ``'target'``.
        size (int): Image size in pixels.
        annotations (list[dict]): From :func:`annotation`.

    Returns:
        dict: Ready for :func:`json.dump`; image names are relative to the split's folder.
    """
    joints = KEYPOINT_SETS[kind]
    return dict(
        info=dict(description=f'udapose embedded data set: {kind}, {domain} domain'),
        licenses=[],
        images=[dict(id=a['id'], file_name=image_name(domain, a['id']), width=size, height=size)
                for a in annotations],
        annotations=annotations,
        categories=[dict(id=1, name=_CATEGORY[kind], supercategory=_CATEGORY[kind],
                         keypoints=list(joints.names),
                         skeleton=[[a + 1, b + 1] for a, b in joints.bones])])
