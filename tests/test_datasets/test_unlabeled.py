"""Folders, lists, boxes, and what is said about bad ones."""
import json
import os

import cv2
import mmcv
import numpy as np
import pytest
from mmpose.registry import DATASETS
from PIL import Image
from tiny_data import WHOLE, make_metainfo

ORDER = ['a.jpg', 'b/10.jpg', 'b/2.JPG', 'b/c/1.jpeg', 'd.jpg']


def build(root, **kwargs):
    return DATASETS.build(dict(type='UnlabeledPoseDataset', metainfo=make_metainfo(),
                               data_root=str(root), **kwargs))


def names(dataset, root):
    return [os.path.relpath(dataset.get_data_info(i)['img_path'], root)
            for i in range(len(dataset))]


def write_json(path, content):
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def folder(tiny):
    return tiny.root / 'target'


@pytest.mark.parametrize('verify', ['header', 'none'])
def test_folder(folder, verify):
    dataset = build(folder, verify=verify)
    assert names(dataset, folder) == ORDER
    info = dataset.get_data_info(1)
    assert info['bbox'].tolist() == [[0, 0, 96, 72]] and info['bbox'].dtype == np.float32
    assert info['bbox_score'].tolist() == [1] and info['id'] == info['img_id'] == 1
    assert info['flip_indices'] == [0, 2, 1, 4, 3, 5]
    assert {'flip_pairs', 'upper_body_ids', 'lower_body_ids', 'dataset_name'} <= info.keys()
    assert 'keypoints' not in info
    assert len(build(folder.parent, data_prefix=dict(img='target/b'), verify=verify)) == 3
    assert len(build(folder, indices=2)) == 2


def test_links_are_followed_once(folder, tmp_path):
    (tmp_path / 'linked').symlink_to(folder)
    (tmp_path / 'circle').symlink_to(tmp_path)
    assert len(build(tmp_path)) == 5


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'webp', 'tif'])
@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_sizes_are_those_that_the_decoder_delivers(tmp_path, suffix, orientation):
    """OpenCV turns JPEG and PNG, not WebP; what Pillow's header says differs, too."""
    from udapose.datasets.image_headers import read_image_size
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f'photo.{suffix}'
    Image.new('RGB', (40, 20)).save(path, exif=exif)
    height, width = mmcv.imfrombytes(path.read_bytes()).shape[:2]
    assert read_image_size(str(path)) == (width, height)


@pytest.mark.parametrize('mode', ['F', 'I'])
def test_a_tiff_that_the_decoder_does_not_read_is_refused_from_its_header(tmp_path, mode):
    from udapose.datasets.image_headers import read_image_size
    path = tmp_path / 'depth.tiff'
    Image.new(mode, (40, 20)).save(path)
    assert mmcv.imfrombytes(path.read_bytes()) is None
    with pytest.raises(OSError, match='32-bit samples.*convert it to 8 bits'):
        read_image_size(str(path))


@pytest.mark.parametrize('verify', ['header', 'none'])
def test_exif_orientation_exchanges_the_sides(tmp_path, verify):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (40, 20)).save(tmp_path / 'phone.jpg', exif=exif)
    dataset = build(tmp_path, verify=verify, pipeline=WHOLE[:1])
    assert dataset.get_data_info(0)['bbox'].tolist() == [[0, 0, 20, 40]]
    assert dataset[0]['img_shape'] == (40, 20)


def test_list(folder, tmp_path):
    (tmp_path / 'list.txt').write_text(f'# chosen\nd.jpg\n\n{folder}/a.jpg\nd.jpg\n')
    dataset = build(folder, ann_file=str(tmp_path / 'list.txt'))
    assert names(dataset, folder) == ['d.jpg', 'a.jpg']


DETECTIONS = [dict(file_name='a.jpg', bbox=[10, 20, 30, 40], score=0.9, category_id=1),
              dict(file_name='a.jpg', bbox=[-5, 50, 30, 40], score=0.5, category_id=1),
              dict(file_name='b/2.JPG', bbox=[1, 2, 3, 4], score=0.2, category_id=3),
              dict(file_name='d.jpg', bbox=[200, 2, 3, 4], score=0.9, category_id=1)]


