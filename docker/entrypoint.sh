#!/bin/sh
# What a container runs: `entrypoint.sh up`, `serve`, `work`, `doctor`, `key`... is `espalier` with the same word.
# Before `up` and `serve`, and with the word `first-key` alone, it makes the first API key where there is no keys file yet, and prints it this once.
set -eu
app=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

make_first_key() (
  file=${ESPALIER_API_KEYS_FILE:-}
  if [ -z "$file" ] || [ -e "$file" ]; then exit 0; fi
  umask 077
  made=$("$app/bin/espalier" key)
  draft=$(mktemp "$file.XXXXXX") || cannot_make "$file"
  # The file gets the hashed line; the secret is kept nowhere.
  printf '%s\n' "$made" | grep -Ev '^(#|esp_)' > "$draft"
  # A link replaces nothing: when two containers start at once, one key counts and only that one is printed.
  if ln "$draft" "$file" 2>/dev/null; then made_it=yes; else made_it=no; fi
  rm -f "$draft"
  if [ $made_it = yes ]; then
    printf '%s\n' "$made" | sed '/^# The line/,$d'
  elif [ ! -e "$file" ]; then
    cannot_make "$file"
  fi
)

cannot_make() {
  echo "The keys file $1 cannot be made: mount one there, or let user $(id -u) write to the folder" >&2
  exit 1
}

case "${1:-}" in
  first-key) make_first_key; exit 0 ;;
  up | serve) make_first_key ;;
esac
exec "$app/bin/espalier" "$@"
