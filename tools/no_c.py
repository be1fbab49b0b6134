#!/usr/bin/env python3
"""Refuses any dependency that compiles or links C.

usage: tools/no_c.py [--manifest-path PATH] [PACKAGE TARGET[,TARGET...]]...

Walks the normal and build dependencies of each package on each target, as cargo resolves
them, and objects to a crate that
  - has a `links` key,
  - uses a crate that runs a C toolchain (cc, cmake, bindgen, ...),
  - has a build script and sources in C, C++ or assembler, or
  - ships object files or libraries that were compiled beforehand,
unless ALLOWED below names it with a reason. An exception nobody needs is an error too.
Development dependencies are not shipped, and not looked at.
"""

import json
import pathlib
import subprocess
import sys

NATIVE = [
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]
WASM = ["wasm32-unknown-unknown"]
SHIPPED = {"sigil-core": NATIVE + WASM, "sigil-native": NATIVE, "sigil-wasm": WASM}

# Crates that exist to run a C compiler, an assembler or their like, or to find a C library.
TOOLCHAINS = {
    "autotools", "bindgen", "cc", "clang-sys", "cmake", "cpp_build", "cxx-build", "meson",
    "nasm-rs", "pkg-config", "system-deps", "vcpkg",
}
SOURCES = {".asm", ".c", ".cc", ".cpp", ".cxx", ".m", ".mm", ".s", ".S"}
BINARIES = {".a", ".dll", ".dylib", ".lib", ".o", ".obj", ".so"}

# (crate, objection) -> (feature that has to be on or None, reason)
ALLOWED = {
    ("aegis", "uses cc"): ("pure-rust", "its build script returns before cc with `pure-rust`"),
    ("aegis", "has C sources"): ("pure-rust", "the C of libaegis is left alone with `pure-rust`"),
    ("aegis", "ships compiled code"): (
        "pure-rust", "its prebuilt wasm libraries are not linked with `pure-rust`",
    ),
    ("windows_x86_64_msvc", "ships compiled code"): (
        None, "an import library: the names of functions in Windows' own libraries",
    ),
    ("wasm-bindgen-shared", "links wasm_bindgen"): (
        None, "the key only keeps two versions out of one build; there is no library",
    ),
}


def metadata(manifest, target):
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    if manifest:
        command.append(f"--manifest-path={manifest}")
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def reachable(resolve, root):
    """The identifiers of `root` and of everything it is built from, and who uses whom."""
    nodes = {node["id"]: node for node in resolve["nodes"]}
    seen, queue, uses = {root}, [root], {}
    while queue:
        current = queue.pop()
        for dependency in nodes[current]["deps"]:
            if all(kind["kind"] == "dev" for kind in dependency["dep_kinds"]):
                continue
            uses.setdefault(current, set()).add(dependency["pkg"])
            if dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                queue.append(dependency["pkg"])
    return seen, uses, nodes


def files_with(folder, suffixes, but=()):
    return any(
        path.suffix in suffixes
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in but
    )


def objections(package, used_names):
    """What speaks against `package`, as short stable phrases."""
    if package["links"]:
        yield f"links {package['links']}"
    for name in sorted(used_names & TOOLCHAINS):
        yield f"uses {name}"
    if package["source"] is None:
        return  # The project's own folders hold test data; its code is read by people.
    folder = pathlib.Path(package["manifest_path"]).parent
    builds = any("custom-build" in target["kind"] for target in package["targets"])
    # A crate's own tests may come with C, or load a library; nothing of them is shipped.
    tests = {"benches", "examples", "test", "tests"}
    if builds and files_with(folder, SOURCES, but=tests):
        yield "has C sources"
    if files_with(folder, BINARIES, but=tests):
        yield "ships compiled code"


def main(arguments):
    manifest = None
    if arguments[:1] == ["--manifest-path"]:
        manifest, arguments = arguments[1], arguments[2:]
    wanted = SHIPPED
    if arguments:
        wanted = {name: targets.split(",") for name, targets in zip(arguments[::2], arguments[1::2])}

    found, needed, n_crates = {}, set(), set()
    for target in sorted({target for targets in wanted.values() for target in targets}):
        graph = metadata(manifest, target)
        packages = {package["id"]: package for package in graph["packages"]}
        for name in sorted(name for name, targets in wanted.items() if target in targets):
            roots = [package["id"] for package in graph["packages"] if package["name"] == name]
            if not roots:
                sys.exit(f"no package is named '{name}' in the workspace")
            seen, uses, nodes = reachable(graph["resolve"], roots[0])
            for identifier in seen:
                package = packages[identifier]
                n_crates.add(identifier)
                used = {packages[other]["name"] for other in uses.get(identifier, ())}
                for objection in objections(package, used):
                    key = (package["name"], objection)
                    feature, _ = ALLOWED.get(key, (None, None))
                    if key in ALLOWED and (not feature or feature in nodes[identifier]["features"]):
                        needed.add(key)
                    else:
                        found.setdefault((package["name"], package["version"], objection), set()).add(
                            f"{name} on {target}"
                        )
    for (name, version, objection), places in sorted(found.items()):
        print(f"{name} {version} {objection}: in the tree of {', '.join(sorted(places))}")
    if found:
        print("no C may enter what is shipped: do without the crate, or turn on its pure Rust feature")
        return 1
    if wanted is SHIPPED and needed != set(ALLOWED):
        print(f"exceptions that nothing needs any more, take them out: {set(ALLOWED) - needed}")
        return 1
    print(f"{len(n_crates)} crates, none compiles or links C ({len(needed)} exceptions, see tools/no_c.py)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
