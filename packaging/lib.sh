# Shared by the scripts of this folder; to be sourced. Each works from the top of the repository.
# shellcheck shell=bash
set -Eeuo pipefail

packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # for the scripts that source this
top=$(dirname "$packaging")

fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# Prints the comment at the top of the script, and ends it.
usage() { sed -n '2,/^set -\|^\. /{ /^#/s/^# \{0,1\}//p; }' "$0" >&2; exit 2; }

# The version in Cargo.toml, which is that of the package.
version() { sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1; }

# Manual pages and completions, as the binary itself prints them: man/ and completions/ in the given folder.
write_documentation() {
  local binary=$1 folder=$2
  "$binary" man "$folder/man"
  mkdir -p "$folder/completions"
  "$binary" completions bash >"$folder/completions/neargate.bash"
  "$binary" completions fish >"$folder/completions/neargate.fish"
  "$binary" completions zsh >"$folder/completions/_neargate"
  "$binary" completions powershell >"$folder/completions/_neargate.ps1"
  "$binary" completions elvish >"$folder/completions/neargate.elv"
}

# A tar archive that is the same for the same content: names sorted, no owner, no time of packing.
reproducible_tar() {
  local moment
  moment=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)}
  if tar --version 2>/dev/null | grep -q GNU; then
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$moment" "$@"
  else
    tar --uid 0 --gid 0 --numeric-owner "$@"
  fi
}
