# Sourced by every script: the paths, and the few words they share.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Nothing here may wait for a person.
exec </dev/null
export DEBIAN_FRONTEND=noninteractive

# rustup puts cargo where a bare PATH does not look.
target_dir=${CARGO_TARGET_DIR:-$root/target}
export CARGO_TARGET_DIR="$target_dir"
export PATH="$target_dir/tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

# No diagnosis depends on the user's own flags or colours.
unset RUSTFLAGS RUSTDOCFLAGS CARGO_BUILD_TARGET
export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never NO_COLOR=1 LC_ALL=C.UTF-8

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# check NAME COMMAND...: runs one check that has no test runner of its own, and counts it.
check() {
  local name=$1 began=$SECONDS
  shift
  if "$@"; then
    printf 'check %s ... ok (%s s)\n' "$name" "$((SECONDS - began))"
  else
    printf 'check %s ... FAILED (%s s): %s\n' "$name" "$((SECONDS - began))" "$*"
    return 1
  fi
}

# The version of a package in the workspace's lock file.
locked_version() {
  awk -v name="\"$1\"" '$1 == "name" { found = $3 == name } found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# The PATH to build for wasm32 with: the usual one, or Debian's compiler in front of it.
wasm_env() {
  local prefix
  prefix=$(tools/wasm-target.sh)
  export PATH="$prefix$PATH"
}
