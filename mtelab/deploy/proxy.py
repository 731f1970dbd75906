"""The proxy in front of a hub, which looks first whether the ports that the hub wants are free."""

from __future__ import annotations

import errno
import socket
from typing import Final
from urllib.parse import urlsplit

from jupyterhub.proxy import ConfigurableHTTPProxy

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def obstacle(url: str) -> str | None:
    """Say why no server can listen at an address, or None if one can."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    if port is None:
        return None  # a socket in the file system
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"something else listens on port {port}; expected a free port"
        if error.errno == errno.EACCES:
            return f"this account may not listen on port {port}; expected one from 1024 on"
        return f"no server can listen there: {error.strerror}"
    return None


class Proxy(ConfigurableHTTPProxy):  # type: ignore[misc]  # jupyterhub has no types
    """The proxy that JupyterHub starts otherwise too; in place of tracebacks, a sentence for each port in use."""

    async def start(self) -> None:
        """Start it; if a port is not free, say which option sets it, and end the hub."""
        self._check_previous_process()  # ends the proxy of a hub that was killed: its port is ours
        wanted = {
            "c.JupyterHub.bind_url": self.public_url,
            "c.ConfigurableHTTPProxy.api_url": self.api_url,
            "c.JupyterHub.hub_bind_url": self.hub.bind_url,
        }
        reasons = {option: reason for option, url in wanted.items() if (reason := obstacle(url))}
        for option, reason in reasons.items():
            self.log.critical("%s = %r: %s.", option, wanted[option], reason)
        if reasons:
            self.log.critical("Does a hub run already? Then end it, or set these options to other ports.")
            self.app.exit(1)
        await super().start()
