#!/usr/bin/env bash
# From a model and data to a smaller model with curl alone, the model, the data and the job in one call:
#
#   examples/curl/prune.sh [MODEL] [DATA] [FOLDER]
#
# ESPALIER_ADDRESS says where the service is, ESPALIER_API_KEY what its key is. Leaves smaller.keras and report.html in FOLDER (./out).
set -euo pipefail
here=$(dirname "$0")
address=${ESPALIER_ADDRESS:-$(cat data/address)}
model=${1:-$here/../seed/seed.keras} data=${2:-$here/../seed/data.npz} folder=${3:-out}
mkdir -p "$folder"

# -f makes an error an exit code, --fail-with-body shows the problem object that says why. The key comes out of a file, so that nobody sees it among the processes.
call() { curl -sS --fail-with-body ${ESPALIER_API_KEY:+-H @<(echo "authorization: Bearer $ESPALIER_API_KEY")} "$@"; }
field() { python3 -c 'import functools, json, sys; print(functools.reduce(lambda value, key: value[key], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"; }

# The idempotency key makes it safe to send this again when the connection breaks: it is one job.
job=$(call "$address/v1/jobs" -H "idempotency-key: $(date +%s)-$$" \
  -F "model=@$model" -F "dataset=@$data" -F 'split={"selection": 0.1, "test": 0.1}' \
  -F 'spec={
    "type": "prune",
    "pruning": { "criterion": { "type": "magnitude" }, "structure": { "type": "channels" }, "target": { "macs": 0.5 } },
    "fine_tuning": { "epochs": 10, "batch_size": 32, "clipping": { "type": "global_norm", "max_norm": 1.0 } }
  }' | field id)
echo "job $job"

# Each call answers at once when the status changes, after 60 seconds at the latest.
while status=$(call -H 'prefer: wait=60' "$address/v1/jobs/$job" | field status); do
  case $status in
    succeeded) break ;;
    failed | cancelled) call "$address/v1/jobs/$job" | field error; exit 1 ;;
  esac
done

call "$address/v1/jobs/$job" | field result.receipt.claims
call "$address/v1/models/$(call "$address/v1/jobs/$job" | field result.model_id)/content" -o "$folder/smaller.keras"
call "$address/v1/jobs/$job/report" -o "$folder/report.html"
echo "$folder/smaller.keras and $folder/report.html"
