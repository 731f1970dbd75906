"""JupyterHub for the course: each student has a copy of the labs, and JupyterLab opens at the first one.

``jupyterhub``, run in this file's folder as root, serves the course on port 8000 of this machine. README.md of
mtelab.deploy tells what to put in front of it, and what to change for other kinds of accounts and servers.
"""

import sys

c = get_config()  # type: ignore[name-defined]  # noqa: F821

# Students are users of this machine, by its own passwords: those in the group "students". Each one's server runs
# under their own account, so that none can read another's answers.
c.JupyterHub.authenticator_class = "pam"
c.LocalAuthenticator.allowed_groups = {"students"}
c.JupyterHub.spawner_class = "localprocess"
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
# JupyterHub's own proxy, which says so if that port, or another that the hub needs, is in use.
c.JupyterHub.proxy_class = "mtelab.deploy.proxy.Proxy"

# The Python that has mtelab and jupyterhub, here the one that runs the hub. What it starts copies the labs that a
# student lacks into this folder, and never writes over one.
c.Spawner.cmd = [sys.executable, "-m", "mtelab.deploy.singleuser"]
c.Spawner.notebook_dir = "~/mtelab-labs"
c.Spawner.default_url = "/lab/tree/00-start-here.ipynb"

# A student's problems are drawn from JUPYTERHUB_USER, which the hub sets; no seed is needed here.
# Every lab stays within this memory and one core; more threads of numpy's would only take more memory.
c.Spawner.mem_limit = "512M"
c.Spawner.cpu_limit = 1
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# Kernels left for an hour end, and servers left for two: answers and progress are in the student's folder.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_connected=True",
    "--ServerApp.shutdown_no_activity_timeout=7200",
]
# Forty servers that start in the same minute take longer than one, and the proxy must wait as long as the hub does.
c.Spawner.start_timeout = c.Spawner.http_timeout = 180
c.ConfigurableHTTPProxy.command = ["configurable-http-proxy", "--proxy-timeout=240000"]
