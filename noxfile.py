"""The tests on every Python that the project promises: ``nox``, or ``nox -s tests-3.12``."""

from __future__ import annotations

import nox

nox.options.reuse_existing_virtualenvs = True


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    constraints = ("--constraint", "constraints.txt", "--build-constraint", "constraints.txt")
    session.install("--upgrade", "--constraint", "constraints.txt", "pip")
    session.install(*constraints, "--editable", ".[dev]")
    session.run("python", "-m", "pytest", "--numprocesses", "auto", "--dist", "loadfile", *session.posargs)
