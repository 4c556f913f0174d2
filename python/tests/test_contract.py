"""The package has what openapi.yaml and deploy/operate.md have: nothing is missing, nothing is made up."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

import tusk
from tusk import options, problems, results
from tusk.admin import Admin, AsyncAdmin
from tusk.errors import URN, problem_from
from tusk.options import _FIELDS


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((ROOT / "openapi.yaml").read_text(), yaml.CSafeLoader)
    return document


def classes() -> dict[str, type[tusk.Problem]]:
    found = inspect.getmembers(problems, lambda member: inspect.isclass(member) and member is not tusk.Problem)
    return {URN + kind.slug: kind for _, kind in found}


def test_every_type_of_problem_has_a_class(contract: dict[str, Any]) -> None:
    assert set(classes()) == set(contract["components"]["schemas"]["ProblemType"]["enum"])
    for kind in classes().values():
        assert kind.slug is not None
        assert kind.__name__ == "".join(word.capitalize() for word in kind.slug.split("-"))
        assert kind.__doc__


def test_problems_have_the_statuses_of_the_operating_page() -> None:
    page = (ROOT / "deploy/operate.md").read_text()
    told = {
        URN + slug: int(status)
        for names, status in re.findall(r"^\| (`[a-z`, -]+`) \| (\d{3}) \|", page, re.MULTILINE)
        for slug in re.findall(r"`([a-z-]+)`", names)
    }
    assert {name: kind.code for name, kind in classes().items()} == told


def test_a_problem_is_read_as_its_class() -> None:
    for name, kind in classes().items():
        problem = problem_from({"type": name, "title": "T", "status": kind.code, "detail": "d", "error": "d", "request_id": "r", "more": 1})
        assert type(problem) is kind
        assert (problem.type, problem.title, problem.status, problem.detail) == (name, "T", kind.code, "d")
        assert (problem.request_id, problem.extra) == ("r", {"more": 1})


def resolved(contract: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        node: Any = contract
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def members(contract: dict[str, Any], schema: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Properties of an object, and those that it must have."""
    schema = resolved(contract, schema)
    names, required = set(schema.get("properties", {})), set(schema.get("required", []))
    for part in schema.get("allOf", []):
        more, needed = members(contract, part)
        names, required = names | more, required | needed
    return names, required


PATH_OF: dict[str, tuple[str, ...]] = {
    "Shape": ("Model", "shape"),
    "Preprocessing": ("Model", "preprocessing"),
    "Execution": ("Model", "execution"),
    "Limits": ("Model", "limits"),
    "Training": ("Model", "training"),
    "Start": ("Model", "training", "start"),
    "CurvePoint": ("Model", "training", "curve", "*"),
    "HeldOut": ("Model", "held_out"),
    "Calibration": ("Model", "calibration"),
    "Decision": ("Model", "decision"),
    "Evaluation": ("Model", "evaluation"),
    "Flagged": ("Model", "evaluation", "flagged", "*"),
    "Outliers": ("Model", "evaluation", "outliers", "*"),
    "SetTest": ("Typicality", "tests", "*"),
    "Pixels": ("Score", "pixels"),
    "Suspicion": ("Drift", "suspicion"),
    "Endpoint": ("Interpolated", "endpoints", "*"),
    "Step": ("Interpolated", "images", "*"),
    "Completion": ("Completions", "samples", "*"),
    "Failure": ("ModelFile", "failure"),
    "Failed": ("ItemProblem",),
    "StreamedSample": ("SampleLine",),
    # their own entries are of a list, which also have a place
    "Score": ("ScoreEntry",),
    "Latent": ("EncodedList", "results", "*"),
}
# Fields that stand beside an entry in the answer, and those that have another name here.
BESIDE = {"Score": {"model"}, "Latent": {"model"}, "AdminStatus": {"metrics"}, "Interpolated": {"steps"}, "Samples": set[str]()}
RENAMED = {"Interpolated": {"images"}}
# Entries and their kinds are put together from the two members that tell what happened.
LISTS = {"Entries", "Scores", "Latents", "Decoded", "Models", "Evidence", "Verdict"}


