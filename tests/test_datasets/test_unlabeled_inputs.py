"""What else users bring to UnlabeledPoseDataset: crowds, late headers, ids, encodings."""
import json
import logging
import shutil
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS
from test_unlabeled import DETECTIONS, build, names, write_json
from test_unlabeled import folder as folder  # a fixture
from tiny_data import WHOLE, make_metainfo

from udapose.datasets.image_headers import find_images, listed_path
from udapose.datasets.json_files import load_json
from udapose.datasets.text_files import read_lines
from udapose.engine.style_bank import StyleBank

MARKED = ['utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be', 'utf-32']


@pytest.fixture
def infos(monkeypatch):
    seen = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'info', seen.append)
    return seen


@pytest.mark.parametrize('key', ['bbox_file', 'ann_file'])
def test_a_crowd_is_not_a_person(key, folder, tmp_path, infos):
    coco = dict(images=[dict(id=7, file_name='d.jpg'), dict(id=3, file_name='a.jpg')], annotations=[
        dict(id=1, image_id=3, bbox=[1, 2, 10, 20], iscrowd=0),
        dict(id=2, image_id=3, bbox=[1, 2, 80, 60], iscrowd=1),
        dict(id=3, image_id=7, bbox=[1, 2, 80, 60], iscrowd=1)])
    dataset = build(folder, **{key: write_json(tmp_path / 'coco.json', coco)})
    assert names(dataset, folder) == ['a.jpg']
    assert dataset.get_data_info(0)['bbox'].tolist() == [[1, 2, 11, 22]]
    assert any('coco.json: left out 2 boxes crowds (iscrowd)' in text for text in infos)
    coco['annotations'] = coco['annotations'][1:]
    with pytest.raises(ValueError, match='has no boxes .* that are not crowds'):
        build(folder, **{key: write_json(tmp_path / 'coco.json', coco)})


def test_what_is_left_out_is_counted(folder, tmp_path, infos):
    path = write_json(tmp_path / 'boxes.json', DETECTIONS)
    build(folder, bbox_file=path, bbox_thr=0.6, category_ids=[1])
    assert any('left out 1 boxes of other categories' in text for text in infos)
    assert any('left out 1 boxes with a score below 0.6' in text for text in infos)


def test_boxes_are_clipped_when_the_header_is_read_late(folder, tmp_path):
    path = write_json(tmp_path / 'boxes.json', DETECTIONS[:3])
    early, late = (build(folder, bbox_file=path, verify=v) for v in ('header', 'none'))
    assert len(early) == len(late) == 3
    for i in range(3):
        assert early.get_data_info(i)['bbox'].tolist() == late.get_data_info(i)['bbox'].tolist()
    assert late.get_data_info(1)['bbox'].tolist() == [[0, 50, 25, 72]]


def test_a_box_outside_of_its_image_is_named_when_the_header_is_read_late(folder, tmp_path):
    path = write_json(tmp_path / 'boxes.json', DETECTIONS)
    late = build(folder, bbox_file=path, verify='none')
    with pytest.raises(ValueError, match=r"box \[200.*\] of .*d\.jpg \(.*\) lies outside of it.*"
                                         r"boxes\.json, or set verify='header'"):
        late.get_data_info(3)


def test_ids_may_be_text_in_one_file_and_numbers_in_the_other(folder, tmp_path):
    images = [dict(id='first', file_name='d.jpg'), dict(id=3, file_name='a.jpg')]
    coco = dict(images=images, annotations=[
        dict(id='x', image_id='first', bbox=[1, 2, 10, 20], category_id='2'),
        dict(id='y', image_id='3', bbox=[5, 2, 10, 20], category_id=2),
        dict(id='z', image_id=3.0, bbox=[6, 2, 10, 20], category_id=2.0)])
    dataset = build(folder, ann_file=write_json(tmp_path / 'coco.json', coco), category_ids=[2])
    assert names(dataset, folder) == ['d.jpg', 'a.jpg', 'a.jpg']


def test_two_images_with_one_id(folder, tmp_path):
    """The boxes of one were given to the other."""
    images = [dict(id=3, file_name='d.jpg'), dict(id=3, file_name='a.jpg')]
    with pytest.raises(ValueError, match=r'd\.jpg and a\.jpg have the same id 3'):
        build(folder, ann_file=write_json(tmp_path / 'coco.json', dict(images=images)))


