"""What images become in a request."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tusk import images
from tusk.decoding import decode
from tusk.errors import BadAnswer
from tusk.options import ScoreOptions, sent
from tusk.results import Drift, Pixels, Sample, Scores
from tusk.streams import Blocks, Lines


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


GRAY = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize(
    ("kind", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", None), ("BMP", None)]
)
def test_files_are_told_by_their_first_bytes(kind: str, media: str | None, tmp_path: Path) -> None:
    data = file_of(GRAY, kind)
    path = tmp_path / "picture.any"
    path.write_bytes(data)
    for given in (data, bytearray(data), memoryview(data), path, str(path)):
        body = images.one(given)  # type: ignore[arg-type]
        assert (body.content, body.content_type) == (data, media)
    ((name, (file, content, _)),) = images.several([path]).files
    assert (name, file, content) == ("image", "picture.any", data)


def test_arrays_keep_type_and_shape() -> None:
    for array in (np.zeros((2, 3), bool), np.ones((2, 3, 1), ">u2"), np.asfortranarray(np.ones((3, 2), np.float16))):
        body = images.one(array)
        again = np.load(io.BytesIO(body.content))
        assert body.content_type == "application/x-npy"
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
        assert np.array_equal(again, array)
    assert np.load(io.BytesIO(images.several(np.zeros((4, 2, 3), np.uint8)).content)).shape == (4, 2, 3)


def test_pillow_images_are_as_they_are_shown() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = Image.open(io.BytesIO(file_of(GRAY, "PNG", exif=exif)))
    with Image.open(io.BytesIO(images.one(turned).content)) as sent_image:
        assert sent_image.size == (2, 3)
        assert not sent_image.getexif()
        assert np.array_equal(np.asarray(sent_image), np.rot90(np.asarray(GRAY), -1))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (object(), TypeError, "image: expected an array, a Pillow image, bytes or a path, not object"),
        ([[1, 2]], TypeError, "not list"),
        (None, TypeError, "not NoneType"),
        (np.array([["a"]]), TypeError, "not of <U1"),
        (np.array([[1j]]), TypeError, "not of complex128"),
        (np.zeros(3), ValueError, r"expected 2 to 3 axes, not the shape \(3,\)"),
        (np.zeros((1, 1, 1, 1)), ValueError, "axes"),
        (Image.new("CMYK", (2, 2)), ValueError, "mode CMYK"),
        ("/nowhere/picture.png", FileNotFoundError, "nowhere"),
    ],
)
def test_what_is_no_image_is_refused(image: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        images.one(image)
    with pytest.raises(error, match=message.removeprefix("image: ")):
        images.several([GRAY, image])
    with pytest.raises(error, match=message.removeprefix("image: ")):
        images.line(image, 1)


@pytest.mark.parametrize("given", ["a/path", b"bytes", Path("a"), GRAY])
def test_one_image_is_no_list(given: Any) -> None:
    with pytest.raises(TypeError, match="score takes one image"):
        images.several(given)


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="one or more"):
        images.several([])


def test_lines_hold_numbers_or_files() -> None:
    assert json.loads(images.line(np.array([[1, 2]]), 0)) == {"image": [[1, 2]]}
    assert json.loads(images.line(images.one(np.array([[True]])).content, 0)) == {"image": [[True]]}
    data = file_of(GRAY, "JPEG")
    assert base64.b64decode(json.loads(images.line(data, 0))["image"]) == data
    assert images.line(np.zeros((2, 2)), 0).count(b"\n") == 1
    with pytest.raises(ValueError, match="image 4: a number is not finite"):
        images.line(np.array([[np.nan]]), 4)
    with pytest.raises(ValueError, match="image 4: the NPY file cannot be read"):
        images.line(b"\x93NUMPY\x01\x00rest", 4)


def test_lines_are_split_at_every_place() -> None:
    data = '{"a": "\u2028"}\n\n \n{"b": 1}\n{"c'.encode()
    for cut in range(len(data) + 1):
        lines = Lines()
        assert [*lines.feed(data[:cut]), *lines.feed(data[cut:])] == ['{"a": "\u2028"}'.encode(), b'{"b": 1}']


def test_blocks_are_bounded_by_images_and_bytes() -> None:
    small, large = np.zeros((1, 1), np.uint8), np.zeros((700, 1000), np.uint8)

    def sizes(*given: Any, block: int | None = None, **options: Any) -> list[int]:
        return [stream.call().body.content.count(b"\n") for stream in Blocks(block, options, None).of(given)]  # type: ignore[union-attr]

    assert sizes(*[small] * 600) == [256, 256, 88]
    assert sizes(*[small] * 40, detail="pixels") == [32, 8]
    assert sizes(*[small] * 5, block=2) == [2, 2, 1]
    assert sizes(large, small, large, small) == [1, 2, 1]
    assert sizes() == []
    with pytest.raises(ValueError, match="block: expected 1"):
        Blocks(0, {}, None)


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        ({"class_": "cat", "posterior": True, "drift": False}, {"class": "cat", "posterior": "true", "drift": "false"}),
        ({"alarm": 0.01}, {"alarm": "0.01"}),
        ({"alarm": 1e-5}, {"alarm": "0.00001"}),
        ({"fit": None, "samples": 4}, {"samples": "4"}),
        ({"background": "#ff8000"}, {"background": "#ff8000"}),
    ],
)
def test_options_are_written_as_the_contract_has_them(options: dict[str, Any], parameters: dict[str, str]) -> None:
    assert sent(ScoreOptions, options, None) == (parameters, {})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"klass": "cat"}, TypeError, "unknown option 'klass'"),
        ({"alarm": 1 / 3}, ValueError, "alarm: expected"),
        ({"alarm": 1}, ValueError, "alarm: expected"),
        ({"alarm": "x"}, ValueError, "alarm: expected"),
        ({"time_limit": 0}, ValueError, "time_limit: expected"),
        ({"time_limit": float("inf")}, ValueError, "time_limit: expected"),
        ({"request_id": "a b"}, ValueError, "request_id: expected"),
        ({"priority": "low\r\nX: y"}, ValueError, "priority: expected"),
    ],
)
def test_options_name_what_is_wrong(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sent(ScoreOptions, options, None)


def test_results_are_equal_when_their_arrays_are() -> None:
    one, same = (Pixels("gradient", np.array([[1.0, 2.0]])) for _ in range(2))
    assert one == same
    assert one != Pixels("gradient", np.array([[1.0, 3.0]]))
    assert one != "gradient"
    with pytest.raises(TypeError):
        hash(one)
    assert Scores("m", ()) == Scores("m", ())


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("image", "%%%", "image: "),
        ("image", base64.b64encode(b"no PNG").decode(), "image: cannot identify"),
        ("image", base64.b64encode(file_of(GRAY, "GIF")).decode(), "image: cannot identify"),
        ("image", base64.b64encode(file_of(GRAY, "PNG")[:-30]).decode(), "image: "),
        ("image", 3, "image: "),
        ("log_prob", True, "log_prob: expected float, not bool"),
        ("log_prob", None, "log_prob: expected float, not NoneType"),
        ("index", 1.5, "index: expected int, not float"),
    ],
)
def test_what_does_not_fit_is_named(member: str, value: Any, message: str) -> None:
    sample = {"index": 0, "image": base64.b64encode(file_of(GRAY, "PNG")).decode(), "log_prob": 1, "bits_per_dim": 2.5, "new": 1}
    assert np.array_equal(decode(Sample, sample).image, np.asarray(GRAY))
    with pytest.raises(BadAnswer, match=f"the answer.{message}"):
        decode(Sample, {**sample, member: value})
    del sample[member]
    with pytest.raises(BadAnswer, match=f"the answer.{member}: missing"):
        decode(Sample, sample)


def test_times_are_read() -> None:
    drift = {name: 0 for name in ("wealth", "log_wealth", "alarm_level", "alarm", "images", "passed_over", "outliers", "unusual")}
    moment = {"image": 1, "time": "2026-11-30T08:15:02Z"}
    rest = {
        "model": "m",
        "drifted": True,
        "drifted_since": moment,
        "suspicion": None,
        "began": "2026-11-30T07:00:00Z",
        "calibration_images": 5,
    }
    read = decode(Drift, {**drift, **rest})
    assert read.drifted_since is not None
    assert read.drifted_since.time.isoformat() == "2026-11-30T08:15:02+00:00"
    with pytest.raises(BadAnswer, match="began"):
        decode(Drift, {**drift, **rest, "began": "yesterday"})
