#!/bin/sh
# Installs neargate: downloads the archive for this machine, verifies its checksum, and puts the program into
# ~/.local/bin with its manual pages and completions next to it.
#
#   curl -fsSL https://raw.githubusercontent.com/neargate/neargate/main/packaging/install.sh | sh
#
# NEARGATE_VERSION=0.1.0            another version than the latest
# NEARGATE_INSTALL_DIR=/usr/local   another folder than ~/.local; the program goes to bin/ in it
# NEARGATE_DOWNLOAD_URL=https://…   a mirror of the releases: URL/vVERSION/FILE, and URL/latest with the version in it
set -eu

releases=https://github.com/neargate/neargate/releases

fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
say() { printf 'install: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# Fetches a URL into a file.
fetch() {
  if has curl; then
    curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
  elif has wget; then
    wget --quiet --tries 3 --output-document "$2" "$1"
  else
    fail "curl or wget is needed"
  fi
}

target() {
  system=$(uname -s) machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no binary for $system on $machine; with Rust: cargo install --git https://github.com/neargate/neargate" ;;
  esac
  case $system in
    Linux) printf '%s-unknown-linux-gnu' "$machine" ;;
    Darwin) printf '%s-apple-darwin' "$machine" ;;
    *) fail "there is no binary for $system; on Windows use WSL 2" ;;
  esac
}

# The latest release's address ends in its tag.
latest_version() {
  if [ -n "${NEARGATE_DOWNLOAD_URL:-}" ]; then
    fetch "$NEARGATE_DOWNLOAD_URL/latest" "$scratch/latest" || fail "cannot find out the latest version"
    head -n 1 "$scratch/latest"
  elif has curl; then
    curl --fail --silent --show-error --location --head --output /dev/null --write-out '%{url_effective}' \
      "$releases/latest" | sed -n 's|.*/tag/v||p'
  else
    wget --quiet --server-response --spider --max-redirect 0 "$releases/latest" 2>&1 | sed -n 's|.*/tag/v\([^ ]*\).*|\1|p' | head -n 1
  fi
}

sha256() {
  if has sha256sum; then sha256sum "$1"; elif has shasum; then shasum -a 256 "$1"; else fail "sha256sum or shasum is needed"; fi | cut -d ' ' -f 1
}

main() {
  target=$(target)
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  version=${NEARGATE_VERSION:-$(latest_version)}
  version=${version#v}
  [ -n "$version" ] || fail "cannot find out the latest version; set NEARGATE_VERSION"

  name=neargate-v$version-$target
  from=${NEARGATE_DOWNLOAD_URL:-$releases/download}/v$version
  say "downloading $name.tar.gz"
  fetch "$from/$name.tar.gz" "$scratch/$name.tar.gz" || fail "cannot download $from/$name.tar.gz"
  fetch "$from/SHA256SUMS" "$scratch/SHA256SUMS" || fail "cannot download $from/SHA256SUMS"

  expected=$(awk -v name="$name.tar.gz" '$2 == name || $2 == "*" name { print $1 }' "$scratch/SHA256SUMS")
  [ -n "$expected" ] || fail "SHA256SUMS does not list $name.tar.gz; nothing was installed"
  actual=$(sha256 "$scratch/$name.tar.gz")
  [ "$actual" = "$expected" ] || fail "the checksum of $name.tar.gz is $actual, not $expected; nothing was installed"

  tar -xzf "$scratch/$name.tar.gz" -C "$scratch"
  prefix=${NEARGATE_INSTALL_DIR:-$HOME/.local}
  mkdir -p "$prefix/bin" "$prefix/share/man/man1" "$prefix/share/bash-completion/completions" \
    "$prefix/share/zsh/site-functions" "$prefix/share/fish/vendor_completions.d" || fail "cannot write to $prefix; set NEARGATE_INSTALL_DIR"
  # Renamed into place, so that a running neargate is replaced and not written over.
  cp "$scratch/$name/neargate" "$prefix/bin/.neargate.new"
  chmod 755 "$prefix/bin/.neargate.new"
  mv "$prefix/bin/.neargate.new" "$prefix/bin/neargate"
  cp "$scratch/$name"/man/*.1 "$prefix/share/man/man1/"
  cp "$scratch/$name/completions/neargate.bash" "$prefix/share/bash-completion/completions/neargate"
  cp "$scratch/$name/completions/_neargate" "$prefix/share/zsh/site-functions/"
  cp "$scratch/$name/completions/neargate.fish" "$prefix/share/fish/vendor_completions.d/"

  say "installed $("$prefix/bin/neargate" --version) as $prefix/bin/neargate"
  case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) say "add $prefix/bin to your PATH" ;;
  esac
}

# Called at the end, so that a download that breaks off runs nothing.
main
