#!/usr/bin/env bash
# Makes `cargo build --target wasm32-unknown-unknown` work, and prints what to put in front of PATH for it.
#
# 1. The compiler has the target already, or rustup's server gives it: nothing is printed.
# 2. On Debian without that server: Debian's own compiler (package rustc-web), whose sysroot gets the
#    standard library built from its source package. It takes about two minutes, once.
set -euo pipefail
target=wasm32-unknown-unknown

has_std() { compgen -G "$("$1" --print sysroot)/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null; }

if has_std rustc; then exit 0; fi
if command -v rustup >/dev/null && timeout 120 rustup target add "$target" >&2 && has_std rustc; then exit 0; fi

if ! has_std /usr/bin/rustc 2>/dev/null; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "no standard library for $target: run 'rustup target add $target'" >&2
    exit 1
  fi
  echo "rustup has no $target here: building it with Debian's compiler" >&2
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends rustc-web cargo-web rust-web-src rust-web-llvm lld-22 >&2
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  mkdir -p "$build/src"
  : >"$build/src/lib.rs"
  printf '[package]\nname = "std-build"\nversion = "0.0.0"\nedition = "2021"\n' >"$build/Cargo.toml"
  (cd "$build" && unset CARGO_TARGET_DIR && RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build \
    --release --target "$target" -Zbuild-std=std,panic_abort,panic_unwind,test,proc_macro >&2)
  dest="$(/usr/bin/rustc --print sysroot)/lib/rustlib/$target/lib"
  mkdir -p "$dest"
  cp "$build/target/$target/release/deps/"*.rlib "$dest/"
  rm -f "$dest"/libstd_build-*.rlib
fi
echo "/usr/bin:"
