#!/usr/bin/env bash
# Installs what the tests need and the machine lacks.
#
# usage: tools/setup.sh [NEED...]     without a need: all of them
#
#   rust      a compiler that works, rustfmt, clippy, a linker
#   wasm      the wasm32-unknown-unknown target, wasm-bindgen, wasm-pack
#   browser   Chromium and its driver
#   node      Node 20 or later with npm (checked, not installed)
#   sqlite    the C sqlite3, which the tests compare against
#   legacy    the C SQLite with sqlite-vec for Python, which makes what `sigil migrate` reads
#   fuzz      cargo-fuzz and a C++ compiler for libFuzzer
#   dist      the targets that are released and checked, qemu-user to run one of them
#
# Command-line tools are built into target/tools, so nothing of the user's is replaced.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

wasm_pack_version=0.15.1
cargo_fuzz_version=0.13.2
dist_targets=(
  x86_64-unknown-linux-musl aarch64-unknown-linux-musl
  x86_64-pc-windows-msvc x86_64-apple-darwin aarch64-apple-darwin
)

apt_updated=

# apt COMMAND PACKAGE...: installs the Debian packages that bring COMMAND, where it is missing.
apt() {
  local command=$1
  shift
  if has "$command"; then return; fi
  if ! has apt-get || [ "$(id -u)" != 0 ]; then
    die "'$command' is missing: install it (on Debian, as root: apt-get install $*)"
  fi
  printf 'installing %s\n' "$*"
  if [ -z "$apt_updated" ]; then
    apt-get update -qq
    apt_updated=1
  fi
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  has "$command" || die "the Debian package(s) '$*' brought no '$command'"
}

# component COMMAND NAME: a component of rustup's toolchain.
component() {
  if "$1" --version >/dev/null 2>&1; then return; fi
  has rustup || die "'$1' is missing: install it with your Rust toolchain"
  rustup component add "$2"
}

# targets NAME...: standard libraries of rustup's toolchain.
targets() {
  local sysroot target missing=()
  sysroot=$(rustc --print sysroot)
  for target in "$@"; do
    compgen -G "$sysroot/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null || missing+=("$target")
  done
  [ ${#missing[@]} = 0 ] && return
  has rustup || die "the Rust target(s) '${missing[*]}' are missing, and rustup is not there to add them"
  rustup target add "${missing[@]}"
}

# crate COMMAND PACKAGE VERSION: a command-line tool of one version, by cargo, unless it is there.
# They are tools, not products: an optimised build of them costs more than it saves.
crate() {
  local command=$1 package=$2 version=$3
  if has "$command" && "$command" --version 2>/dev/null | grep -qF " $version"; then return; fi
  printf 'building %s %s\n' "$package" "$version"
  CARGO_TARGET_DIR="$target_dir/tools/build" \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=false \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install --quiet --locked --root "$target_dir/tools" --version "$version" "$package"
}

need_rust() {
  has cargo || die "Rust is missing: install rustup's stable toolchain (rust-lang.org) and run this again"
  apt cc gcc libc6-dev
  component rustfmt rustfmt
  component cargo-clippy clippy
}

need_wasm() {
  need_rust
  wasm_env
  crate wasm-bindgen wasm-bindgen-cli "$(locked_version wasm-bindgen)"
  crate wasm-pack wasm-pack "$wasm_pack_version"
}

need_browser() {
  apt chromium chromium
  apt chromedriver chromium-driver
}

need_node() {
  local major
  has node || die "Node is missing: install Node 20 or later with npm"
  has npm || die "npm is missing: install Node 20 or later with npm"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || die "Node $(node --version) is too old: install Node 20 or later"
}

# Python's module will do where sqlite3 cannot be installed: tools/c-sqlite3 takes either.
need_sqlite() {
  if ! has sqlite3 && [ "$(id -u)" != 0 ] && python3 -c 'import sqlite3' 2>/dev/null; then return; fi
  apt sqlite3 sqlite3
}

# Of fixed versions: the directories that are made with them must be those of the program.
need_legacy() {
  local packages="$target_dir/tools/legacy" versions="apsw==3.54.1.0 sqlite-vec==0.1.6"
  if [ "$(cat "$packages/versions" 2>/dev/null)" = "$versions" ]; then return; fi
  apt python3 python3
  python3 -m pip --version >/dev/null 2>&1 || apt pip3 python3-pip
  printf 'installing %s for Python\n' "$versions"
  rm -rf "$packages"
  # shellcheck disable=SC2086
  python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-compile --target "$packages" $versions
  printf '%s\n' "$versions" >"$packages/versions"
}

need_fuzz() {
  need_rust
  apt c++ g++
  crate cargo-fuzz cargo-fuzz "$cargo_fuzz_version"
}

need_dist() {
  need_rust
  targets "${dist_targets[@]}"
  apt qemu-aarch64 qemu-user
}

[ $# -gt 0 ] || set -- rust wasm browser node sqlite legacy fuzz dist
for need in "$@"; do
  declare -F "need_$need" >/dev/null || die "no need is named '$need': see the head of tools/setup.sh"
  "need_$need"
done
