"""The foreground's augmentation behind a flip or a crop."""
import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

RED = (0, 0, 255)
FLIP = dict(type='RandomFlip', direction='horizontal', prob=1.)


def make():
    return TRANSFORMS.build(dict(
        type='SegmentationGuidedAugmentation', prob=1., sources=dict(noise=1.), feather=(0, 0),
        foreground_jitter=None, background_jitter=None))


def sample():
    """Red on the left, which the mask covers, black on the right."""
    img = np.zeros((48, 48, 3), np.uint8)
    img[:, :20] = RED
    return dict(img=img, foreground_mask=np.uint8(img[..., 2] > 0) * np.uint8(255),
                img_path='7.png', img_shape=(48, 48), flip_indices=[0],
                bbox=np.array([[0, 0, 48, 48]], np.float32),
                bbox_center=np.array([[24, 24]], np.float32),
                bbox_scale=np.array([[48, 48]], np.float32))


@pytest.mark.parametrize('moves', [FLIP, dict(type='WholeImageAffine', prob=1.)])
@pytest.mark.parametrize('cropped', [False, True])
def test_behind_a_flip_or_warp_of_the_image_alone(moves, cropped):
    """The mask is not flipped before the crop: refused there, right behind it."""
    np.random.seed(0)
    results, step = TRANSFORMS.build(moves)(sample()), make()
    if not cropped:
        with pytest.raises(ValueError, match=r'7\.png was flipped or warped.*before RandomFlip'):
            step(results)
        del results['foreground_mask']
        assert step(results) is results  # nothing to cut out
        return
    results = TRANSFORMS.build(dict(type='RecordedTopdownAffine', input_size=(48, 48)))(results)
    inside = cv2.erode(results['foreground_mask'], np.ones((5, 5), np.uint8)) > 0
    assert inside.sum() > 100 and (results['img'][inside] == RED).all()
    assert (step(results)['img'][inside] == RED).all()


def test_behind_a_flip_that_did_not_happen():
    results = TRANSFORMS.build(dict(FLIP, prob=0.))(sample())
    assert results['flip'] is False
    out = make()(results)['img']
    assert (out[:, :18] == RED).all() and (out[:, 20:].std((0, 1)) > 0).all()
