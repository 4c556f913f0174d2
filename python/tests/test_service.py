"""Every call against a real service."""

from __future__ import annotations

import dataclasses
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Both, Levels

import tusk
from tusk import problems
from tusk.results import Failed, Score


def file_of(image: Levels, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def test_an_image_scores_the_same_however_it_is_given(client: Both, noise: Levels, tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    path.write_bytes(file_of(noise))
    forms: list[tusk.ImageLike] = [
        noise,
        noise[..., None],
        noise.astype(np.int64),
        Image.fromarray(noise),
        path.read_bytes(),
        path,
        str(path),
    ]
    scores = [client.score(form, drift=False).log_prob for form in forms]
    assert scores == [scores[0]] * len(forms)
    assert list(client.score_many(forms, drift=False).log_prob) == scores
    assert [score.log_prob for score in client.score_stream(forms, drift=False)] == scores


def test_a_score_says_what_the_contract_says(client: Both, noise: Levels) -> None:
    score = client.score(noise, detail="pixels", posterior=True, drift=False)
    assert (score.model, score.verdict, score.alarm, score.samples) == ("animals", "outlier", 0.01, 1)
    assert score.p_value == score.as_odd / score.as_odd_of
    assert score.reasons
    assert score.pixels.values.shape == (28, 28)
    assert score.pixels.values.sum() == pytest.approx(score.log_prob, rel=1e-4)
    assert sum(score.class_posterior.values()) == pytest.approx(1)
    assert set(score.class_set) <= set(score.class_posterior)
    assert score.evidence["log_density"].value == pytest.approx(score.log_prob)
    assert pickle.loads(pickle.dumps(score)) == score
    assert dataclasses.asdict(score)["evidence"]["log_density"]["p_value"] == score.evidence["log_density"].p_value


def test_options_reach_the_service(client: Both, noise: Levels) -> None:
    elephant = client.score(
        noise, class_="elephant", samples=2, alarm=0.05, priority="batch", request_id="mine", time_limit=20, drift=False
    )
    assert (elephant.class_, elephant.samples, elephant.alarm) == ("elephant", 2, 0.05)
    assert elephant.standard_error >= 0
    unit = client.score(noise / 255, scale="unit", drift=False)
    assert unit.log_prob == client.score(noise, drift=False).log_prob
    wide = np.zeros((10, 40), np.uint8)
    assert client.score(wide, fit="contain", background="black", detail="none").verdict is None


def test_colour_is_the_last_axis_unless_layout_says_else(client: Both) -> None:
    image = np.random.default_rng(2).integers(0, 256, (8, 8, 3), np.uint8)
    once = client.score(image, model="small")
    assert once.verdict is None
    assert client.score(image.transpose(2, 0, 1), model="small", layout="CHW").log_prob == once.log_prob
    stack = np.stack([image, image])
    assert list(client.score_many(stack, model="small").log_prob) == [once.log_prob] * 2
    assert client.sample(2, model="small").images.shape == (2, 8, 8, 3)


def test_a_bad_image_fails_alone(client: Both, noise: Levels, tmp_path: Path) -> None:
    path = tmp_path / 'small "é".png'
    path.write_bytes(file_of(noise[:5, :5]))
    for scores in (client.score_many([noise, path, b"GIF89a"], drift=False), client.score_stream([noise, path, b"GIF89a"], drift=False)):
        good, small, gif = scores
        assert isinstance(good, Score)
        assert isinstance(small, Failed)
        assert (good.index, small.index, gif.index) == (0, 1, 2)
        assert isinstance(small.problem, problems.ImageSize)
        assert small.problem.extra["index"] == 1
        assert "5x5" in str(small.problem)
    many = client.score_many([noise, path], drift=False)
    assert [entry.file for entry in many] == [None, path.name]
    assert np.isnan(many.log_prob[1])
    assert len(many.failed) == 1
    with pytest.raises(problems.ImageSize):
        many.all()


def test_problems_say_what_is_wrong(client: Both, noise: Levels) -> None:
    with pytest.raises(problems.ImageSize, match="28x28") as caught:
        client.score(noise[:5, :5], request_id="question-7")
    assert (caught.value.status, caught.value.type, caught.value.request_id) == (422, "urn:tusk:problem:image-size", "question-7")
    assert caught.value.title
    calls: list[tuple[Callable[[], Any], type[tusk.Problem]]] = [
        (lambda: client.score(noise, model="giraffes"), problems.UnknownModel),
        (lambda: client.score(noise, class_="giraffes"), problems.Parameter),
        (lambda: client.score(b"GIF89a"), problems.UnsupportedMediaType),
        (lambda: client.score(noise / 255), problems.ImageValue),
        (lambda: client.decode(np.zeros(5), class_="cat"), problems.LatentValue),
        (lambda: client.sample(0), problems.Parameter),
        (lambda: client.score_many([noise] * 257), tusk.Problem),
        (lambda: client.score(bytes(12 << 20)), problems.BodyTooLarge),
        (lambda: client.typicality([noise], model="small"), tusk.Problem),
    ]
    for call, kind in calls:
        with pytest.raises(kind):
            call()


def test_one_image_is_not_several(client: Both, noise: Levels) -> None:
    with pytest.raises(ValueError, match="as 2 images; score_many"):
        client.score(np.stack([noise, noise]), drift=False)
    assert len(client.score_many(noise[None], drift=False)) == 1
    assert client.score(noise[None], drift=False).log_prob == client.score(noise, drift=False).log_prob


def test_samples_are_those_of_their_seed(client: Both) -> None:
    samples = client.sample(3, seed=4, class_="elephant", temperature=0.9)
    assert (samples.seed, samples.temperature, samples.images.shape, samples.images.dtype) == (4, 0.9, (3, 28, 28), np.uint8)
    assert {sample.class_ for sample in samples} == {"elephant"}
    assert client.sample(3, seed=4, class_="elephant", temperature=0.9) == samples
    streamed = client.sample_stream(3, seed=4, class_="elephant", temperature=0.9)
    assert [sample.index for sample in streamed] == [0, 1, 2]
    assert all(np.array_equal(left.image, right.image) for left, right in zip(samples, streamed, strict=True))
    assert samples.samples[0].picture().size == (28, 28)
    assert not samples.samples[0].image.flags.writeable
    seeds = {sample.seed for sample in client.sample_stream(2)}
    assert len(seeds) == 1
    assert client.sample_sheet(4, seed=4).size[0] > 28
    assert np.array_equal(np.asarray(client.sample_sheet(1, seed=4)), client.sample(1, seed=4).images[0])


def test_latents_lead_back(client: Both) -> None:
    images = client.sample(2, seed=4, class_="elephant").images
    latent = client.encode(images[0], class_="elephant")
    assert (latent.latent.shape, latent.latent.dtype, latent.class_) == ((28, 28, 1), np.float32, "elephant")
    latents = client.encode_many(images, class_="elephant").all()
    assert np.array_equal(latents[0].latent, latent.latent)
    decoded = client.decode(latent.latent, class_="elephant", states=True)
    assert (np.abs(decoded.images[0].astype(int) - images[0]).max()) <= latent.round_trip_error.levels
    assert decoded.results[0].round_trip_error.latent is not None
    assert decoded.results[0].states[0].shape == (28, 28)
    assert len(client.decode(np.stack([one.latent for one in latents]), class_="elephant")) == 2
    between = client.interpolate(images[0], images[1], steps=3, class_="elephant")
    assert [step.position for step in between.steps] == [0, 0.5, 1]
    assert between.images.shape == (3, 28, 28)
    assert len(between.endpoints) == 2


def test_completions_keep_what_is_known(client: Both) -> None:
    image = client.sample(1, seed=4).images[0]
    mask = np.zeros((28, 28), np.uint8)
    mask[20:] = 255
    completed = client.complete(image, mask, count=2, seed=1)
    assert (completed.method, completed.exact, completed.known_pixels) == ("conditional", True, 20 * 28)
    assert np.array_equal(completed.images[:, :20], np.stack([image[:20]] * 2))
    assert client.complete(image, Image.fromarray(mask), count=2, seed=1) == completed


def test_sets_and_streams_are_judged(client: Both, noise: Levels) -> None:
    verdict = client.typicality([noise] * 5, alarm=0.02)
    assert (verdict.verdict, verdict.images, verdict.alarm) == ("outlier", 5, 0.02)
    assert verdict.tests[0].direction in ("low", "high")
    client.admin.reset_drift()
    client.score(noise)
    drift = client.drift("animals")
    assert (drift.model, drift.images, drift.outliers) == ("animals", 1, 1)
    assert drift.began.tzinfo is not None
    assert drift.suspicion.since.image == 1


def test_models_and_status(client: Both) -> None:
    models = client.models()
    assert (models.default, [model.name for model in models]) == ("animals", ["animals", "small"])
    card = client.model("animals")
    assert card == models.models[0]
    assert (card.shape.height, card.dims, card.preprocessing.levels) == (28, 784, 256)
    assert card.training.curve[-1].validation_bits_per_dim > 0
    assert card.decision.count > 0
    assert card.calibration.log_prob_quantiles.ndim == 1
    assert client.model("small").decision is None
    health = client.health()
    assert (health.status, health.live, health.ready, health.version) == ("ready", True, True, tusk.__version__)
    assert (client.live(), client.ready()) == (True, True)
    assert "tusk_queued_requests" in client.metrics()
    assert client.openapi()["info"]["title"] == "Tusk"
    with pytest.raises(problems.UnknownModel):
        client.model("../admin/status")


def test_administration(client: Both) -> None:
    status = client.admin.status()
    assert status.keys == 1
    assert "requests_total" not in status.metrics
    assert status.metrics
    assert [file.name for file in client.admin.models()] == ["animals", "small"]
    loaded = client.admin.load("small")
    assert (loaded.phase, loaded.failure) == ("serving", None)
    client.admin.unload("small")
    with pytest.raises(problems.UnknownModel):
        client.model("small")
    client.admin.load("small")
    assert "keys" in client.admin.reload()
    client.admin.log_level("critical")
    with pytest.raises(problems.ModelUnchanged):
        client.admin.unload("animals")


def test_a_stream_has_any_length(client: Both) -> None:
    images = np.random.default_rng(3).integers(0, 256, (600, 8, 8, 3), np.uint8)
    scores = client.score_stream(iter(images), model="small")
    assert [score.index for score in scores] == list(range(600))
    assert [score.log_prob for score in scores[:9]] == list(client.score_many(images[:9], model="small").log_prob)
    assert [score.index for score in client.score_stream(images[:5], model="small", block=2)] == list(range(5))
    assert client.score_stream([], model="small") == []


def test_what_is_wrong_in_a_stream_is_said(client: Both, noise: Levels) -> None:
    with pytest.raises(problems.UnknownModel):
        client.score_stream([noise], model="giraffes")
    with pytest.raises(problems.Parameter):
        client.sample_stream(999)
    with pytest.raises(ValueError, match="count: expected 1 or more, not 0"):
        client.sample_stream(0)
    items: list[Any] = []
    with pytest.raises(TypeError, match="image 1: expected an array"):
        client.into(items, "score_stream", [noise, object()], block=1, drift=False)
    assert len(items) == 1
