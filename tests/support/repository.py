"""Shared: the folders of the checkout, its settings, a fresh Python to try them in."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
PACKAGES = ("kernels", "graphs", "sssp", "harness")


def sources(package):
    return sorted((HOUSE / package).rglob("*.py"))


def label(path):
    return path.relative_to(HOUSE).as_posix()


def run_python(code, *, cwd=HOUSE, **environment):
    """Run `code` in a fresh Python that finds the packages in `cwd`; what it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=cwd,
        env={k: v for k, v in (os.environ | environment).items() if v is not None},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def setup_cfg():
    settings = configparser.ConfigParser(delimiters=("=",))
    settings.read(HOUSE / "setup.cfg")
    return settings


def lines(text):
    return [line for line in text.strip().splitlines() if not line.startswith("#")]
