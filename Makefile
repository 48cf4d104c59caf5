# Everything is done by dev.py, so that it works where there is no make.
PYTHON ?= $(shell for p in python3.11 python3.13 python3.12 python3 python; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: demo test setup check extension figures parity gui mini
demo test setup check extension:
	@$(PYTHON) dev.py $@

# Long: the slow tests, then every shot with truth, solved and scored; the table goes into benchmarks/RESULTS.md.
figures: setup
	.venv/bin/python -m pytest tests/shots -m slow
	.venv/bin/python benchmarks/solve.py

# The whole network against every golden file, full size: 12 files, 6 GB of memory, about 4 minutes.
parity: setup
	.venv/bin/python -m pytest tests/model/test_parity.py -m 'slow or not slow'

# A real window, real clicks; needs root once (tests/gui/README.md).
gui: setup
	bash tests/gui/run.sh

# page4d-mini, from nothing: five runs on two cores, about three hours, each gone on with where it was cut off; then
# what its mask is worth. docs/TRAINING.md says what each run is for.
MINI = matching telling vggt mask no_mask
mini: setup
	for run in $(MINI); do OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 .venv/bin/torchrun --nproc-per-node 2 \
	  -m model_server train model_server/training/configs/mini_$$run.toml --resume || exit 1; done
	.venv/bin/python benchmarks/mini.py VGGT-mini=runs/mini_vggt/weights.safetensors \
	  no-mask=runs/mini_no_mask/weights.safetensors PAGE-4D-mini=runs/mini_mask/weights.safetensors
