"""The supported versions: each ansible-core with each Python of a controller, and every Python of hosts with each.

``nox --list`` shows the sessions, ``nox -s "cores(2.18-python3.13)"`` runs one, ``nox`` runs all. The versions are in
``pyproject.toml``, ``[tool.mngr-ansible.tested]``. A session runs ``tests/ops`` with an ansible-core that is alone in
an environment of its own, as an ops team has it; the tests themselves run in this project's environment. They need
test hosts: CONTRIBUTING.md.
"""

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "none"  # the tests make the environments, as they do in a plain run

CORES: dict[str, list[str]] = nox.project.load_toml("pyproject.toml")["tool"]["mngr-ansible"]["tested"]["ansible-core"]
PAIRS = [nox.param(core, python, id=f"{core}-python{python}") for core, pythons in CORES.items() for python in pythons]


@nox.session
@nox.parametrize(("core", "python"), PAIRS)
def cores(session: nox.Session, core: str, python: str) -> None:
    """Run tests/ops with one ansible-core and one Python of a controller."""
    chosen = [f"--core={core}", f"--controller-python={python}", "--strict-hosts"]
    session.run("uv", "run", "--quiet", "--extra", "test", "pytest", "tests/ops", *chosen, *session.posargs)
