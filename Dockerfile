# sssp-bench in a container, from a checkout.
#
#   docker build -t sssp-bench .
#   docker run --rm -v "$PWD/results/runs:/results" sssp-bench run --scale 18 --output /results
#   docker run --rm --entrypoint mpirun sssp-bench -n 2 sssp run --scale 18 --output /tmp
#
# For GPUs: docker build --build-arg EXTRAS=mpi,cuda12 -t sssp-bench .
#           docker run --rm --gpus all sssp-bench info
FROM python:3.12-slim

# The threads of the kernels are those of GNU OpenMP, which no wheel brings.
# The MPICH of the extra mpi uses InfiniBand where it finds verbs.
RUN apt-get update && \
    apt-get install -y --no-install-recommends \
        libgomp1 ibverbs-providers libibverbs1 librdmacm1 && \
    rm -rf /var/lib/apt/lists/*

# mpi: an MPICH inside, for one machine and for srun --mpi=pmi2. Empty: only the host's MPI, mounted.
ARG EXTRAS=mpi
WORKDIR /opt/sssp-bench
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY kernels kernels
COPY graphs graphs
COPY sssp sssp
COPY harness harness
COPY results/schema.json results/
RUN pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}"

# Compiled kernels fit one kind of processor, so they are made where the container runs.
WORKDIR /
ENTRYPOINT ["sssp"]
CMD ["--help"]
