"""Where compiled kernels are kept: where nobody else writes; full disks and damage are said."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from numba.core.errors import TypingError
from repository import HOUSE, run_python

from harness.benchmark import warmup
from kernels import cache, compiling, nvrtc, private_folder
from kernels.compile import njit

SOMEBODY = 4711
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes somebody else's files")


@pytest.fixture
def place(tmp_path):
    """Two folders below another, as home and leaf are."""
    folder = tmp_path / "home" / "sssp-bench" / "leaf"
    folder.mkdir(parents=True)
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o755)
    return folder


def test_a_folder_that_only_we_can_write_is_taken(place):
    assert private_folder.refusal(place) is None
    assert private_folder.usable(place / "not" / "there" / "yet") is None


@pytest.mark.parametrize("depth", range(4))
@pytest.mark.parametrize("mode, who", [(0o775, "group"), (0o757, "everybody"), (0o777, "everybod")])
def test_a_folder_that_others_can_write_is_refused_and_named(place, depth, mode, who):
    path = (place, *place.parents)[depth]
    path.chmod(mode)
    assert private_folder.refusal(place).startswith(f"{path} can be written by {who}")
    assert private_folder.usable(place / "new" / "one").startswith(
        f"{path} can be written by {who}"
    )


def test_a_sticky_folder_on_the_way_is_no_fault_but_the_last_is(place):
    place.parent.chmod(0o1777)
    assert private_folder.refusal(place) is None
    place.chmod(0o1777)
    assert "can be written by everybody" in private_folder.refusal(place)


@AS_ROOT
@pytest.mark.parametrize("depth", range(4))
def test_a_folder_of_somebody_else_is_refused(place, depth):
    path = (place, *place.parents)[depth]
    os.chown(path, SOMEBODY, -1)
    assert private_folder.refusal(place) == f"{path} belongs to user {SOMEBODY}"


@AS_ROOT
@pytest.mark.parametrize("depth", range(3))
def test_our_own_links_are_followed_and_no_others(place, tmp_path, depth):
    path = (place, *place.parents)[depth]
    path.rename(tmp_path / "moved")
    path.symlink_to("../" * (2 - depth) + "moved")
    assert place.is_dir() and private_folder.refusal(place) is None
    (tmp_path / "moved").chmod(0o777)
    assert "moved can be written by everybody" in private_folder.refusal(place)
    (tmp_path / "moved").chmod(0o755)
    os.lchown(path, SOMEBODY, -1)
    assert private_folder.refusal(place) == f"{path} is a link of user {SOMEBODY}"


def test_a_link_in_circles_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "Too many levels" in private_folder.refusal(tmp_path / "a" / "leaf")


def test_folders_are_made_for_us_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        assert private_folder.usable(tmp_path / "a" / "b" / "c") is None
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def python(code, settings):
    command = [sys.executable, "-c", code]
    environment = os.environ | settings
    return subprocess.run(command, cwd=HOUSE, env=environment, capture_output=True, text=True)


ASK = "import json, kernels.cache as c; print(json.dumps([c.CACHE_FOLDER, c.REFUSED]))"


@pytest.mark.slow
def test_a_folder_asked_for_and_refused_is_said_in_one_line(tmp_path):
    asked = tmp_path / "asked"
    asked.mkdir()
    asked.chmod(0o777)
    settings = {"NUMBA_CACHE_DIR": str(asked), "XDG_CACHE_HOME": str(tmp_path / "home")}
    folder, refused = run_python(ASK, **settings)
    assert Path(folder).parent == tmp_path / "home" / "sssp-bench"
    assert refused == [f"{asked} can be written by everybody"]
    command = [sys.executable, "-c", "import kernels.cache"]
    done = subprocess.run(
        command, cwd=HOUSE, env=os.environ | settings, capture_output=True, text=True
    )
    (line,) = done.stderr.splitlines()
    assert f"{asked} can be written by everybody" in line and folder in line
    assert "NUMBA_CACHE_DIR" in line


def test_info_names_what_was_refused(monkeypatch):
    from harness.commands.info import machine_lines

    monkeypatch.setattr(cache, "REFUSED", ["/shared can be written by group 7"])
    lines = machine_lines()
    assert ("cache folder refused", "/shared can be written by group 7") in lines
    assert ("cache folder", cache.CACHE_FOLDER) in lines


# What is kept


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two empty folders for kernels, and nothing said yet."""
    found = [tmp_path / "first", tmp_path / "second"]
    for folder in found:
        folder.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(cache, "FOLDERS", found)
    monkeypatch.setattr(cache, "CACHE_FOLDER", str(found[0]))
    monkeypatch.setattr(cache._Trouble, "said", set())
    monkeypatch.setattr(cache._Trouble, "failed", 0)
    return found


def increment(x):
    return x + 1


def compiled():
    """A function that a process has not met before: is it loaded, and what is said?"""
    function = njit(cache=True)(increment)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert function(1) == 2
    return function, [str(warning.message) for warning in said]


def loads(function):
    return sum(function.stats.cache_hits.values())


