"""Cached styles: which images, encoded how often, drawn how."""
import cv2
import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from test_adain_style_hook import _Paint  # noqa: F401  (registers it)

from udapose.engine.style_bank import StyleBank


def test_the_bank_is_spread_evenly_and_needs_no_random_state(style_folder):
    torch.manual_seed(0)
    bank = StyleBank(str(style_folder), 3)
    torch.manual_seed(5)
    assert [i['img_path'][-5:] for i in bank.items] == ['0.png', '2.png', '3.png']
    assert [i['img_path'] for i in bank.items] == [
        i['img_path'] for i in StyleBank(str(style_folder), 3).items]
    assert len(StyleBank(str(style_folder), 99).items) == 4


def test_the_bank_encodes_once_in_chunks(style_folder):
    stylizer = MODELS.build(dict(type='_Paint'))
    bank = StyleBank(str(style_folder), 9, batch_size=3)
    like = torch.zeros(1, 3, 5, 7)
    codes = bank.draw(50, stylizer, like)
    bank.draw(2, stylizer, like)
    assert [tuple(x.shape) for x in stylizer.encoded] == [(3, 3, 5, 7), (1, 3, 5, 7)]
    greens = {round(g * 255) for g in codes[:, 1].tolist()}
    assert greens == {0, 10, 20, 30} and codes.shape == (50, 3)


def test_drawing_follows_torchs_generator(style_folder):
    bank, stylizer = StyleBank(str(style_folder), 4), MODELS.build(dict(type='_Paint'))
    like, draws = torch.zeros(1, 3, 5, 7), []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(bank.draw(20, stylizer, like))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_boxes_of_a_data_set_are_cut_out(tmp_path):
    image = np.zeros((20, 20, 3), np.uint8)
    image[5:15, 10:20] = (10, 20, 30)
    cv2.imwrite(str(tmp_path / 'a.png'), image)

    class Boxes:
        def __init__(self, box):
            self.box = box

        def __len__(self):
            return 1

        def get_data_info(self, i):
            return dict(img_path=str(tmp_path / 'a.png'), bbox=np.float32([self.box]))

    code = StyleBank(Boxes([10, 5, 20, 15]), 5).draw(
        1, MODELS.build(dict(type='_Paint')), torch.zeros(1, 3, 4, 4))
    torch.testing.assert_close(code[0] * 255, torch.tensor([30., 20., 10.]))
    with pytest.raises(ValueError, match=r'the box .* of the style image .*a.png lies outside'):
        StyleBank(Boxes([30, 5, 40, 15]), 5).draw(
            1, MODELS.build(dict(type='_Paint')), torch.zeros(1, 3, 4, 4))


def test_the_box_of_a_mirrored_item_is_cut_out_of_the_mirrored_image(tmp_path):
    """As of a public set of hands, whose right hands are made left ones."""
    from udapose.datasets.public.base import mirrored
    image = np.zeros((20, 30, 3), np.uint8)
    image[5:15, 2:12] = (10, 20, 30)
    cv2.imwrite(str(tmp_path / 'hand.png'), image)
    plain = dict(img_path=str(tmp_path / 'hand.png'), bbox=np.float32([2, 5, 12, 15]),
                 keypoints=np.float32([[5, 8]]))

    class Hands:
        def __init__(self, item):
            self.item = item

        def __len__(self):
            return 1

        def get_data_info(self, i):
            return self.item

    for item in (plain, mirrored(plain, 30), mirrored(mirrored(plain, 30), 30)):
        code = StyleBank(Hands(item), 5).draw(
            1, MODELS.build(dict(type='_Paint')), torch.zeros(1, 3, 4, 4))
        torch.testing.assert_close(code[0] * 255, torch.tensor([30., 20., 10.]))
    assert mirrored(plain, 30)['bbox'].tolist() == [18, 5, 28, 15]
