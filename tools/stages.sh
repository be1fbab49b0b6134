#!/usr/bin/env bash
# The stages of ./test, one function each. usage: tools/stages.sh STAGE
#
# A stage prints what its runners print; ./test counts the tests from that. What has no runner
# is a `check`. Cargo profiles are few on purpose, because the engine takes minutes in each:
# dev for all tests, release for the command line, wasm for the npm package (built by no-c
# already), and the fuzzers' own.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

fuzz_seconds=${FUZZ_SECONDS:-60}
fuzz_targets=(manifest blob index_snapshot filter_parser query_parser text_segment page)

stage_setup() { check "everything is installed" tools/setup.sh; }

only_ascii() {
  local found
  found=$(git ls-files -z -- '*.rs' '*.ts' '*.js' '*.mjs' '*.py' '*.sh' '*.toml' '*.css' '*.html' test dist .ci/run |
    xargs -0 grep -nP '[^\x00-\x7F]' -- || true)
  [ -z "$found" ] || { printf '%s\n' "$found"; return 1; }
}

lock_is_current() { cargo metadata --locked --format-version=1 --manifest-path="$1" >/dev/null; }

# no_code PATTERN FILE...: the pattern is in no line of code; comments may say it.
no_code() {
  local found pattern=$1
  shift
  found=$(git grep -nE "$pattern" -- "$@" | grep -vE '^[^:]+:[0-9]+:\s*//' || true)
  [ -z "$found" ] || { printf '%s\n' "$found"; return 1; }
}

core_asks_the_host() {
  no_code 'std::(fs|net|thread|process|env)\b|Instant::now|SystemTime::now|js_sys|web_sys|wasm_bindgen::' core/src &&
    # The engine keeps buffers for each thread, and that one file tells it not to.
    no_code '\bthread_local\b' core/src ':!core/src/engine/buffers.rs'
}

only_the_engine_names_turso() {
  no_code '\bturso_core\b' core/src ':!core/src/engine.rs' ':!core/src/engine' native wasm/src ':!*.toml'
}

no_test_is_skipped() {
  no_code '#\[ignore|\b(it|test|describe)\.(skip|only|todo)\b|\btodo!\(|\bunimplemented!\(' '*.rs' '*.ts' '*.mjs' '*.js'
}

stage_lint() {
  tools/setup.sh rust wasm
  check "lock file is current" lock_is_current Cargo.toml
  check "lock file of the fuzzers is current" lock_is_current tests/fuzz/Cargo.toml
  check "lock file of the peers is current" lock_is_current tests/peers/Cargo.toml
  check "formatted" cargo fmt --all --check
  check "fuzz targets are formatted" cargo fmt --manifest-path=tests/fuzz/Cargo.toml --check
  check "peers are formatted" cargo fmt --manifest-path=tests/peers/Cargo.toml --check
  check "sources are ASCII" only_ascii
  check "core asks the host" core_asks_the_host
  check "only the engine names turso" only_the_engine_names_turso
  check "no test is skipped" no_test_is_skipped
  check "clippy, native" cargo clippy --locked -p sigil-core -p sigil-native -p sigil-tests -p sigil-store-tests --all-targets -- -D warnings
  check "rustdoc" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps -p sigil-core -p sigil-native -p sigil-tests -p sigil-store-tests
  wasm_env
  if rustc --print sysroot | grep -q rustup; then
    check "clippy, wasm32" cargo clippy --locked -p sigil-core -p sigil-wasm -p sigil-store-tests --target wasm32-unknown-unknown --all-targets -- -D warnings
  else
    # Debian's compiler for wasm comes without clippy.
    check "check, wasm32" env RUSTFLAGS="-D warnings" cargo check --locked -p sigil-core -p sigil-wasm -p sigil-store-tests --target wasm32-unknown-unknown --all-targets
  fi
}

stage_no-c() {
  tools/setup.sh rust wasm
  PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --start-directory tools --pattern 'test_*.py' 2>&1
  check "no dependency compiles C" python3 -B tools/no_c.py
  check "native builds without a C compiler" env CC=false CXX=false AR=false cargo build --locked --release
  wasm_env
  check "wasm builds without a C compiler" env CC=false CXX=false AR=false \
    cargo build --locked --profile wasm -p sigil-wasm --target wasm32-unknown-unknown
}

stage_native() {
  tools/setup.sh rust sqlite legacy node
  cargo test --locked -p sigil-core -p sigil-native -p sigil-tests
}

# wasm_tests FLAG...: core's own unit tests, the bindings', and the suite of the stores, under wasm-pack. Doctests run natively.
wasm_tests() {
  local crate which
  wasm_env
  # The default of 20 s is for the whole suite.
  export WASM_BINDGEN_TEST_TIMEOUT=600
  for crate in core wasm tests/stores; do
    which=(--lib)
    if compgen -G "$crate/tests/*.rs" >/dev/null; then which+=(--test '*'); fi
    wasm-pack test "$@" "$crate" --locked "${which[@]}"
  done
}

stage_wasm-node() {
  tools/setup.sh wasm node
  wasm_tests --node
}

# The suites are not configured for a browser, or Node would pass over them in silence;
# the variable says the same for one run.
stage_wasm-chrome() {
  tools/setup.sh wasm browser
  export WASM_BINDGEN_USE_BROWSER=1 WASM_BINDGEN_TEST_DRIVER_TIMEOUT=60
  export WASM_BINDGEN_TEST_WEBDRIVER_JSON="$root/tools/webdriver.json"
  wasm_tests --headless --chrome --chromedriver "$(command -v chromedriver)"
}

stage_npm() {
  tools/setup.sh wasm node browser sqlite
  wasm_env
  cd wasm
  npm ci --no-audit --no-fund
  npm run build
  npm test
}

# fuzz TARGET: one target for its time, from the committed seeds; findings stay in tests/fuzz/artifacts.
fuzz() {
  local corpus=tests/fuzz/corpus/$1
  mkdir -p "$corpus"
  find "tests/fuzz/seeds/$1" -type f -exec cp -n -t "$corpus" {} +
  cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none --codegen-units 8 "$1" "$corpus" -- \
    -max_total_time="$fuzz_seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 2>&1 |
    grep -vE '^(#[0-9]+\s+(REDUCE|NEW|RELOAD|pulse)|INFO:|WARNING: Failed to find| +Blocking|\tNEW_FUNC)'
}

stage_fuzz() {
  local target job first second
  tools/setup.sh fuzz
  # Without a sanitizer a stable compiler will do; outside its kernels the core has no unsafe code.
  check "fuzz targets build" cargo fuzz build --fuzz-dir tests/fuzz --sanitizer none --codegen-units 8
  # Two at a time: the machines this runs on have two cores.
  for ((job = 0; job < ${#fuzz_targets[@]}; job += 2)); do
    first=${fuzz_targets[job]} second=${fuzz_targets[job + 1]:-}
    check "fuzz $first for $fuzz_seconds s" fuzz "$first" &
    [ -z "$second" ] || check "fuzz $second for $fuzz_seconds s" fuzz "$second" || { wait; return 1; }
    wait $! || return 1
  done
}

stage_dist() {
  tools/setup.sh dist
  ./dist
}

stage=${1:?"usage: tools/stages.sh STAGE"}
declare -F "stage_$stage" >/dev/null || die "no stage is named '$stage'"
"stage_$stage"