def test_paths_may_be_objects(folder, tmp_path):
    (tmp_path / 'list.txt').write_text('a.jpg\n')
    path = write_json(tmp_path / 'boxes.json', DETECTIONS)
    dataset = DATASETS.build(dict(
        type='UnlabeledPoseDataset', metainfo=make_metainfo(), data_root=folder,
        ann_file=tmp_path / 'list.txt', bbox_file=Path(path)))
    assert names(dataset, folder) == ['a.jpg', 'a.jpg']
    pairs = DATASETS.build(dict(type='StyleTransferDataset', content=folder, style=folder, size=8))
    assert len(pairs) == len(StyleBank(folder, 9).items) == 5


@pytest.mark.parametrize('encoding', ['utf-8', *MARKED])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_lists_in_any_unicode_encoding(encoding, end, folder, tmp_path):
    (folder / 'a.jpg').rename(folder / 'Zoë.jpg')
    path = tmp_path / 'list.txt'
    path.write_bytes(end.join(['b/10.jpg', '# Größe', '', 'Zoë.jpg', '']).encode(encoding))
    try:
        dataset = build(folder, ann_file=str(path), on_unreadable='skip')
        assert names(dataset, folder) == ['b/10.jpg', 'Zoë.jpg']
        pairs = DATASETS.build(dict(type='StyleTransferDataset', content=str(folder),
                                    style=[str(folder / 'd.jpg')], size=8))
        assert len(pairs) == 5
        (folder / 'pairs.txt').write_bytes(path.read_bytes())
        listed = DATASETS.build(dict(type='StyleTransferDataset', content=str(
            folder / 'pairs.txt'), style=[str(folder / 'd.jpg')], size=8))
        assert [p.rsplit('/', 1)[1] for p in listed.paths['content']] == ['10.jpg', 'Zoë.jpg']
    finally:
        (folder / 'pairs.txt').unlink(missing_ok=True)
        (folder / 'Zoë.jpg').rename(folder / 'a.jpg')


@pytest.mark.parametrize('encoding', ['utf-8', *MARKED])
def test_json_in_any_unicode_encoding(encoding, tmp_path):
    path = tmp_path / 'a.json'
    path.write_bytes(json.dumps({'Zoë': ['日本']}, ensure_ascii=False).encode(encoding))
    assert load_json(str(path)) == {'Zoë': ['日本']}


@pytest.mark.parametrize('read', [
    lambda folder, path: build(folder, ann_file=path),
    lambda folder, path: build(folder, bbox_file=path[:-3] + 'json'),
    lambda folder, path: DATASETS.build(dict(
        type='StyleTransferDataset', content=path, style=str(folder), size=8))])
def test_other_encodings_are_refused_with_the_line(read, folder, tmp_path):
    """Which one of them it is nobody can tell, and a wrong guess names other files."""
    for name in ('list.txt', 'list.json'):
        (tmp_path / name).write_bytes('[\n"a.jpg",\n"Zo\u00eb.jpg"]'.encode('latin-1'))
    with pytest.raises(ValueError, match=r'list\.(txt|json) is no text in UTF-8.*: byte 0xeb in '
                                         'line 3.*iconv -f WINDOWS-1252 -t UTF-8'):
        read(folder, str(tmp_path / 'list.txt'))


def test_characters_that_end_no_line(tmp_path):
    """str.splitlines would break these names."""
    (tmp_path / 'list.txt').write_bytes('a\u2028b.jpg\nc\x1cd.jpg\n'.encode())
    assert read_lines(str(tmp_path / 'list.txt')) == ['a\u2028b.jpg', 'c\x1cd.jpg']


def test_the_whole_pipeline_of_a_late_header(folder, tmp_path):
    path = write_json(tmp_path / 'boxes.json', DETECTIONS[:3])
    dataset = build(folder, bbox_file=path, verify='none', pipeline=WHOLE[:1])
    assert dataset[1]['bbox'].tolist() == [[0, 50, 25, 72]]


