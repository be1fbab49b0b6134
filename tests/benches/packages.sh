# Sourced by the benchmarks that install peers: what they share. `directory` is the one they work in.

# npm_packages MANIFEST: what a package.json names, anew where it has changed; what npm said of a
# failure then stands in the tables.
npm_packages() {
  local manifest=$1
  cmp -s "$manifest" "$directory/npm/package.json" && return
  mkdir -p "$directory/npm" "$directory/missing"
  printf 'installing the packages of %s\n' "$manifest"
  rm -rf "$directory/npm/node_modules"
  if (cd "$directory/npm" && cp "$manifest" . && npm install --loglevel=error --no-audit --no-fund \
    --no-package-lock --ignore-scripts) 2>"$directory/missing/npm"; then
    rm "$directory/missing/npm"
  else
    cat "$directory/missing/npm" >&2
    rm "$directory/npm/package.json"
  fi
}

# usage_if_asked SCRIPT ARGUMENT...: prints the head of a script and ends, where --help is asked for.
usage_if_asked() {
  case " ${*:2} " in *" --help "* | *" -h "*)
    sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"
    exit
    ;;
  esac
}