def test_detections(folder, tmp_path):
    path = write_json(tmp_path / 'boxes.json', DETECTIONS)
    dataset = build(folder, bbox_file=path)  # the box outside of d.jpg is left out
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert names(dataset, folder) == ['a.jpg', 'a.jpg', 'b/2.JPG']
    assert infos[0]['bbox'].tolist() == [[10, 20, 40, 60]]
    assert infos[1]['bbox'].tolist() == [[0, 50, 25, 72]]  # clipped to the image
    assert [i['id'] for i in infos] == [0, 1, 2] and [i['img_id'] for i in infos] == [0, 0, 2]
    np.testing.assert_allclose([i['bbox_score'][0] for i in infos], [0.9, 0.5, 0.2])
    assert len(build(folder, bbox_file=path, bbox_thr=0.4)) == 2
    assert len(build(folder, bbox_file=path, category_ids=[3])) == 1
    whole = build(folder, bbox_file=path, images_without_box='whole')
    assert names(whole, folder) == ['a.jpg', 'a.jpg', 'b/10.jpg', 'b/2.JPG', 'b/c/1.jpeg']
    assert whole.get_data_info(2)['bbox'].tolist() == [[0, 0, 96, 72]]


def test_coco_files(folder, tmp_path):
    coco = dict(images=[dict(id=7, file_name='d.jpg'), dict(id=3, file_name='a.jpg')],
                annotations=[dict(id=1, image_id=3, bbox=[1, 2, 10, 20])])
    path = write_json(tmp_path / 'coco.json', coco)
    assert names(build(folder, ann_file=path), folder) == ['a.jpg']
    assert names(build(folder, bbox_file=path), folder) == ['a.jpg']
    listed = write_json(tmp_path / 'images.json', dict(images=coco['images']))
    assert names(build(folder, ann_file=listed), folder) == ['d.jpg', 'a.jpg']
    by_id = write_json(tmp_path / 'ids.json', [dict(image_id=7, bbox=[1, 2, 10, 20], score=1)])
    dataset = build(folder, ann_file=listed, bbox_file=by_id)
    assert names(dataset, folder) == ['d.jpg']
    with pytest.raises(ValueError, match='image_id 7, for which no file name is known: give'):
        build(folder, bbox_file=by_id)


def test_missing_and_empty_folders(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r'gone.*does not exist: point data_root.*'
                       r'train_dataloader.dataset.target.data_root=FOLDER'):
        build(tmp_path / 'gone')
    (tmp_path / 'notes.md').touch()
    with pytest.raises(FileNotFoundError, match=r'no images in .*\.jpg, \.jpeg, .*1 other files.*'
                       r'target.data_root=FOLDER'):
        build(tmp_path)
    with pytest.raises(FileNotFoundError, match='is not a folder'):
        build(tmp_path / 'notes.md')
    with pytest.raises(FileNotFoundError, match='ann_file=.*none.txt does not exist'):
        build(folder, ann_file='none.txt')
    (tmp_path / 'list.txt').write_text('# nothing\n')
    with pytest.raises(FileNotFoundError, match='list.txt lists no images'):
        build(folder, ann_file=str(tmp_path / 'list.txt'))


@pytest.fixture
def damaged(tmp_path):
    for i in range(9):
        path = tmp_path / f'{i}.png'
        cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
        if i % 4:
            path.write_bytes(b'nonsense')
    (tmp_path / 'empty.jpg').touch()
    return tmp_path


def test_unreadable_images_are_an_error(damaged):
    with pytest.raises(OSError, match=r"^7 of 10 images cannot be read: .*1\.png \(.*\); .*2\.png "
                       r".*; \.\.\.\. Replace or remove them, or set on_unreadable='skip'") as info:
        build(damaged)
    assert '0.png' not in str(info.value) and 'empty.jpg' not in str(info.value)  # the first five


