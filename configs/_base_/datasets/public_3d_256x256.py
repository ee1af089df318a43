"""What the public 3D recipes share: 256x256 crops, augmentation: our choice (docs/recipes.md)."""
input_size = (256, 256)

load_crop = [
    dict(type='LoadPoseImage'),
    dict(type='GetBBoxCenterScale', padding=1.0)]
# images without a mask keep their background, and all of their pixels weigh the same
load_mask = dict(type='LoadForegroundMask', missing='ignore')
load_with_mask = [
    dict(type='LoadPoseImage'),
    load_mask,
    dict(type='SegmentationGuidedAugmentation', mask_loader=load_mask),
    dict(type='GetBBoxCenterScale', padding=1.0)]

warp = dict(type='RecordedTopdownAffine', input_size=input_size)
colours = dict(type='ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4)
boxes = dict(type='QuickRandomBBoxTransform', shift_factor=0.05, shift_prob=1.0,
             scale_factor=(0.8, 1.25), rotate_factor=45, rotate_prob=1.0)
body_view = [dict(type='RandomFlip', direction='horizontal'), boxes, warp, colours]
# all hands are left hands: no flips
hand_view = [dict(type='RandomFlip', direction='horizontal', prob=0.),
             dict(boxes, rotate_factor=180), warp, colours]
test_view = [*load_crop, warp, dict(type='PackPose3DInputs')]
