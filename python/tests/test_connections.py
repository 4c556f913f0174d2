"""Unix sockets, keys and TLS of a real service."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from support import Levels, Make, Service, serving, started

import tusk
from tusk import problems


def test_a_socket_is_asked_without_key_and_proxy(make: Make, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert make(f"unix:{service.socket}").admin.status().keys == 1
    with pytest.raises(tusk.ConnectionFailed):
        make(service.url, retry=tusk.Retry(attempts=1)).health()


def test_tls_is_by_the_context_that_is_given(make: Make, program: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*new, *names], check=True, capture_output=True)
    once = tusk.Retry(attempts=1)
    with serving(program, "--tls-certificate", certificate, "--tls-key", key) as url:
        assert make(url, tls=ssl.create_default_context(cafile=str(certificate))).health().ready
        with pytest.raises(tusk.ConnectionFailed, match="certificate"):
            make(url, retry=once).health()
        with pytest.raises(problems.EncryptionRequired):
            make(url.replace("https", "http"), retry=once).health()


def test_keys(make: Make, service: Service, noise: Levels) -> None:
    with pytest.raises(problems.Unauthorized):
        make(service.url).score(noise)
    with pytest.raises(problems.Unauthorized):
        make(service.url, key="tusk_" + "0" * 72).score(noise)
    assert make(service.url).health().ready


def test_a_limit_is_waited_for(make: Make, program: Path, tmp_path: Path, noise: Levels, waits: list[float]) -> None:
    answer = subprocess.run(
        [program, "key", "new", "--name", "slow", "--scope", "score"], check=True, capture_output=True, text=True
    ).stdout
    key, line = answer.split("\n", 1)
    (tmp_path / "keys").write_text(line)
    with serving(program, "--key-file", tmp_path / "keys", "--rate-requests", "1/min,burst=1") as url:
        client = make(url, key=key, retry=tusk.Retry(attempts=2, total=1e4))
        client.score(noise)
        with pytest.raises(problems.RateLimited, match="slow") as caught:
            client.score(noise)
    assert len(waits) == 1
    assert 0 < waits[0] <= 60
    assert caught.value.retry_after is not None


def test_a_stream_outlives_its_service(program: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tusk.Client(f"http://127.0.0.1:{port}") as client:
        with started(program, port=port) as (_, process):
            stream = client.sample_stream(24, seed=7)
            samples = [next(stream)]
            process.kill()
        with serving(program, port=port):
            samples += stream
            assert [sample.index for sample in samples] == list(range(24))
            assert all(sample.log_prob == same.log_prob for sample, same in zip(samples, client.sample(24, seed=7), strict=True))
            # It was asked again: this service has drawn them twice.
            drawn = re.search(r'^tusk_rows_total\{.*work="sampling".*\} (\d+)', client.metrics(), re.MULTILINE)
            assert drawn
            assert int(drawn[1]) == 48
