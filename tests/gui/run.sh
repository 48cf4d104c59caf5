#!/usr/bin/env bash
# Every state of the panel in a real Blender window, with real clicks; screenshots in build/gui/.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${PAGE4D_GUI_ROOT:-/tmp/page4d_gui} out=$PWD/build/gui python=$PWD/.venv/bin/python
export PAGE4D_GUI_PORT=${PAGE4D_GUI_PORT:-8790}
bash tests/gui/gui_blender.sh install "$root"

rm -rf "$out" && mkdir -p "$out"
"$python" -c 'import sys; from pathlib import Path
sys.path.insert(0, "tests")
from synthetic_footage import small_clip, write_sequence
write_sequence(Path(sys.argv[1]) / "frames", small_clip())' "$out"
cp demo/footage/office_walk.mp4 "$out"
echo "this is no movie" >"$out/broken.mov"

data=$(mktemp -d)
"$python" -m model_server serve --port "$PAGE4D_GUI_PORT" --data "$data" >"$out/server.log" 2>&1 &
server=$!
trap 'kill $server; wait $server || true; rm -rf "$data"' EXIT
until [ -s "$data/token" ]; do sleep 0.2; done
export PAGE4D_GUI_TOKEN; PAGE4D_GUI_TOKEN=$(cat "$data/token")

GUI_S=600 bash tests/gui/gui_blender.sh shot "$root" tests/gui/window.py "$out/window.png" "$PWD"
grep -q '^ALL STATES SEEN' "$out/window.log" || { echo "the panel failed; see $out/window.log"; exit 1; }
ls "$out"/*.png
