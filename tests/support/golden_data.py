"""Shared: what the reference code computed (tests/golden), as arrays and tables."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np

from graphs.edges import EdgeList

GOLDEN = Path(__file__).parent.parent / "golden"
SCALES = (4, 6, 10, 16, 20)


def rows(name: str) -> list[dict[str, str]]:
    """Return a CSV file, a dictionary a line."""
    with open(GOLDEN / name, newline="") as file:
        return list(csv.DictReader(file))


def graph_facts(scale: int) -> dict:
    """Return what graphs.json says about a scale."""
    return json.loads((GOLDEN / "graphs.json").read_text())[f"s{scale}_ef16_seed_def"]


def rng_lines(start: str) -> list[str]:
    """Return the rest of every line of the random number file that begins so."""
    lines = (GOLDEN / "rng_seed_2_3.txt").read_text().splitlines()
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def edge_table(file_name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return index, u, v (int64) and weight (float32) of a file of edges."""
    table = rows(file_name)
    index, u, v = (
        np.array([int(row[key]) for row in table], np.int64) for key in ["index", "u", "v"]
    )
    bits = np.array([int(row["w_hex"], 16) for row in table], np.uint32)
    return index, u, v, bits.view(np.float32)


def golden_edges(scale: int) -> EdgeList:
    """Return a whole edge list: those of scales 4 and 6 are there."""
    _, src, dst, weight = edge_table(f"edges_s{scale}_ef16_seed_def.csv")
    return EdgeList(src, dst, weight, 2**scale)


def golden_roots(scale: int) -> list[int]:
    """Return the reference's 64 search keys, in order."""
    return [int(row["root"]) for row in rows(f"roots_s{scale}_ef16_seed_def.csv")]


def sha256(array: np.ndarray) -> str:
    """Return the digest of an array's bytes, little-endian."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.data).hexdigest()


def sha256_of_distances(dist: np.ndarray) -> str:
    """Return the digest of float32 distances as the reference stores them, -1 where unreached."""
    return sha256(np.where(np.isinf(dist), np.float32(-1), dist))


def sha256_of_edges(edges: EdgeList) -> tuple[str, str, str]:
    """Return the digests of src, dst and weight."""
    return sha256(edges.src), sha256(edges.dst), sha256(edges.weight)