def test_unreadable_images_can_be_skipped(damaged, monkeypatch):
    warnings = []
    monkeypatch.setattr('mmengine.logging.MMLogger.warning', lambda self, m: warnings.append(m))
    assert names(build(damaged, on_unreadable='skip'), damaged) == ['0.png', '4.png', '8.png']
    assert len(warnings) == 1 and warnings[0].startswith('Left out: 7 of 10 images')
    for name in ('0.png', '4.png', '8.png'):
        (damaged / name).write_bytes(b'nonsense')
    with pytest.raises(OSError, match='10 of 10 images'):
        build(damaged, on_unreadable='skip')


def test_listed_but_missing_image(folder, tmp_path):
    (tmp_path / 'list.txt').write_text('a.jpg\ngone.jpg\n')
    with pytest.raises(OSError, match=r'1 of 2 images cannot be read: .*gone.jpg \(no such file\)'):
        build(folder, ann_file=str(tmp_path / 'list.txt'))


def test_later_failures_name_the_file(tmp_path, folder):
    (tmp_path / 'bad.jpg').write_bytes(b'nonsense')
    with pytest.raises(OSError, match='cannot read the image .*bad.jpg'):
        build(tmp_path, verify='none')[0]
    data = (folder / 'a.jpg').read_bytes()
    (tmp_path / 'bad.jpg').write_bytes(data[:-400])  # the header is fine
    with pytest.raises(OSError, match='cannot decode image .*bad.jpg'):
        build(tmp_path, pipeline=WHOLE)[0]


@pytest.mark.parametrize('content, message', [
    ('{not json', 'is no JSON file .*expected a list of detections'),
    ('"text"', 'holds a str: expected a list of detections'),
    ('{"images": []}', 'has no "annotations": expected'),
    ('[{"bbox": [1, 2, 3, 4]}]', 'entry 0 has neither "image_id" nor "file_name"'),
    ('[{"file_name": "a.jpg", "bbox": [1, 2, 3]}]', r'entry 0 has bbox \[1, 2, 3\]: expected four'),
    ('[{"file_name": "a.jpg"}]', 'entry 0 has bbox None'),
    ('[{"file_name": "a.jpg", "bbox": [1, 2, NaN, 3]}]', 'not finite'),
    ('[]', 'has no boxes with score >= bbox_thr=0'),
    ('[{"file_name": "x/a.jpg", "bbox": [1, 2, 3, 4]}]',
     r'none of the 1 images with boxes .*"x/a.jpg", but the images are called like "a.jpg"'),
    ('[{"file_name": "a.jpg", "bbox": [500, 2, 3, 4]}]', 'nothing remains'),
])
def test_bad_box_files(folder, tmp_path, content, message):
    (tmp_path / 'boxes.json').write_text(content)
    with pytest.raises(ValueError, match=message) as info:
        build(folder, bbox_file=str(tmp_path / 'boxes.json'))
    assert 'boxes.json' in str(info.value)


def test_missing_box_file_and_bad_arguments(folder):
    with pytest.raises(FileNotFoundError, match='bbox_file=.*none.json does not exist'):
        build(folder, bbox_file='none.json')
    for key in ('verify', 'on_unreadable', 'images_without_box'):
        with pytest.raises(ValueError, match=f"{key}='x' is not one of"):
            build(folder, **{key: 'x'})
    with pytest.raises(ValueError, match=r"data_root=\['my', 'photos/'\] is no path .*commas"):
        DATASETS.build(dict(type='UnlabeledPoseDataset', metainfo=make_metainfo(),
                            data_root=['my', 'photos/']))
    with pytest.raises(ValueError, match='needs metainfo'):
        DATASETS.build(dict(type='UnlabeledPoseDataset', data_root=str(folder)))


def test_progress_is_logged(folder, monkeypatch):
    from udapose.datasets import image_headers
    messages = []
    monkeypatch.setattr(image_headers, '_SECONDS_BETWEEN_PROGRESS', -1)
    monkeypatch.setattr('mmengine.logging.MMLogger.info', lambda self, m: messages.append(m))
    build(folder)
    assert 'Checked the headers of 3 of 5 images' in messages
