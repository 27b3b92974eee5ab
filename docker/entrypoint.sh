#!/bin/sh
# What a container runs: `entrypoint.sh up`, `serve`, `work`, `doctor`, `key`... is `espalier` with the same word. Two words are its own:
#
#   first-key   makes an API key where there is no keys file yet and prints it, this once; `up` and `serve` begin with it
#   add-key     makes one more and prints it; a running server takes it at once
set -eu
app=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
keys=${ESPALIER_API_KEYS_FILE:-}
umask 077

new_key() { made=$("$app/bin/espalier" key); }
# The file gets the hashed line; the secret is kept nowhere.
hashed_line() { printf '%s\n' "$made" | grep -Ev '^(#|esp_)'; }
print_key() { printf '%s\n' "$made" | sed '/^# The line/,$d'; }

make_first_key() {
  if [ -z "$keys" ] || [ -e "$keys" ]; then return; fi
  new_key
  draft=$(mktemp "$keys.XXXXXX") || cannot_make
  hashed_line > "$draft"
  # A link replaces nothing: when two containers start at once, one key counts and only that one is printed.
  if ln "$draft" "$keys" 2>/dev/null; then print_key; fi
  rm -f "$draft"
  [ -e "$keys" ] || cannot_make
}

add_key() {
  : "${keys:?ESPALIER_API_KEYS_FILE names no file}"
  new_key
  hashed_line >> "$keys"
  print_key
}

cannot_make() {
  echo "The keys file $keys cannot be made: mount one there, or let user $(id -u) write to the folder" >&2
  exit 1
}

case "${1:-}" in
  first-key) make_first_key; exit ;;
  add-key) add_key; exit ;;
  up | serve) make_first_key ;;
esac
umask 022
exec "$app/bin/espalier" "$@"