@pytest.mark.parametrize('score', [None, float('nan'), 'high'])
def test_a_score_that_is_no_number(score, folder, tmp_path):
    """NaN passed every threshold; null was a bare TypeError."""
    path = write_json(tmp_path / 'boxes.json', [dict(DETECTIONS[0], score=score)])
    with pytest.raises(ValueError, match=r'boxes\.json: entry 0 has score .*number in \[0, 1\]'):
        build(folder, bbox_file=path, bbox_thr=0.5)


def test_a_null_name_is_no_name(folder, tmp_path):
    coco = dict(images=[dict(id=3, file_name='a.jpg')])
    boxes = [dict(file_name=None, image_id=3, bbox=[1, 2, 10, 20])]
    path = write_json(tmp_path / 'boxes.json', boxes)
    dataset = build(folder, ann_file=write_json(tmp_path / 'coco.json', coco), bbox_file=path)
    assert names(dataset, folder) == ['a.jpg']
    del boxes[0]['image_id']
    with pytest.raises(ValueError, match='entry 0 has image_id None, for which no file name'):
        build(folder, bbox_file=write_json(tmp_path / 'boxes.json', boxes))


def test_two_images_with_one_id_of_two_types(folder, tmp_path):
    images = [dict(id=3, file_name='d.jpg'), dict(id='3', file_name='a.jpg')]
    with pytest.raises(ValueError, match=r"d\.jpg and a\.jpg have the same id '3'"):
        build(folder, ann_file=write_json(tmp_path / 'coco.json', dict(images=images)))


def test_one_suffix_and_one_category(folder, tmp_path):
    """The letters of '.png' were suffixes: files that end with 'g', as 'a.jpg', were found."""
    with pytest.raises(FileNotFoundError, match=r'searched recursively for \.png;'):
        build(folder, suffixes='.png')
    assert len(build(folder, suffixes='.jpeg')) == len(find_images(str(folder), '.jpeg')) == 1
    path = write_json(tmp_path / 'boxes.json', [dict(DETECTIONS[0], category_id=n) for n in (1, 2)])
    assert len(build(folder, bbox_file=path, category_ids=2)) == 1


def test_other_names_of_the_same_images(folder, tmp_path):
    """Of Windows, of `find`, and whole paths; with on_unreadable='skip' they were left out."""
    (tmp_path / 'list.txt').write_text('b\\10.jpg\nb\\c\\1.jpeg\nnowhere\\1.jpg\n')
    dataset = build(folder, ann_file=str(tmp_path / 'list.txt'), on_unreadable='skip')
    assert [info['img_path'] for info in map(dataset.get_data_info, range(len(dataset)))] == [
        f'{folder}/b/10.jpg', f'{folder}/b/c/1.jpeg']
    spelled = ['b\\10.jpg', './a.jpg', f'{folder}/d.jpg', 'a.jpg']
    path = write_json(tmp_path / 'boxes.json', [
        dict(file_name=name, bbox=[1, 2, 10, 20 + i]) for i, name in enumerate(spelled)])
    dataset = build(folder, bbox_file=path)
    assert names(dataset, folder) == ['a.jpg', 'a.jpg', 'b/10.jpg', 'd.jpg']
    assert [i['bbox'][0, 3] for i in map(dataset.get_data_info, range(4))] == [23, 25, 22, 24]


def test_a_backslash_may_belong_to_a_name(tmp_path):
    (tmp_path / 'a').mkdir()
    for name in ('a\\b.jpg', 'a/b.jpg'):
        (tmp_path / name).touch()
    assert listed_path(str(tmp_path), 'a\\b.jpg') == f'{tmp_path}/a\\b.jpg'


def test_pictures_of_another_kind_are_counted(folder, tmp_path, monkeypatch):
    said = []

    def log(level, text):
        if level == logging.WARNING:
            said.append(text)
    monkeypatch.setattr(MMLogger.get_current_instance(), 'log', log)
    mine = tmp_path / 'mine'
    shutil.copytree(folder, mine)
    before = len(build(mine))
    assert said == []
    for name in ('1.HEIC', '2.heic', 'deep/3.gif', 'deep/._4.heic', 'notes.txt'):
        (mine / name).parent.mkdir(exist_ok=True)
        (mine / name).write_bytes(b'x')
    assert len(build(mine)) == before
    assert said == [f'{mine}: 3 files are left out, as their kind is not read (1 .gif, 2 .heic): '
                    'convert them to JPEG or PNG']
