"""The sheet of a submission: every field filled, said or left as a named blank."""

from __future__ import annotations

import tomllib

import pytest
from command import sssp, stored  # noqa: F401
from example_peers import record
from example_result import example, from_file, ranked, search

from harness.reports.lines import spec_lines
from harness.reports.submission import sheet, template
from harness.results.statistics import summarize_teps

INVALID = example([search(valid=False, violations=["rule 1"])], status="invalid")


def fields(text):
    """Name and value of each field of a sheet."""
    head = text.partition("\n\n")[2].partition("\n\n")[0]
    return {name: rest.strip() for name, _, rest in (s.partition(":") for s in head.splitlines())}


def full_site():
    site = tomllib.loads(template())
    return {part: {key: f"my {key}" for key in keys} for part, keys in site.items()}


def test_what_the_file_holds_is_filled_in():
    found = fields(sheet(example()))
    assert found["Processor"] == "Model | 3000"
    assert (found["Nodes"], found["Cores"], found["Memory"]) == ("1", "2", "16 GiB")
    assert (found["Scale"], found["Edge factor"]) == ("10", "16")
    teps = summarize_teps([s["seconds"] for s in example()["searches"]], [16239] * 64)
    mean, error = teps.harmonic_mean / 1e9, teps.harmonic_stddev / 1e9
    rate = f"{mean:.6g} (standard error {error:.2g})"
    assert found["GTEPS (SSSP, harmonic mean)"] == rate
    assert found["Construction time"] == "0.0625 s"
    assert found["Implementation"] == "sssp-bench 0.1.0, commit 0123456789, cpu, 2 threads"
    assert found["Interconnect"] == "none, one node"


def test_what_only_a_person_knows_is_a_blank_with_its_name():
    text = sheet(example())
    found = fields(text)
    assert found["Vendor"] == "____ (machine.vendor in the site file)"
    assert found["Power"] == "____ (power.watts in the site file)"
    assert "- left blank: Machine, Vendor, " in text


def test_a_site_file_fills_every_blank():
    text = sheet(example(), full_site())
    assert "____" not in text and "left blank" not in text
    assert "What stands between this run and a submission:\n- nothing\n" in text
    found = fields(text)
    assert found["Site"] == "my institution"
    assert found["Nodes"] == "my nodes (the run found: 1)"
    assert found["Power"] == "my watts W, my how"


def test_every_name_of_the_template_is_on_the_sheet():
    text = sheet(example(), full_site())
    names = [key for part in tomllib.loads(template()).values() for key in part]
    assert [name for name in names if f"my {name}" not in text] == []


def test_nodes_of_ranks_are_counted_and_multiplied():
    two = ranked(2)
    two["ranks"]["places"] = [{"host": f"n{i}", "threads": 4, "cores": "0-3"} for i in range(2)]
    found = fields(sheet(two))
    assert (found["Nodes"], found["Cores"], found["Memory"]) == ("2", "4", "32 GiB")
    assert found["Interconnect"] == "____ (machine.interconnect in the site file)"
    assert found["Ranks x threads"] == "2 x 2"


@pytest.mark.parametrize(
    ("result", "obstacle"),
    [
        (example([search()] * 8), "- only 8 searches ran, 64 are asked for\n"),
        (example(dirty=True), "- tracked files differed from the commit\n"),
        (example([search(1, 0.25), search(2, 5.0)] * 32), "- the machine was shared: root 2"),
        (from_file(), "- the graph comes from a file, not from the official generator\n"),
        (INVALID, "- invalid\n"),
    ],
)
def test_what_stands_in_the_way_is_listed(result, obstacle):
    assert obstacle in sheet(result, full_site())


def test_the_specifications_output_is_attached():
    assert sheet(example()).endswith(f"\n\n{spec_lines(example())}")


def test_an_invalid_run_has_no_figure():
    text = sheet(INVALID)
    assert fields(text)["GTEPS (SSSP, harmonic mean)"] == "none: invalid"
    assert "No results printed for invalid run." in text


def test_component_energy_is_never_taken_for_the_systems_power():
    part = {"machine": "m", "name": "package-0", "idle_joules": 1.0, "joules": 8.0}
    energy = {"label": "component energy", "idle_seconds": 1.0, "seconds": 2.0, "loops": 1}
    found = fields(sheet(example(energy=energy | {"components": [part]})))
    assert found["Power"] == (
        "____ (power.watts in the site file); component energy, not of the system: 4 W"
    )


def test_the_commands_print_the_template_and_the_sheet(sssp, stored, tmp_path):  # noqa: F811
    printed = sssp("template", "site")
    assert (printed.status, printed.out) == (0, template())
    (tmp_path / "site.toml").write_text(printed.out.replace('vendor = ""', 'vendor = "ACME"'))
    names = stored(example(), record())
    done = sssp("report", *names, "--format", "submission", "--site-file", "site.toml")
    assert done.status == 0 and fields(done.out)["Vendor"] == "ACME"
    assert "1.json: of sssp peers, left out" in done.err
    (name,) = stored(INVALID)
    assert sssp("report", name, "--format", "submission").status == 1


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ("[site", "no TOML"),
        ("[sight]\n", "'sight' is no part of it; [site], [machine], [power] are"),
        ("site = 3\n", "'site' is no part of it"),
        ('[machine]\nvendour = ""\n', "[machine] has no 'vendour'; it has name, vendor,"),
        ("[machine]\nvendor = [1]\n", "machine.vendor must be a text on one line or a number"),
        ('[machine]\nvendor = """a\nb"""\n', "must be a text on one line"),
        ("[power]\nwatts = true\n", "power.watts must be"),
    ],
)
def test_a_site_file_that_cannot_be_is_refused(sssp, stored, tmp_path, content, fragment):  # noqa: F811
    (tmp_path / "site.toml").write_text(content)
    argv = ("report", *stored(example()), "--format", "submission", "--site-file")
    assert sssp(*argv, "site.toml").refused("--site-file site.toml: ", fragment)
    assert sssp(*argv, "none.toml").refused("none.toml: cannot be read: No such file")


def test_a_site_file_goes_with_a_sheet_only(sssp, stored):  # noqa: F811
    done = sssp("report", *stored(example()), "--site-file", "site.toml")
    assert done.refused("--site-file goes with --format submission, not with graph500")


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202e", "\udcff"])
def test_nothing_on_a_sheet_steers_a_terminal(sssp, stored, text):  # noqa: F811
    result = from_file(file=text)
    result["machine"]["cpu"] = text
    done = sssp("report", *stored(result), "--format", "submission")
    assert done.status == 0 and all(c.isprintable() or c == "\n" for c in done.out)
