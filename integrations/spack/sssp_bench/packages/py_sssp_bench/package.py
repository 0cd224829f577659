"""A Spack package of sssp-bench: `spack repo add integrations/spack/sssp_bench`.

Installs from a checkout: `spack develop --path /path/to/sssp-bench py-sssp-bench@main`, or a `git`
line of the site's in this file.
"""

from spack.package import *
from spack_repo.builtin.build_systems.python import PythonPackage


class PySsspBench(PythonPackage):
    """Graph500 kernel 3: single-source shortest paths, generated, solved, validated, reported."""

    license("BSD-3-Clause", checked_by="sssp-bench contributors")

    version("main", branch="main")

    variant("plot", default=False, description="Pictures and reports with plots")
    variant("peers", default=False, description="Other libraries, for sssp peers")

    # As setup.cfg has them; a test compares.
    depends_on("python@3.11:", type=("build", "run"))
    depends_on("py-setuptools@64:", type="build")
    depends_on("py-numba@0.62:", type=("build", "run"))
    depends_on("py-numpy@2.3:", type=("build", "run"))
    depends_on("py-scipy@1.15:", type=("build", "run"))
    depends_on("py-networkx@3.3:", type=("build", "run"))
    # With the site's MPI: py-mpi4py is built against it.
    depends_on("py-mpi4py@4.1:", type=("build", "run"))
    depends_on("py-tqdm@4.66:", type=("build", "run"))
    depends_on("py-matplotlib@3.10:", type=("build", "run"), when="+plot")
    depends_on("py-networkit@11.3:", type=("build", "run"), when="+peers")
    depends_on("py-igraph@0.11.2:", type=("build", "run"), when="+peers")
    depends_on("py-python-graphblas@2024.2:", type=("build", "run"), when="+peers")

    import_modules = ["kernels", "graphs", "sssp", "harness"]
