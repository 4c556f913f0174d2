"""What both clients are made with."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from tusk._version import __version__
from tusk.policy import Retry, Timeouts

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Connection:
    """Address, key and policy; shows the key nowhere."""

    url: str
    key: str | None
    retry: Retry
    timeouts: Timeouts
    proxy: str | None
    tls: ssl.SSLContext | None

    def __post_init__(self) -> None:
        if self.socket is None:
            try:
                url = httpx.URL(self.url)
            except (httpx.InvalidURL, TypeError) as error:
                raise ValueError(f"url: {error}") from None
            if url.userinfo:
                raise ValueError("url: it has a user or a password; a key goes into key=")
            if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
                raise ValueError(f"url: expected http://HOST:PORT, https://HOST:PORT or unix:PATH, not {self.url!r}")
        elif self.proxy is not None:
            raise ValueError("proxy: a Unix socket has none")
        # Said without its value, as h11 would not.
        if self.key is not None and not (self.key.isascii() and self.key.isprintable() and self.key and " " not in self.key):
            raise ValueError("key: expected visible ASCII characters, as `tusk key new` prints them")

    @property
    def socket(self) -> str | None:
        """Path of the Unix socket of ``unix:PATH``."""
        return self.url.removeprefix("unix:") if self.url.startswith("unix:") else None

    def arguments(self) -> dict[str, Any]:
        """Arguments of httpx's clients."""
        headers = {"User-Agent": f"tusk-density/{__version__} python-httpx/{httpx.__version__}"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        arguments: dict[str, Any] = {
            "base_url": self.url if self.socket is None else "http://localhost",
            "headers": headers,
            "timeout": self.timeouts.of_httpx(),
            "follow_redirects": False,
        }
        if self.tls is not None:
            arguments["verify"] = self.tls
        return {**arguments, "proxy": self.proxy}

    def __repr__(self) -> str:
        return f"({self.url!r}{', key=…' if self.key is not None else ''})"
