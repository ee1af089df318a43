"""A CPU-sized ViT with a 3D head for 96x96 input: 6 layers of width 192, 144 patches of 8 pixels, a
heatmap and a depth map for each joint. A config sets `head.num_keypoints` and `head.decoder` (the
codec), whose maps have a quarter of the input's side."""
_base_ = ['./pose3d_vit-tiny.py']
model = dict(
    backbone=dict(img_size=96),
    head=dict(
        _delete_=True,
        type='DepthMapHeatmapHead',
        in_channels=192,
        deconv_out_channels=(128, ),
        deconv_kernel_sizes=(4, ),
        heatmap_loss=dict(type='GaussianHeatmapKLLoss', sigma=1., loss_weight=1.)))
