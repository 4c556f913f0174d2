"""Unix sockets, keys and TLS of a real service."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from support import Levels, Make, Service, serving

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
