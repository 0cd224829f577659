"""A ReFrame test of sssp-bench: sanity is 64 validated searches, performance what the list shows.

    reframe -c integrations/reframe/sssp_bench.py --run -S scale=24 -S num_tasks=4

Needs `sssp` on the PATH of the job: through modules of a system's environment, or a line in
`prerun_cmds`. References for `--performance-compare` and for limits are the site's.
"""

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import (
    performance_function,
    run_before,
    sanity_function,
    variable,
)


@rfm.simple_test
class Graph500Kernel3(rfm.RunOnlyRegressionTest):
    """The benchmark on one graph; variables are set with -S, as is `num_tasks` for ranks."""

    descr = "Graph500 kernel 3 (SSSP)"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    executable = "sssp"
    # The file of raw figures, for `sssp report` and `sssp compare`.
    keep_files = ["result"]

    scale = variable(int, value=20)
    searches = variable(int, value=64)
    # Threads of a rank; 0: all the cores that it may use.
    threads = variable(int, value=0)

    @run_before("run")
    def set_arguments(self):
        self.executable_opts = [
            *("run", "--scale", str(self.scale), "--roots", str(self.searches)),
            *(["--threads", str(self.threads)] if self.threads else []),
            *("--quiet", "--output", "result"),
        ]

    @sanity_function
    def every_answer_is_validated(self):
        ran = sn.extractsingle(r"^NBFS:\s+(\d+)$", self.stdout, 1, int)
        return sn.all(
            [
                # Fewer ran where fewer vertices have an edge, or where a job was stopped.
                sn.assert_eq(ran, self.searches, msg="searches that ran: {0}, asked for: {1}"),
                # An invalid run prints no figures, and one without validation no such line.
                sn.assert_found(r"^sssp mean_validate:", self.stdout),
                sn.assert_not_found(r"error:|invalid", self.stderr),
            ]
        )

    @performance_function("TEPS")
    def harmonic_mean_TEPS(self):
        return self.figure("sssp harmonic_mean_TEPS")

    @performance_function("s")
    def median_time(self):
        return self.figure("sssp median_time")

    @performance_function("s")
    def construction_time(self):
        return self.figure("construction_time")

    @performance_function("s")
    def graph_generation(self):
        return self.figure("graph_generation")

    def figure(self, key):
        """Return the value of one of the benchmark's lines; one has a mark before it."""
        return sn.extractsingle(rf"^{key}:\s+(?:!\s+)?(\S+)$", self.stdout, 1, float)
