"""As coco_to_folder_256x192.py, for the 17 joints of AP-10K's animals."""
_base_ = ['coco_to_folder_256x192.py']

adapt_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', rotate_factor=45, scale_factor=(0.75, 1.25)),
    dict(type='RecordedTopdownAffine', input_size=(256, 256)),
    dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
adapt_source = dict(
    type='AP10KDataset', data_root='data/ap10k/', ann_file='annotations/ap10k-train-split1.json',
    data_prefix=dict(img='data/'))
adapt_target = dict(metainfo=dict(from_file='configs/_base_/datasets/ap10k.py'))
