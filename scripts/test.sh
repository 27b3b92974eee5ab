#!/usr/bin/env bash
# Runs every check, the others too when one fails, and ends with what failed, by name, and "N passed, N failed": each test counts one, and so does each check
# of the code.
#
#   scripts/test.sh          everything
#   scripts/test.sh unit     without the tests that start Redis, TensorFlow, Keras and whole processes
set -uo pipefail
cd "$(dirname "$0")/.."

if [ -x .toolchain/node/bin/node ]; then export PATH="$PWD/.toolchain/node/bin:$PATH"; fi
if [ -x .toolchain/keras/bin/python ]; then export ESPALIER_KERAS_PYTHON="${ESPALIER_KERAS_PYTHON:-$PWD/.toolchain/keras/bin/python}"; fi
readonly BIN=node_modules/.bin OUT=out/test
rm -rf "$OUT"
mkdir -p "$OUT"
passed=0 failed=0 failures=
# timeout puts vitest in a process group of its own, which a terminal's ^C does not reach.
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

# check NAME COMMAND...: one check of the code; its output is shown when it fails.
check() {
  local name=$1 started=$EPOCHREALTIME verdict=passed
  shift
  printf '%-10s ' "$name"
  "$@" >"$OUT/$name.log" 2>&1 || verdict=FAILED
  LC_ALL=C awk -v verdict=$verdict -v a="${started/,/.}" -v b="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%s  %.1f s\n", verdict, b - a }'
  if [ $verdict = passed ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1)) failures+="$name"$'\n'
    tail -n 60 "$OUT/$name.log" | sed 's/^/    | /'
  fi
}

# tests PROJECT SECONDS: the tests of one vitest project, each counted. A run that ends without a report counts as one failure, and so does one that
# takes longer than it may: a loop without an end in a test's own thread is beyond vitest's timeouts.
tests() {
  local report="$OUT/$1.json" counts names
  echo
  NODE_OPTIONS='--disable-warning=ExperimentalWarning' timeout --kill-after=30 "$2" $BIN/vitest run --project "$1" --reporter=default --reporter=json --outputFile.json="$report" &
  wait $!
  local status=$?
  counts=$(node -e '
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const brokenFiles = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
    console.log(numPassedTests, numFailedTests + brokenFiles);' "$report" 2>/dev/null) || counts='0 1'
  read -r ok bad <<<"$counts"
  if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$bad" -gt 0 ]; then
    names=$(node -e '
      const { testResults } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
      for (const { name, status, message, assertionResults } of testResults) {
        const failed = assertionResults.filter((test) => test.status === "failed");
        if (status === "failed" && failed.length === 0) console.log(`${name}: ${message.split("\n", 1)}`);
        for (const test of failed) console.log(`${name} > ${test.fullName}: ${test.failureMessages[0]?.split("\n", 1)}`);
      }' "$report" 2>/dev/null)
    failures+="${names:-$1: ended with status $status}"$'\n'
  fi
  passed=$((passed + ok)) failed=$((failed + bad))
}

openapi_is_current() {
  node --disable-warning=ExperimentalWarning src/main.ts openapi >"$OUT/openapi.yaml" || return 1
  diff -u openapi.yaml "$OUT/openapi.yaml" || { echo 'openapi.yaml is not what the schemas say: npm run openapi writes it anew.'; return 1; }
}

# The TypeScript client is made of the document anew and compiled.
client_compiles() {
  (cd clients/typescript && PATH="$OLDPWD/$BIN:$PATH" && openapi-typescript ../../openapi.yaml --output src/schema.ts --default-non-nullable=false && tsc --noEmit)
}

# The live page is kept as it is served; its types are the client's.
page_is_current() {
  $BIN/tsc --noEmit --project page && $BIN/vite build page --outDir "$PWD/$OUT/page" --logLevel warn || return 1
  diff -r "$OUT/page" src/http/page || { echo 'src/http/page is not what page/ makes: npm run page builds it anew.'; return 1; }
}

check lint $BIN/biome check --error-on-warnings .
check types $BIN/tsc --noEmit
check arrows $BIN/depcruise --config .dependency-cruiser.cjs src
check openapi openapi_is_current
check redocly $BIN/redocly lint openapi.yaml
check client client_compiles
check page page_is_current
tests unit 900
if [ "${1:-}" != unit ]; then
  tests engine 2700
  tests real 2400
fi

if [ -n "$failures" ]; then printf '\nFailed:\n%s' "$failures"; fi
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
