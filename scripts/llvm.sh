#!/usr/bin/env bash
# Makes sure that libLLVM 19 can be opened: installs Debian's package where that is possible.
set -euo pipefail
found_any() { for f in /usr/lib/*/libLLVM.so.19* /usr/lib/*/libLLVM-19.so* /usr/lib/llvm-19/lib/libLLVM*.so*; do [ -e "$f" ] && return 0; done; return 1; }
found_any && exit 0
if ! command -v apt-get >/dev/null; then
  echo "dlc compiles through libLLVM 19, which was not found. Install LLVM 19's shared library with your system's package manager" >&2
  echo "(Fedora: dnf install llvm19-libs; Arch: pacman -S llvm19-libs; macOS is not supported yet) and run this again." >&2
  exit 2
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
echo "libLLVM 19 is missing: installing Debian's package libllvm19"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libllvm19 >/dev/null
