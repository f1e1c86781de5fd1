# The README's commands. Each first installs into .venv what is missing; nothing outside the checkout is touched.
# Another Python, or another folder to install into: make demo PYTHON=python3.12 VENV=/tmp/sebench

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install -qq --constraint constraints.txt
FROM_CHECKOUT = --build-constraint constraints.txt --editable
TRAIN = $(BIN)/bench train
FROZEN := method.objective.freeze_denoiser=true
LAST := optimiser.warmup_steps=20 optimiser.decay_steps=500 max_steps=600 valid_every=100

.PHONY: demo test lint types format wheel train-small clean

demo: $(VENV)/.installed  ## The benchmark of all methods on the embedded recordings.
	$(BIN)/bench run run=demo
	@echo "leaderboard: results/runs/demo/leaderboard.csv"
	@echo "plots:       results/runs/demo/plots/"

test: $(VENV)/.installed-dev  ## make test PYTEST="-m slow tests/methods" chooses other tests.
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.installed-dev
	rm -rf build
	$(BIN)/python -m build --wheel --no-isolation

train-small: $(VENV)/.installed-dev  ## Retrain the embedded weights, into checkpoints/; hours on two cores.
	$(TRAIN) method=ncsnpp_m experiment=small optimiser.decay_steps=1000 max_steps=1000
	$(TRAIN) method=sgmse_m experiment=small optimiser.decay_steps=3500 max_steps=2600 out=checkpoints/first/sgmse_m
	$(TRAIN) method=storm experiment=small init=checkpoints/ncsnpp_m/weights.safetensors \
		batch_size=4 optimiser.decay_steps=2500 max_steps=800 out=checkpoints/first/storm
	$(TRAIN) method=refinement experiment=small init=checkpoints/ncsnpp_m/weights.safetensors \
		$(FROZEN) batch_size=4 optimiser.decay_steps=3000 max_steps=1200 \
		out=checkpoints/first/refinement
	$(TRAIN) method=sgmse_m experiment=small_finetune init=checkpoints/first/sgmse_m/weights.safetensors \
		optimiser.decay_steps=1800 out=checkpoints/second/sgmse_m
	$(TRAIN) method=storm experiment=small_finetune init=checkpoints/first/storm/weights.safetensors $(FROZEN)
	$(TRAIN) method=refinement experiment=small_finetune init=checkpoints/first/refinement/weights.safetensors \
		$(FROZEN) max_steps=1800 out=checkpoints/second/refinement
	$(TRAIN) method=sgmse_m experiment=small_finetune init=checkpoints/second/sgmse_m/weights.safetensors $(LAST)
	$(TRAIN) method=refinement experiment=small_finetune init=checkpoints/second/refinement/weights.safetensors \
		$(FROZEN) $(LAST)

clean:  ## What was installed or built; results/runs and checkpoints stay.
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, $(PYTHON) is %d.%d: make $(MAKECMDGOALS) PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 10) else 0)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing into $(VENV), which takes some minutes the first time"
	@$(INSTALL) --upgrade pip
	@$(INSTALL) $(FROM_CHECKOUT) .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(INSTALL) $(FROM_CHECKOUT) '.[dev]'
	@touch $@
