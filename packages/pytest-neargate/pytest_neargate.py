"""pytest against a neargate stack: started for the tests, its address as a fixture, its logs in the report."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys

import pytest

PROGRAM = os.environ.get("NEARGATE", "neargate")


def pytest_addoption(parser):
    group = parser.getgroup("neargate")
    group.addoption("--neargate", action="store_true", help="start the stack of neargate.yaml for the tests")
    parser.addini("neargate", "start the stack of neargate.yaml for the tests", type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Runs the same tests once more, under `neargate run`: only there are names, trust and variables those of the stack."""
    wanted = config.getoption("--neargate") or config.getini("neargate")
    if not wanted or "NEARGATE_URL" in os.environ or config.getoption("collectonly", False):
        return None
    command = [PROGRAM, "run", "--", sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)]
    try:
        return subprocess.call(command, cwd=str(config.invocation_params.dir))
    except FileNotFoundError:
        raise pytest.UsageError(f"--neargate: there is no `{PROGRAM}` on the path; NEARGATE may name it") from None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """The address is also that of pytest-base-url, which pytest-playwright uses, unless another is given."""
    url = os.environ.get("NEARGATE_URL")
    if url and hasattr(config.option, "base_url") and not config.option.base_url:
        config.option.base_url = url


@pytest.fixture(scope="session")
def neargate_url():
    """The address of the stack, with the port that is really bound."""
    url = os.environ.get("NEARGATE_URL")
    if not url:
        pytest.fail("no stack: run `neargate run -- pytest`, or pytest with --neargate", pytrace=False)
    return url


@pytest.fixture(scope="session")
def neargate_chromium_args():
    """Arguments that let Chromium reach and trust the stack."""
    return os.environ.get("NEARGATE_CHROMIUM_ARGS", "").splitlines()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed or "NEARGATE_URL" not in os.environ:
        return
    began = datetime.datetime.fromtimestamp(call.start, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for arguments in (["doctor"], ["logs", "--timestamps", "--since", began], ["ps", "--events"]):
        report.sections.append(("neargate " + arguments[0], printed(arguments, item.config.rootpath)))


def printed(arguments, folder):
    """What a command of neargate's prints; a report must not fail because of it."""
    command = [PROGRAM, "--color=never", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr
