#!/usr/bin/env bash
# The tests that need a GPU, and the measurements, in under 8 minutes: tests/gpu/README.md says what it needs.
#   tests/gpu/run.sh [STEP …]        by default all steps
# Each step has a time limit of its own; one that fails is recorded, and the next one runs. Ends with 1 if a test failed.
set -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export OUT=${OUT:-$here/out} ZOO_GPU_DEVICE=${ZOO_GPU_DEVICE:-cuda}
export PYTHONUNBUFFERED=1 ZOO_OFFLINE=1 COLUMNS=120
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1  # the machine's own plugins are not part of this
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$OUT" "$work/site" "$work/runs"
rm -f "$OUT"/{results.jsonl,results.json,log.txt,tests.txt,table.txt,profile.txt}
export ZOO_CACHE=$work/cache
if [ -n "${ZOO_GPU_WHEELS:-}" ]; then
    "$python" -m pip install -q --no-index --no-deps --no-cache-dir --no-compile --disable-pip-version-check \
        --target "$work/site" "$ZOO_GPU_WHEELS"/*.whl || echo "Some wheels of $ZOO_GPU_WHEELS were not installed."
fi
[ -d "${ZOO_GPU_WHEELS:-}/fashion-mnist" ] && export ZOO_GPU_FASHION=${ZOO_GPU_FASHION:-$(realpath "$ZOO_GPU_WHEELS/fashion-mnist")}
export PYTHONPATH=$root:$root/plugins:$work/site${PYTHONPATH:+:$PYTHONPATH}
begun=$SECONDS
limit=${ZOO_GPU_LIMIT_S:-450}  # of everything
tests_failed=0
wanted=" $* "

# step NAME SECONDS COMMAND …: runs it for so long at the most, or for what is left of the limit.
step() {
    local name=$1 most=$2 left=$((limit - SECONDS + begun)) started=$SECONDS code
    shift 2
    [ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
    [ "$most" -le "$left" ] || most=$left
    echo "== $name (at most $most s)"
    if [ "$most" -le 5 ]; then
        echo "no time is left" >"$work/log"
        code=124
    else
        { (cd "$work/runs" && ZOO_GPU_SECONDS=$most exec env ${threads:+OMP_NUM_THREADS=$threads} timeout -s KILL "$most" "$@") >"$work/log" 2>&1; } 2>/dev/null
        code=$?
    fi
    { echo "== $name: exit $code after $((SECONDS - started)) s"; cat "$work/log"; } >>"$OUT/log.txt"
    "$python" "$here/record.py" add "$name" "$code" $((SECONDS - started)) "$work/log"
    [ "$code" -eq 0 ] || tail -n "${tail:-5}" "$work/log" | cut -c -160
    return "$code"
}

pytest=(env CUBLAS_WORKSPACE_CONFIG=:4096:8 "$python" -m pytest -c "$root/pyproject.toml" --rootdir "$root" -p xdist.plugin -p pytest_timeout -p no:cacheprovider
    -n "${ZOO_GPU_WORKERS:-6}" --timeout "${ZOO_GPU_TEST_S:-60}" --tb short -rfE --show-capture no)

command -v nvidia-smi >/dev/null && nvidia-smi | head -n 20
step machine 90 "$python" "$here/record.py" prepare "$work/site"
[ -e "$work"/site/visionzoo-*.dist-info ] || "$python" "$here/record.py" prepare "$work/site" >/dev/null
tail -n 1 "$OUT/results.jsonl" | tr ',' '\n' | grep MISSING
threads=1 tail=12 step tests 190 "${pytest[@]}" "$root/tests/gpu" || tests_failed=1
threads=1 tail=12 step tests_marked 60 "${pytest[@]}" -m cuda "$root"/tests/plugins/test_{losses,augment,metrics}.py || tests_failed=1
step training 75 "$python" "$here/measure.py" training || true
step simple_cnn 45 "$python" "$here/measure.py" simple_cnn || true
step photos 50 "$python" "$here/measure.py" photos || true
step small_images 45 "$python" "$here/measure.py" small_images || true
step race 60 "$python" "$here/race.py" || true
step evaluation 45 "$python" "$here/measure.py" evaluation || true
step profile 40 "$python" "$here/measure.py" profile || true
step bench 45 "$python" -m zoo bench "timm/${ZOO_GPU_NETWORK:-resnet50}" --device "$ZOO_GPU_DEVICE" --batch-size "${ZOO_GPU_BATCH:-256}" \
    --precision bf16 --steps 10 --json || true
step compiled 110 "$python" "$here/measure.py" compiled || true
echo "== after $((SECONDS - begun)) s"
"$python" "$here/record.py" table | tee "$OUT/table.txt"
"$python" "$here/record.py" json
exit "$tests_failed"
