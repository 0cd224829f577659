"""The batch scripts: how to get them, and what they start, with stand-ins for Slurm's commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from command import in_process
from repository import HOUSE

TEMPLATES = sorted((HOUSE / "harness" / "commands" / "templates").glob("*.sbatch"))
NAMES = [path.stem for path in TEMPLATES]
needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")

# Writes down how it was called: its name, then its arguments.
_RECORDER = """\
#!{python}
import json, os, sys
with open(os.environ["CALLS"], "a") as file:
    print(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]), file=file)
"""


def test_there_are_batch_scripts_for_cpus_and_gpus():
    assert NAMES == ["cpu", "gpu"]


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_sssp_template_prints_the_file(capsys, path):
    done = in_process(capsys, "template", path.stem)
    assert (done.status, done.out) == (0, path.read_text())


def test_sssp_template_without_a_name_lists_them_all(capsys):
    done = in_process(capsys, "template")
    assert [line.split()[0] for line in done.out.splitlines()] == [*NAMES, "site"]
    assert "What only a person knows of the machine" in done.out.splitlines()[-1]
    assert done.status == 0


def test_an_unknown_template_is_refused_with_those_there_are(capsys):
    assert in_process(capsys, "template", "tpu").refused("'tpu'", *NAMES)


def test_the_help_names_every_template(capsys):
    page = in_process(capsys, "template", "--help").out
    assert re.search(r"NAME +(.*)", page)[1] == ", ".join([*NAMES, "site"])


def test_every_flag_of_sssp_in_a_template_is_in_the_help(capsys):
    page = in_process(capsys, "run", "--help").out
    for path in TEMPLATES:
        script = re.sub(r"^#.*", "", path.read_text(), flags=re.M)
        of_sssp = re.findall(r"(?:sssp run|flags=|limit=|\$\{limit).*", script)
        flags = set(re.findall(r"--[a-z][\w-]*", " ".join(of_sssp)))
        assert flags >= {"--scale", "--output", "--resume", "--time-limit", "--log-dir"}
        assert flags <= set(re.findall(r"--[a-z][\w-]*", page))


def test_what_comes_after_the_choice_of_a_launcher_is_the_same_in_all():
    ends = {path.read_text().partition("# Which rank is where")[2] for path in TEMPLATES}
    assert len(ends) == 1
    assert "" not in ends


class Batch(NamedTuple):
    """A template in a folder; a call runs it."""

    name: str
    folder: Path
    run: Callable

    def __call__(self, ends="N/A", **environment):
        return self.run(ends, **environment)


@pytest.fixture(params=TEMPLATES, ids=NAMES)
def batch(request, tmp_path):
    """Run a template in a folder where Slurm, MPI and sssp are stand-ins; the calls they got."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("sssp", "srun", "mpirun"):
        (programs / name).write_text(_RECORDER.format(python=sys.executable))
        (programs / name).chmod(0o755)
    (programs / "activate").write_text(f"PATH={programs}:$PATH\n")
    (programs / "squeue").write_text('#!/bin/sh\necho "$ENDS"\n')
    (programs / "squeue").chmod(0o755)

    def run(ends, **environment):
        calls = tmp_path / "calls"
        calls.unlink(missing_ok=True)
        job = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SLURM_CPUS_PER_TASK": "3"}
        known = {k: v for k, v in os.environ.items() if k not in ("LAUNCHER", "RESUME")}
        done = subprocess.run(
            ["bash", request.param],
            cwd=tmp_path,
            env={**known, **job, "CALLS": str(calls), "ENDS": ends, **environment},
            capture_output=True,
            text=True,
        )
        lines = calls.read_text().splitlines() if calls.exists() else []
        return done, [json.loads(line) for line in lines]

    return Batch(request.param.stem, tmp_path, run)


@needs_bash
@pytest.mark.parametrize("launcher", ["pmix", "pmi2", "mpirun"])
def test_a_template_shows_warms_up_and_runs_the_same_ranks(batch, launcher):
    done, (info, warmup, run) = batch(LAUNCHER=launcher)
    assert done.returncode == 0, done.stderr
    if launcher == "mpirun":
        ranks = ["mpirun", "-n", "8", "--bind-to", "none"]
    else:
        ranks = ["srun", f"--mpi={launcher}", "--kill-on-bad-exit=1"]
        ranks += ["--gpus-per-task=1"] if batch.name == "gpu" else []
        ranks += ["--cpus-per-task=3", "--cpu-bind=cores"]
    assert info == [*ranks, "sssp", "info"]
    assert warmup == [*ranks, "sssp", "warmup"]
    engine = ["--engine", "cuda"] if batch.name == "gpu" else []
    asked = ["sssp", "run", "--scale", "28", *engine, "--output", "results/7"]
    assert run == [*ranks, *asked, "--log-dir", "results/7/logs"]


@needs_bash
def test_a_template_refuses_an_unknown_launcher_before_it_starts_ranks(batch):
    done, calls = batch(LAUNCHER="pmi3")
    assert done.returncode == 2
    assert "pmi3" in done.stderr
    assert calls == []


@needs_bash
def test_a_template_stops_a_minute_before_slurm_does(batch):
    before = time.time()
    ends = datetime.fromtimestamp(before + 600).isoformat(timespec="seconds")
    _done, calls = batch(ends=ends)
    limit = int(calls[-1][calls[-1].index("--time-limit") + 1])
    assert 600 - 60 - (time.time() - before) - 2 <= limit <= 600 - 60


@needs_bash
@pytest.mark.parametrize("ends", ["N/A", "Unknown", "2001-01-01T00:00:00"])
def test_a_template_sets_no_limit_where_slurm_has_none_or_no_minute_is_left(batch, ends):
    done, calls = batch(ends=ends)
    assert done.returncode == 0, done.stderr
    assert "--time-limit" not in calls[-1]


@needs_bash
def test_a_requeued_job_goes_on_with_its_file(batch):
    (batch.folder / "results" / "7" / "logs").mkdir(parents=True)
    (batch.folder / "results" / "7" / "a.json").write_text("{}")
    (batch.folder / "results" / "7" / ".b.json.tmp").write_text("{}")
    _done, calls = batch()
    assert calls[-1][-6:] == ["sssp", "run", "--resume", "results/7/a.json", *calls[-1][-2:]]


@needs_bash
def test_a_job_goes_on_with_the_file_it_is_told(batch):
    _done, calls = batch(RESUME="results/5/with space.json")
    asked = ["sssp", "run", "--resume", "results/5/with space.json"]
    assert calls[-1][-6:] == [*asked, "--log-dir", "results/7/logs"]
