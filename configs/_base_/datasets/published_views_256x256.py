"""What the published 2D benchmarks share: 256x256 crops, heatmaps, augmentation (docs/recipes.md).

Bodies and hands: a random square, then rotation, shear, scale, shift and colours; no flips. The
two views of a target image share the square, which is the frame where they are compared. The
published code warps with nearest-neighbour sampling and draws uniformly; here MMPose's transforms
warp once, bilinearly, and draw from truncated normal distributions of the same range.

`protocol='clean'` of the data sets repairs the published protocol's leaks. Validation is on the
target's test set as in the literature: a checkpoint chosen by it is an oracle's choice.

A pair of data sets gets its pipelines from published_{bodies,hands,animals}_256x256.py, the rest
from here, key by key, and says itself which data sets it has.
"""
input_size = (256, 256)
codec = dict(type='MSRAHeatmap', input_size=input_size, heatmap_size=(64, 64), sigma=2)
animal_codec = dict(codec, sigma=1)

load_crop = [
    dict(type='LoadPoseImage'),
    dict(type='GetBBoxCenterScale', padding=1.0)]

warp = dict(type='RecordedTopdownAffine', input_size=input_size, shear=30.)
colours = dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)
boxes = dict(type='QuickRandomBBoxTransform', shift_factor=0.05, shift_prob=1.0,
             # the published 0.6 to 1.3 magnifies the image, MMPose's factor the box
             scale_factor=(1 / 1.3, 1 / 0.6), rotate_factor=60, rotate_prob=1.0)
# `RandomFlip` at probability 0 records that nothing was flipped
no_flip = dict(type='RandomFlip', direction='horizontal', prob=0.)
hand_boxes = dict(boxes, rotate_factor=180)
square = dict(type='RandomSquareCrop')
body_source_view = [*load_crop, no_flip, square, boxes, warp, colours]
hand_source_view = [*load_crop, no_flip, square, hand_boxes, warp, colours]
# of the target: what comes before the fork is drawn once
load_square = [*load_crop, square]
body_view = [no_flip, boxes, warp, colours]
hand_view = [no_flip, hand_boxes, warp, colours]
# animals: the target's views without colours; the source's changes come before the crop
animal_view = [no_flip, boxes, warp]
animal_source_view = [
    dict(type='LoadPoseImage'),
    dict(type='AnimalSourceAugmentation'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RecordedTopdownAffine', input_size=input_size)]

test_view = [*load_crop, dict(type='TopdownAffine', input_size=input_size),
             dict(type='PackPoseInputs')]
animal_test_view = [*test_view[:-1], dict(type='PackPoseInputs', meta_keys=(
    'id', 'img_id', 'img_path', 'category_id', 'species', 'ori_shape', 'img_shape', 'input_size',
    'input_center', 'input_scale', 'flip', 'flip_direction', 'flip_indices', 'dataset_name'))]

source_train = dict(split='train')
labeled_source_train = dict(split='train')
target_train = dict(split='train', labels=False)  # only the crops that the protocol derives
labeled_target_train = dict(split='train', labels=True)  # for the oracle only
target_test = dict(split='test', labels=True, test_mode=True)

val_dataloader = dict(
    batch_size=32, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=target_test)
test_dataloader = val_dataloader
val_evaluator = dict(type='GroupedPCK', mode='published', thresholds=[0.05], prefix='target')
test_evaluator = val_evaluator
val_cfg = dict(type='TeacherStudentValLoop')
test_cfg = dict(type='TeacherStudentTestLoop')
