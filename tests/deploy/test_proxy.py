"""A hub whose ports are in use says which option sets them, and starts nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets.config.loader import PyFileConfigLoader

from mtelab.deploy import RECIPE
from mtelab.deploy.proxy import Proxy, obstacle

FREE = 0
"""Of this port the system makes any that is free."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Proxy]:
    """Proxies that would have been started."""
    found: list[Proxy] = []

    async def start(proxy: Proxy) -> None:
        found.append(proxy)

    monkeypatch.setattr(ConfigurableHTTPProxy, "start", start)
    monkeypatch.chdir(tmp_path)  # where it keeps the number of its process
    return found


@pytest.fixture
def others() -> Iterator[list[int]]:
    """Three ports of this machine on which something listens."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        yield [server.getsockname()[1] for server in servers]


def proxy(ports: list[int]) -> Proxy:
    public, api, hub = (f"http://127.0.0.1:{port}" for port in ports)
    return Proxy(
        app=SimpleNamespace(exit=sys.exit),
        hub=SimpleNamespace(bind_url=f"{hub}/hub/"),
        public_url=public,
        api_url=api,
        log=logging.getLogger("hub"),
    )


def test_the_recipe_names_it() -> None:
    config = PyFileConfigLoader(RECIPE.name, str(RECIPE.parent)).load_config()
    assert config.JupyterHub.proxy_class == f"{Proxy.__module__}.{Proxy.__name__}"


def test_ports_in_use_are_named_with_their_options(
    started: list[Proxy], others: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit, match=r"^1$"):
        asyncio.run(proxy(others).start())
    assert started == []
    options = ("JupyterHub.bind_url", "ConfigurableHTTPProxy.api_url", "JupyterHub.hub_bind_url")
    assert len(caplog.messages) == 4
    for option, port, message in zip(options, others, caplog.messages, strict=False):
        assert message.startswith(f"c.{option} = 'http://127.0.0.1:{port}")
        assert message.endswith(f": something else listens on port {port}; expected a free port.")
    assert "end it, or set these options to other ports" in caplog.messages[-1]


def test_one_port_in_use_is_enough(started: list[Proxy], others: list[int], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit, match=r"^1$"):
        asyncio.run(proxy([FREE, others[0], FREE]).start())
    assert started == []
    assert [message.partition(" = ")[0] for message in caplog.messages[:-1]] == ["c.ConfigurableHTTPProxy.api_url"]


def test_with_free_ports_it_starts(started: list[Proxy]) -> None:
    made = proxy([FREE, FREE, FREE])
    asyncio.run(made.start())
    assert started == [made]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            PermissionError(13, "Permission denied"),
            "this account may not listen on port 443; expected one from 1024 on",
        ),
        (OSError(99, "Cannot assign requested address"), "no server can listen there: Cannot assign requested address"),
    ],
)
def test_other_reasons_are_told_too(monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_server", refuse)
    assert obstacle("https://127.0.0.1") == reason


def test_a_socket_in_the_file_system_has_no_port() -> None:
    assert obstacle("http+unix://%2Ftmp%2Fhub") is None
