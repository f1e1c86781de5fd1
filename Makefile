# The README's commands. Each first installs into .venv what is missing; nothing outside the checkout is touched.
# Another Python, or another folder to install into: make demo PYTHON=python3.12 VENV=/tmp/sebench

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install -qq --constraint constraints.txt
FROM_CHECKOUT = --build-constraint constraints.txt --editable
TRAIN = $(BIN)/bench train
# make train-small SPEECH=folder NOISE=folder: real recordings beside the generated ones, as for the embedded weights.
OWN = $(if $(SPEECH),'dataset.speech_dirs=[$(SPEECH)]') $(if $(NOISE),'dataset.noise_dirs=[$(NOISE)]')

METHODS := ncsnpp_m sgmse_m refinement storm

# make curve CURVE='limit=2 steps=[1,2]' CURVE_RUN=try CURVE_INTO=/tmp/curve: a part of it, elsewhere.
CURVE_RUN ?= curve
CURVE_INTO ?= docs

.PHONY: demo test lint types format docs wheel train-small curve clean $(METHODS:%=train-%) \
	$(METHODS:%=train-%-1) $(METHODS:%=train-%-2)

demo: $(VENV)/.installed  ## The benchmark of all methods on the embedded recordings.
	$(BIN)/bench run run=demo
	@echo "leaderboard: results/runs/demo/leaderboard.csv"
	@echo "plots:       results/runs/demo/plots/"

test: $(VENV)/.installed-dev  ## make test PYTEST="-m slow tests/methods" chooses other tests.
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev  ## The documentation as a site in site/.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

wheel: $(VENV)/.installed-dev
	rm -rf build
	$(BIN)/python -m build --wheel --no-isolation

train-small: train-ncsnpp_m train-sgmse_m train-refinement train-storm  ## The embedded weights anew: hours of a core.

# Stages, which continue where they were stopped and are left as they are where they had ended:
# one-second crops at the paper's drift; a stronger drift (of the predictive network: other crops); two-second crops.
train-ncsnpp_m-1: $(VENV)/.installed-dev
	$(TRAIN) method=ncsnpp_m experiment=small out=checkpoints/1/ncsnpp_m $(OWN)
train-ncsnpp_m-2: train-ncsnpp_m-1
	$(TRAIN) method=ncsnpp_m experiment=small seed=1 optimiser.lr=7e-4 optimiser.decay_steps=3600 max_steps=600 \
		valid_every=300 init=checkpoints/1/ncsnpp_m/weights.safetensors out=checkpoints/2/ncsnpp_m $(OWN)
train-ncsnpp_m: train-ncsnpp_m-2
	$(TRAIN) method=ncsnpp_m experiment=small_long init=checkpoints/2/ncsnpp_m/weights.safetensors $(OWN)

W := weights.safetensors
FROZEN := method.objective.freeze_denoiser=true
OPTIONS_refinement := $(FROZEN)
FIRST_refinement := max_steps=350 valid_every=175 optimiser.decay_steps=700
LAST_refinement := max_steps=450 valid_every=150
INIT_sgmse_m := checkpoints/2/sgmse_m/$W
INIT_refinement := [checkpoints/ncsnpp_m/$W,checkpoints/2/refinement/$W]
DIFFUSION := sgmse_m refinement

$(DIFFUSION:%=train-%-1): train-%-1: train-ncsnpp_m-1
	$(TRAIN) method=$* experiment=small_score $(OPTIONS_$*) $(FIRST_$*) init=checkpoints/1/ncsnpp_m/$W out=checkpoints/1/$* $(OWN)
$(DIFFUSION:%=train-%-2): train-%-2: train-%-1
	$(TRAIN) method=$* experiment=small_prior $(OPTIONS_$*) init=checkpoints/1/$*/$W out=checkpoints/2/$* $(OWN)
$(DIFFUSION:%=train-%): train-%: train-%-2 train-ncsnpp_m
	$(TRAIN) method=$* experiment=small_score_long $(OPTIONS_$*) $(LAST_$*) 'init=$(INIT_$*)' $(OWN)
train-storm: train-ncsnpp_m train-sgmse_m  ## Its score network begins as sgmse_m's, and learns to see the estimate too.
	$(TRAIN) method=storm experiment=small_score_long $(FROZEN) warm_start=true optimiser.lr=5e-4 max_steps=500 valid_every=125 \
		'init=[checkpoints/ncsnpp_m/$W,checkpoints/sgmse_m/$W]' $(OWN)

curve: $(VENV)/.installed  ## Scores over the number of steps on the whole demo set: docs/curve.csv and docs/curve.png.
	$(BIN)/bench run run=$(CURVE_RUN) 'datasets=[demo_full]' 'steps=[1,2,3,5,10,20,30,50]' \
		'metrics=[pesq,estoi,si_sdr]' $(CURVE)
	mkdir -p $(CURVE_INTO)
	cp results/runs/$(CURVE_RUN)/leaderboard.csv $(CURVE_INTO)/curve.csv
	cp results/runs/$(CURVE_RUN)/plots/nfe_demo_full.png $(CURVE_INTO)/curve.png

clean:  ## What was installed or built; results/runs and checkpoints stay.
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache

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
