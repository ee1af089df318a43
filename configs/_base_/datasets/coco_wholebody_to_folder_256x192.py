"""As coco_to_folder_256x192.py, with the 133 joints of COCO-WholeBody."""
_base_ = ['coco_to_folder_256x192.py']

adapt_source = dict(
    type='CocoWholeBodyDataset', ann_file='annotations/coco_wholebody_train_v1.0.json')
adapt_val = dict(type='CocoWholeBodyDataset', ann_file='annotations/coco_wholebody_val_v1.0.json')
adapt_target = dict(metainfo=dict(from_file='configs/_base_/datasets/coco_wholebody.py'))
