"""COCO keypoint files as MMPose's data sets read them, in any Unicode encoding and with any ids."""
from __future__ import annotations

from collections.abc import Iterator

from mmengine.fileio import exists, get_local_path

from .box_files import id_key
from .json_files import load_json

_FORM = 'a COCO file {"images": [..], "annotations": [..], "categories": [..]}'


def load_coco(path: str) -> dict:
    """Content of a COCO file.

    Args:
        path (str): The file, of any of MMEngine's file back ends.

    Raises:
        FileNotFoundError, ValueError: It does not exist, is no JSON, or has no lists ``images`` and
            ``annotations``.
    """
    if not exists(path):
        raise FileNotFoundError(f'ann_file={path} does not exist: name an existing file (a '
                                'relative path is taken from data_root)')
    with get_local_path(path) as local:
        content = load_json(local, 'ann_file', _FORM)
    if not isinstance(content, dict) or any(
            not isinstance(content.get(key), list) for key in ('images', 'annotations')):
        raise ValueError(f'ann_file={path} has no lists "images" and "annotations": expected '
                         f'{_FORM}')
    return content


def why_mmpose_fails(path: str) -> str:
    """What keeps MMPose's own COCO data sets from reading a file that :func:`load_coco` reads.

    Returns:
        str: A sentence with the remedy, or ``''`` if nothing is known to.
    """
    try:
        content = load_coco(path)
        list(annotated_images(content, path))
    except (OSError, ValueError) as error:
        return str(error)
    with get_local_path(path) as local, open(local, 'rb') as file:
        start = file.read(4)
    if start[:1] not in b'{[ \t\r\n' or 0 in start:
        return (f'ann_file={path} is in UTF-16 or begins with a byte order mark, which MMPose\'s '
                'data sets do not read: save it as UTF-8 without a mark')
    odd = [image['id'] for image in content['images'] if not isinstance(image['id'], int)]
    if odd:
        return (f'ann_file={path}: {len(odd)} images have ids that are no whole numbers, for '
                f'example {odd[0]!r}, which MMPose\'s data sets do not take: number the images, '
                'and image_id of the annotations with them')
    return ''


def annotated_images(content: dict, path: str) -> Iterator[tuple[dict, list[dict]]]:
    """Every image with its annotations, in the file's order.

    Ids may be numbers or text. An ``image_id`` that is written otherwise than the image's ``id``
    ("7", 7.0 and 7) is found, too.

    Args:
        content (dict): From :func:`load_coco`.
        path (str): For messages.

    Raises:
        ValueError: An image without ``id``, ``file_name``, ``width`` or ``height``, or with the id
            of another; an annotation without ``id``, or of an image that is not listed.
    """
    images: dict[str, tuple[dict, list[dict]]] = {}
    for i, image in enumerate(content['images']):
        lacking = [key for key in ('id', 'file_name', 'width', 'height')
                   if not isinstance(image, dict) or image.get(key) is None]
        if lacking:
            raise ValueError(f'{path}: image {i} has no {", ".join(lacking)}')
        if not isinstance(image['file_name'], str):
            raise ValueError(f'{path}: image {i} has file_name {image["file_name"]!r}, no text')
        if id_key(image['id']) in images:
            raise ValueError(f'{path}: two images have the id {image["id"]!r}: number them anew')
        images[id_key(image['id'])] = image, []
    for i, ann in enumerate(content['annotations']):
        if not isinstance(ann, dict) or ann.get('id') is None:
            raise ValueError(f'{path}: annotation {i} has no id')
        owner = images.get(id_key(ann.get('image_id')))
        if owner is None:
            raise ValueError(f'{path}: annotation {ann["id"]} has image_id '
                             f'{ann.get("image_id")!r}, which is not the id of any of "images"')
        owner[1].append(ann)
    yield from images.values()
