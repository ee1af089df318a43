r"""SyntheticAnimal -> TigDog (horse, tiger): the style network (AdaIN on VGG-19).

    udapose train \
        configs/style_transfer/adain-vgg19_synthetic-animal-to-tigdog_256x256.py

Needs checkpoints/vgg_normalised.pth (docs/style_transfer.md says where from).
Data (docs/data_animals.md): data/animal_data/{synthetic_animal,behaviorDiscovery2.0}/.
"""
_base_ = ['./adain-vgg19_folders_256x256.py']

# as published (docs/style_transfer.md)
model = dict(
    style_weight=0.1,
    input=dict(mean=[0.3999, 0.3909, 0.3871], std=[1., 1., 1.]))
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='StyleTransferDataset', size=256, resize=(256, 512),
        content=dict(
            type='SyntheticAnimalDataset', data_root='data/animal_data/',
    species=('horse', 'tiger'),
            split='train', labels=False),
        style=dict(
            type='TigDogDataset', data_root='data/animal_data/',
            split='train', labels=False)))