def kept_in(folder):
    return {path.suffix: path for path in folder.rglob("*.nb?")}


def test_numbas_own_settings_are_left_to_the_user():
    code = "import json, os, numba; before = numba.config.CACHE_DIR, dict(os.environ); "
    code += "import kernels.push; print(json.dumps(before == (numba.config.CACHE_DIR, os.environ)))"
    assert run_python(code, GOMP_SPINCOUNT="1") is True


def test_what_is_kept_is_loaded(folders):
    function, said = compiled()
    assert loads(function) == 0 and said == []
    assert set(kept_in(folders[0])) == {".nbi", ".nbc"}
    function, said = compiled()
    assert loads(function) == 1 and said == []


def test_what_is_loaded_is_machine_code_that_nothing_can_be_linked_to(folders, monkeypatch):
    """To parse what could be linked takes most of the time; a kernel that calls links the twin."""
    compiled()
    monkeypatch.setattr("llvmlite.binding.parse_bitcode", None)
    function, said = compiled()
    assert loads(function) == 1 and said == []
    [loaded] = function.overloads.values()
    with pytest.raises(RuntimeError, match="unfit for linking"):
        loaded.library._get_module_for_linking()


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
input()
"""


def test_what_another_process_compiles_is_waited_for_but_not_for_ever(folders, monkeypatch):
    monkeypatch.setattr(compiling._Locks, "file", None)
    monkeypatch.setattr(compiling._Locks, "patience", 0.05)
    lock = compiling.begin(folders[0], "kernel")
    assert lock is not None
    compiling.end(lock)
    command = [sys.executable, "-c", HOLD, folders[0] / "compiling"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        assert compiling.begin(folders[0], "kernel") is None
        assert compiling._Locks.patience <= 0  # no second wait
        monkeypatch.setattr(compiling._Locks, "patience", 60.0)
        other.kill()
        assert compiling.begin(folders[0], "kernel") == lock
    assert compiling._Locks.patience > 0


def test_what_was_compiled_elsewhere_meanwhile_is_loaded(folders, monkeypatch):
    compiled()
    hidden = folders[0].rename(folders[0].parent / "hidden")
    folders[0].mkdir(mode=0o700)

    def waits(folder, kernel):
        shutil.copytree(hidden, folder, dirs_exist_ok=True)

    monkeypatch.setattr(cache, "begin", waits)
    function, said = compiled()
    assert loads(function) == 1 and said == []


def test_a_kernel_that_is_compiled_or_fails_is_unlocked(folders, monkeypatch):
    held = []
    monkeypatch.setattr(cache, "begin", lambda folder, kernel: held.append(kernel) or len(held))
    monkeypatch.setattr(cache, "end", lambda lock: held.pop())
    compiled()
    assert held == []
    with pytest.raises(TypingError):
        njit(cache=True)(increment)("text")
    assert held == []


def test_a_folder_that_fails_before_the_first_call_is_passed_over(folders):
    """numba would take a folder of its own choice, beside the sources."""
    function = njit(cache=True)(increment)
    folders[0].rmdir()
    folders[0].write_text("in the way")
    with (
        pytest.warns(cache.CacheWarning, match="Not a directory"),
        pytest.warns(cache.CacheWarning, match=str(folders[1])),
    ):
        assert function(1) == 2
    assert set(kept_in(folders[1])) == {".nbi", ".nbc"}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("size", [0, 7, 100, "zeros"])
def test_a_damaged_file_is_said_once_and_compiled_again(folders, suffix, size):
    compiled()
    path = kept_in(folders[0])[suffix]
    whole = path.read_bytes()
    path.write_bytes(b"\0" * len(whole) if size == "zeros" else whole[:size])
    function, (line,) = compiled()
    assert loads(function) == 0
    assert str(folders[0]) in line and "NUMBA_CACHE_DIR" in line and "\n" not in line
    function, said = compiled()
    assert loads(function) == 1 and said == []


@pytest.fixture
def full(monkeypatch):
    """Let the disk under a folder be full."""

    def install(folder, number=errno.ENOSPC):
        from numba.core.caching import IndexDataCacheFile

        save = IndexDataCacheFile._save_data

        def refuse(self, name, data):
            if Path(self._cache_path).is_relative_to(folder):
                raise OSError(number, os.strerror(number))
            save(self, name, data)

        monkeypatch.setattr(IndexDataCacheFile, "_save_data", refuse)

    return install


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_said_once_and_the_next_folder_is_used(folders, full, number):
    full(folders[0], number)
    _, (line,) = compiled()
    assert str(folders[0]) in line and str(folders[1]) in line and os.strerror(number) in line
    assert "NUMBA_CACHE_DIR" in line
    function, said = compiled()
    assert loads(function) == 1 and said == [], "what is kept in the next folder is found"


def test_where_all_disks_are_full_nothing_is_kept_and_all_works(folders, full):
    full(folders[0].parent)
    _, said = compiled()
    assert ["are kept in" in said[0], "are not kept" in said[1]] == [True, True]
    function, said = compiled()
    assert loads(function) == 0 and said == []


def test_what_others_may_write_is_not_read_from_the_next_folder(folders, full):
    full(folders[0])
    compiled()
    folders[1].chmod(0o777)
    function, _ = compiled()
    assert loads(function) == 0


@pytest.mark.slow
@AS_ROOT
def test_a_disk_that_is_really_full(tmp_path):
    """A file system of 4 KB takes no kernel; all are compiled and kept all the same."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "none", small])
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        code = "from numpy import uint64; from kernels.bits import ones; print(ones(uint64(7)))"
        settings = {"NUMBA_CACHE_DIR": str(small), "XDG_CACHE_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=HOUSE, env=os.environ | settings, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
        (line,) = done.stderr.splitlines()
        assert str(small) in line and "No space left" in line
    finally:
        subprocess.run(["umount", small], check=True)


# A kernel that allocates is called; after it has been loaded, a caller's own function is compiled.
LOADING = """
import json, sys
import numba, numpy
from kernels.build import order_by_degree
found = [order_by_degree(numpy.arange(3, dtype=numpy.int64)).tolist()]
found.append([name in sys.modules for name in ("numba.np.linalg", "numba.np.arrayobj")])
if order_by_degree.stats.cache_hits:
    found.append(numba.njit(lambda n: numpy.ones(n)[1])(3))
print(json.dumps(found))
"""


@pytest.mark.slow
def test_what_is_loaded_waits_for_nothing_that_only_compiling_needs(tmp_path):
    names = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR")
    nothing_kept = dict.fromkeys(names, str(tmp_path))
    assert run_python(LOADING, **nothing_kept) == [[2, 1, 0], [True, True]]
    assert run_python(LOADING, **nothing_kept) == [[2, 1, 0], [False, False], 1.0]


def test_cuda_code_goes_to_the_next_folder_too(folders, monkeypatch):
    shutil.rmtree(folders[0])
    folders[0].write_text("in the way")
    with pytest.warns(cache.CacheWarning, match=str(folders[1])):
        path = cache.keep(folders[0] / "k.cubin", b"code")
    assert path == folders[1] / "k.cubin" and path.read_bytes() == b"code"
    monkeypatch.setattr(cache, "FOLDERS", folders[:1])
    with pytest.raises(OSError, match="NUMBA_CACHE_DIR") as fault:
        cache.keep(folders[0] / "k.cubin", b"code")
    assert fault.value.filename == str(folders[0])
    assert nvrtc.keep is cache.keep


# The note that all of a plan has been compiled


@pytest.fixture
def noted(folders, monkeypatch):
    """A plan of which all is kept."""
    monkeypatch.setattr(warmup, "FOLDERS", folders)
    subfolder = folders[0] / "kernels_1"
    subfolder.mkdir()
    (subfolder / "f.nbi").write_bytes(b"index")
    (subfolder / "f.1.nbc").write_bytes(b"kernel")
    monkeypatch.setattr(
        cache.UserProvidedCacheLocator, "get_suitable_cache_subpath", lambda path: "kernels_1"
    )
    plan = warmup.Plan("float32", False)
    plan.mark()
    assert plan.is_compiled()
    return plan, subfolder


@pytest.mark.parametrize("name", ["f.nbi", "f.1.nbc"])
@pytest.mark.parametrize("size", [None, 0, 3])
def test_what_is_gone_or_cut_short_is_compiled_before_the_clock(noted, name, size):
    plan, subfolder = noted
    whole = (subfolder / name).read_bytes()
    (subfolder / name).unlink()
    if size is not None:
        (subfolder / name).write_bytes(whole[:size])
    assert not plan.is_compiled()


def test_what_another_plan_adds_changes_nothing(noted):
    plan, subfolder = noted
    (subfolder / "g.nbi").write_bytes(b"another")
    (subfolder / "f.nbi").write_bytes(b"index and more")
    assert plan.is_compiled()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": "y"}', "\0"])
def test_a_damaged_note_is_none(noted, folders, text):
    plan, _ = noted
    (note,) = folders[0].glob("compiled-*")
    note.write_text(text)
    assert not plan.is_compiled()


@pytest.mark.parametrize("part", range(4))
def test_the_note_is_of_what_numba_goes_by(noted, monkeypatch, part):
    """Version of numba, of Python, processor; path, time and length of the sources: two checkouts
    that share a folder do not take each other's kernels, and neither is what was touched."""
    plan, _ = noted
    keys = cache.keys()
    monkeypatch.setattr(warmup, "keys", lambda: [*keys[:part], "another", *keys[part + 1 :]])
    assert not plan.is_compiled()


def test_sources_are_told_apart_by_path_and_time():
    paths = [path for path, _, _ in cache.keys()[3]]
    assert str(HOUSE / "kernels" / "push.py") in paths
    (seen,) = [found for path, *found in cache.keys()[3] if path.endswith("push.py")]
    found = (HOUSE / "kernels" / "push.py").stat()
    assert seen == [found.st_mtime, found.st_size]
