"""As coco_to_folder_256x192.py, for the 21 joints of a hand: a box is one hand."""
_base_ = ['coco_to_folder_256x192.py']

adapt_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', rotate_factor=90, scale_factor=(0.75, 1.25)),
    dict(type='RecordedTopdownAffine', input_size=(256, 256)),
    dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
adapt_source = dict(
    type='CocoWholeBodyHandDataset', ann_file='annotations/coco_wholebody_train_v1.0.json')
adapt_val = dict(
    type='CocoWholeBodyHandDataset', ann_file='annotations/coco_wholebody_val_v1.0.json')
adapt_target = dict(metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody_hand.py'))