def schema_at(contract: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = contract["components"]["schemas"][path[0]]
    for name in path[1:]:
        schema = resolved(contract, schema)
        schema = schema["items"] if name == "*" else schema["properties"][name]
        for choice in schema.get("oneOf", []):
            if choice.get("type") != "null":
                schema = choice
                break
    return schema


@pytest.mark.parametrize("name", sorted(set(results.__all__) - LISTS))
def test_results_have_the_members_of_the_contract(contract: dict[str, Any], name: str) -> None:
    names, required = members(contract, schema_at(contract, PATH_OF.get(name, (name,))))
    fields = {field.name.rstrip("_"): field for field in dataclasses.fields(getattr(results, name))}
    assert set(fields) - BESIDE.get(name, set()) == names - RENAMED.get(name, set())
    missing = dataclasses.MISSING
    needed = {key for key, field in fields.items() if field.default is missing and field.default_factory is missing}
    # What a class needs must always be there; that it does not need all that is there lets older services be read.
    assert needed - BESIDE.get(name, set()) <= required


CALLS = {
    "/logprob": ("score", "ScoreOptions"),
    "/typicality": ("typicality", "TypicalityOptions"),
    "/sample": ("sample", "SampleOptions"),
    "/encode": ("encode", "EncodeOptions"),
    "/decode": ("decode", "DecodeOptions"),
    "/interpolate": ("interpolate", "InterpolateOptions"),
    "/complete": ("complete", "CompleteOptions"),
    "/health": ("health", None),
    "/health/live": ("live", None),
    "/health/ready": ("ready", None),
    "/models": ("models", None),
    "/models/{model}": ("model", None),
    "/drift": ("drift", None),
    "/metrics": ("metrics", None),
    "/openapi.json": ("openapi", None),
    "/admin/status": ("admin.status", None),
    "/admin/models": ("admin.models", None),
    "/admin/models/{model}/load": ("admin.load", None),
    "/admin/models/{model}/unload": ("admin.unload", None),
    "/admin/reload": ("admin.reload", None),
    "/admin/log-level": ("admin.log_level", None),
    "/admin/drift/reset": ("admin.reset_drift", None),
}
# The page and the contract's other forms are for browsers, /v2 has clients of its own, and ?model= says what these paths say.
OTHER = {"/", "/docs", "/page/{file}", "/page/{folder}/{file}", "/openapi.yaml", "/models/{model}/logprob", "/models/{model}/sample"}


def test_every_route_has_a_call(contract: dict[str, Any]) -> None:
    paths = {path for path in contract["paths"] if not path.startswith("/v2")}
    assert paths == set(CALLS) | OTHER
    with tusk.Client() as client:
        for name, _ in CALLS.values():
            method: Any = client
            for part in name.split("."):
                method = getattr(method, part)
            assert callable(method)


@pytest.mark.parametrize(("path", "kind"), [(path, kind) for path, (_, kind) in CALLS.items() if kind])
def test_options_are_the_parameters_of_the_contract(contract: dict[str, Any], path: str, kind: str) -> None:
    (operation,) = contract["paths"][path].values()
    parameters = {resolved(contract, parameter)["name"] for parameter in operation["parameters"]}
    known = getattr(options, kind).__optional_keys__
    # A request's identifier goes with all of them, and the number of samples is an argument.
    assert {_FIELDS.get(name, name.rstrip("_")) for name in known} - {"X-Request-Id"} == parameters - (
        {"count"} if kind == "SampleOptions" else set()
    )


def test_the_asynchronous_client_has_the_same_calls() -> None:
    for sync, other in [(tusk.Client, tusk.AsyncClient), (Admin, AsyncAdmin)]:
        names = {name for name in vars(sync) if not name.startswith("_")} - {"close"}
        assert names == {name for name in vars(other) if not name.startswith("_")} - {"aclose"}
        for name in names:
            here, there = inspect.signature(getattr(sync, name)), inspect.signature(getattr(other, name))
            assert list(here.parameters) == list(there.parameters)
            assert [str(p.default) for p in here.parameters.values()] == [str(p.default) for p in there.parameters.values()]
            if name != "score_stream":
                assert [p.annotation for p in here.parameters.values()] == [p.annotation for p in there.parameters.values()]


def test_the_version_is_that_of_the_program(program: Path) -> None:
    told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    assert tusk.__version__ == told
