"""A Ramble application: Graph500 kernel 3 with the figures of its lines, the marked one included.

    ramble repo add integrations/ramble

Its workloads run `sssp`, or the same benchmark under the name of the reference code.
"""

from ramble.appkit import *


class SsspBench(ExecutableApplication):
    """Graph500 kernel 3, single-source shortest paths: generated, searched, validated."""

    name = "sssp-bench"

    tags("graph", "benchmark", "mpi-benchmark", "graph500")

    executable(
        "sssp",
        "sssp run --scale {scale} --edgefactor {edge_factor} --roots {searches} "
        "--output {experiment_run_dir}/result {additional_args}",
        use_mpi=True,
    )
    executable("drop-in", "graph500_reference_bfs_sssp {scale} {edge_factor}", use_mpi=True)

    workload("sssp", executable="sssp")
    workload("reference_name", executable="drop-in")

    for variable, default, what, workloads in (
        ("scale", "20", "log2 of the vertices", ["sssp", "reference_name"]),
        ("edge_factor", "16", "edges per vertex", ["sssp", "reference_name"]),
        ("searches", "64", "searches, 64 for a submission", ["sssp"]),
        ("additional_args", "--quiet", "further flags of sssp run", ["sssp"]),
    ):
        workload_variable(variable, default=default, description=what, workloads=workloads)

    _number = r"[0-9.]+(?:e[+-]?[0-9]+)?"

    for key, units in (
        ("SCALE", ""),
        ("edgefactor", ""),
        ("NBFS", ""),
        ("num_mpi_processes", ""),
        ("graph_generation", "s"),
        ("construction_time", "s"),
        ("sssp min_time", "s"),
        ("sssp median_time", "s"),
        ("sssp max_time", "s"),
        ("sssp mean_time", "s"),
        ("sssp min_TEPS", "TEPS"),
        ("sssp firstquartile_TEPS", "TEPS"),
        ("sssp median_TEPS", "TEPS"),
        ("sssp thirdquartile_TEPS", "TEPS"),
        ("sssp max_TEPS", "TEPS"),
        # The reference puts a mark before this value.
        ("sssp harmonic_mean_TEPS", "TEPS"),
        ("sssp harmonic_stddev_TEPS", "TEPS"),
        ("sssp mean_validate", "s"),
    ):
        figure_of_merit(
            key,
            fom_regex=rf"^{key}:\s+(?:!\s+)?(?P<fom>{_number})\s*$",
            group_name="fom",
            units=units,
        )

    # There only where every answer was validated, and none is wrong.
    success_criteria("validated", mode="string", match=rf"^sssp mean_validate:\s+{_number}")
