"""The CPU-sized ViT of the embedded 3D configs at 96x96 (144 patches of 8 pixels) with one
deconvolution: heatmaps of a quarter of the input's side. A config sets `head.out_channels`,
`head.decoder` (the codec) and, for a pre-trained encoder, `backbone.init_cfg`."""
_base_ = ['./td-hm_vit-tiny.py']
model = dict(
    backbone=dict(img_size=96),
    head=dict(deconv_out_channels=(128, ), deconv_kernel_sizes=(4, )))
