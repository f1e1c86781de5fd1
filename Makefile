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

.PHONY: demo test lint types format docs wheel train-small train-gpu pack curve agreement family perf perf-gpu clean \
	$(METHODS:%=train-%) train-ncsnpp_m-1

# Known systems are in it where their weights can be had; a line says which could not.
demo: $(VENV)/.installed  ## The benchmark of known systems and all methods on the embedded recordings.
	@$(BIN)/bench weights get gtcrn dtln dfn3 rnnoise || true
	$(BIN)/bench run run=demo 'methods=[noisy,logmmse,known,ncsnpp_m,sgmse_m,refinement,storm]' 'steps=[2,5]'
	@echo "leaderboard: results/runs/demo/leaderboard.csv"
	@echo "plots:       results/runs/demo/plots/"
	@$(BIN)/bench report demo

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

# Stages, which continue where they were stopped and are left as they are where they had ended: one-second crops, then
# two-second ones at a falling rate; the score networks start from the predictive one, storm's from sgmse_m's.
# NATURAL=: without natural voices, and so without npm. SIZE: further settings of every stage. MINUTES: of this call.
NATURAL ?= dataset.natural_share=0.8
OUT ?= checkpoints
SCALE ?= 1
CACHE = $(or $(SEBENCH_CACHE),$(HOME)/.cache/sebench)
SPEAKS := $(if $(NATURAL),$(VENV)/.installed-voices)
# make pack, then PACK=folder: recordings, natural speech and rooms from there, without npm, eSpeak or pyroomacoustics.
ifdef PACK
SPEECH := $(PACK)/speech
NOISE := $(PACK)/noise
NATURAL := dataset.natural_share=1
SPEAKS := $(PACK)/.unpacked
$(SPEAKS):
	$(BIN)/python -m bench.datasets.recipes.pack $(PACK) --unpack $(CACHE)
	@touch $@
endif
ENDS := $(if $(MINUTES),$(shell expr $$(date +%s) + 60 '*' $(MINUTES)))
IN_TIME = $(if $(ENDS),@test $$(date +%s) -lt $(ENDS) || { echo "the time is up: the same command continues"; exit 1; })
LIMIT = $(if $(ENDS),max_hours=$$(awk "BEGIN {print ($(ENDS) - $$(date +%s)) / 3600}"))
stage = $(TRAIN) method=$1 experiment=$2 max_steps=$(call times,$3) valid_every=$(call times,$4) $5 $(NATURAL) $(OWN) $(SIZE) $(LIMIT)
times = $(shell expr $1 '*' $(SCALE))
W := weights.safetensors
FROZEN := method.objective.freeze_denoiser=true
CLEAN := method.parametrization.predicts=clean
INIT_storm = 'init=[$(OUT)/ncsnpp_m/$W,$(OUT)/sgmse_m/$W]'

train-ncsnpp_m-1: $(VENV)/.installed-dev $(SPEAKS)
	$(IN_TIME)
	$(call stage,ncsnpp_m,small,2400,200,optimiser.decay_steps=$(call times,6000) out=$(OUT)/1/ncsnpp_m)
train-ncsnpp_m: train-ncsnpp_m-1
	$(IN_TIME)
	$(call stage,ncsnpp_m,small_long,800,200,init=$(OUT)/1/ncsnpp_m/$W out=$(OUT)/ncsnpp_m)
train-sgmse_m: train-ncsnpp_m
	$(IN_TIME)
	$(call stage,sgmse_m,small_score_long,600,150,init=$(OUT)/ncsnpp_m/$W out=$(OUT)/sgmse_m)
train-storm: train-ncsnpp_m train-sgmse_m  ## Its score network begins as sgmse_m's, and learns to see the estimate too.
	$(IN_TIME)
	$(call stage,storm,small_score_long,240,80,$(FROZEN) dataset.seed=3 $(INIT_storm) out=$(OUT)/storm)
train-refinement: train-ncsnpp_m
	$(IN_TIME)
	$(call stage,refinement,small_score_long,240,80,$(FROZEN) $(CLEAN) dataset.seed=4 init=$(OUT)/ncsnpp_m/$W out=$(OUT)/refinement)

# make train-gpu WIDTH=64 SCALE=20 MINUTES=9: of a whole training as much as the minutes allow; call it until it says so.
WIDTH ?= 40
train-gpu:  ## The same stages, larger and longer, on a GPU, in calls that continue each other.
	$(MAKE) train-small OUT=checkpoints/gpu SCALE=$(if $(filter 1,$(SCALE)),10,$(SCALE)) MINUTES=$(or $(MINUTES),9) \
		SIZE='network.width=$(WIDTH) batch_size=16 devices=auto threads=null workers=null $(SIZE)'

# make pack TO=folder SPEECH=folder NOISE=folder KBPS=24: 2 hours of sound in 28 MB.
pack: $(VENV)/.installed
	$(BIN)/python -m bench.datasets.recipes.pack $(or $(TO),pack) --speech $(SPEECH) --noise $(NOISE) --kbps $(or $(KBPS),24) --cache $(CACHE)

curve: $(VENV)/.installed  ## Scores over the number of steps on the whole demo set: docs/curve.csv and docs/curve.png.
	$(BIN)/bench run run=$(CURVE_RUN) 'datasets=[demo_full]' 'steps=[1,2,3,5,10,20,30,50]' \
		'metrics=[pesq,estoi,si_sdr]' $(CURVE)
	mkdir -p $(CURVE_INTO)
	cp results/runs/$(CURVE_RUN)/leaderboard.csv $(CURVE_INTO)/curve.csv
	cp results/runs/$(CURVE_RUN)/plots/nfe_demo_full.png $(CURVE_INTO)/curve.png

# SPEECH and NOISE: folders of real recordings. What is stored in AGREEMENT is not computed again; after a training of
# the embedded diffusion networks, delete AGREEMENT/diffusion.
AGREEMENT ?= results/runs/agreement
BOTH = 'datasets=[demo_full,{name: mixed_folders, speech: $(SPEECH), noise: $(NOISE), snr: [-5, 15], label: real}]' \
	'metrics=[pesq,estoi,si_sdr,dnsmos]' runs_dir=$(AGREEMENT)

agreement: $(VENV)/.installed  ## Whether the demo ranks systems as real recordings do: the tables of docs/demo.md.
	@test -n "$(SPEECH)" -a -n "$(NOISE)" || { echo "make agreement SPEECH=folder NOISE=folder"; exit 2; }
	$(BIN)/bench weights get gtcrn dtln dfn3 rnnoise webrtc_ns
	$(BIN)/bench run run=one_pass $(BOTH) 'methods=[noisy,logmmse,wiener,gtcrn,dtln,dfn3,rnnoise,webrtc_ns,ncsnpp_m]'
	$(BIN)/bench run run=diffusion $(BOTH) 'methods=[refinement]' 'steps=[3]'
	$(BIN)/bench run run=diffusion $(BOTH) 'methods=[sgmse_m,storm]' 'steps=[5]'
	$(BIN)/python docs/agreement.py $(AGREEMENT)/one_pass $(AGREEMENT)/diffusion

# SPEECH and NOISE: folders of real recordings, of which a tenth of speakers and noises is held out. What has been trained or
# computed is left as it is. FAMILY_RUN=steps=[1,3]: less of it.
FAMILY := checkpoints/family
FAMILY_RUN ?= 'steps=[1,2,3,5,10]'
FROM_ZERO := experiment=small batch_size=2 max_steps=300 optimiser.decay_steps=300 optimiser.warmup_steps=20 \
	valid_every=100 valid_size=24 scores.recordings=0
NARROW := 'method.size={width: 8, multipliers: [1, 2, 4, 4], blocks: 1, attention_heights: []}'
family_bbed := method=bbed experiment=small_family frames=128 batch_size=2
family_crp := method=crp experiment=small_family frames=128 batch_size=4 max_steps=300 optimiser.lr=6e-4 init=$(FAMILY)/bbed/$W
family_flow := method=flow experiment=small_family
family_bridge := method=sgmse_bridge experiment=small_family method.spectrogram.padding=zeros
family_sgmse_2022 := 'experiment=[sgmse_2022,small_family]' network=dcunet_small init=null warm_start=false max_steps=800 batch_size=8 \
	optimiser.lr=5e-3 optimiser.warmup_steps=20 ema_decay=0.95 valid_every=200 valid_size=32 normalise=noisy \
	'method.parametrization={c_in: edm, c_out: edm, c_skip: edm, sigma_data: 0.3}' method.objective.l1_weight=2000 \
	method.sde.theta=4 method.sde.sigma_min=0.01 method.sde.sigma_max=0.1 method.t_eps=0.7 method.sampler.t_eps=0.7
family_convtasnet := method=convtasnet $(FROM_ZERO) batch_size=16 max_steps=500 optimiser.decay_steps=500 optimiser.lr=1e-3 optimiser.clip=5 \
	'method.size={filters: 128, channels: 64, hidden: 128, layers: 7, stacks: 1}'
family_gagnet := method=gagnet $(FROM_ZERO) batch_size=16 max_steps=600 optimiser.decay_steps=600 optimiser.lr=2e-3 \
	'method.size={channels: 16, hidden: 32, groups: 1, stages: 2}'
family_sips := method=sips $(FROM_ZERO) normalise=clean optimiser.lr=5e-3 frames=64 $(NARROW)
family_udiffse := method=udiffse experiment=small_family normalise=clean 'method.parametrization={predicts: denoised, sigma_data: 0.2}' \
	method.sde.theta=0.1 frames=128 batch_size=4 max_steps=250 valid_every=125 optimiser.lr=8e-4
family_vae_nmf := method=vae_nmf $(FROM_ZERO) normalise=clean frames=256 batch_size=8 max_steps=1200 optimiser.decay_steps=1200 \
	valid_every=400 optimiser.lr=2e-3 method.latent=32 method.hidden=256
MEMBERS := bbed crp flow bridge sgmse_2022 convtasnet gagnet sips udiffse vae_nmf

family: $(MEMBERS:%=family-%)  ## A few hundred steps of every method: the tables of docs/family.md.
	test -d $(FAMILY)/recordings || $(BIN)/python docs/family.py recordings $(FAMILY)/recordings --speech $(SPEECH) --noise $(NOISE)
	$(BIN)/bench run docs/family.yaml $(FAMILY_RUN)
	$(BIN)/python docs/family.py table results/runs/family

family-crp: family-bbed
family-%: $(VENV)/.installed-dev
	@test -n "$(SPEECH)" -a -n "$(NOISE)" || { echo "make family SPEECH=folder NOISE=folder"; exit 2; }
	$(TRAIN) $(family_$*) out=$(FAMILY)/$* $(OWN)

# make perf PERF="network --reference ../storm": one subject; sp-uhh/storm, cloned there, beside ours.
perf: $(VENV)/.installed-dev  ## Ratios of speed, each against a baseline in the same run: docs/performance.md.
	$(BIN)/python -m tests.perf $(PERF)

# make perf-gpu PERF="--reference ../storm": the same command continues.
perf-gpu: $(VENV)/.installed-dev  ## Every figure that is wanted of a GPU, in ten minutes: results/gpu.
	$(BIN)/python -m tests.perf.gpu $(PERF)

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

$(VENV)/.installed-voices: $(VENV)/.installed
	@command -v npm >/dev/null || { echo "natural voices come by npm, which is not installed: make train-small NATURAL="; exit 1; }
	@$(INSTALL) $(FROM_CHECKOUT) '.[synthesis,voices]'
	@mkdir -p $(CACHE) && npm pack --silent kokoro-js@1.2.1 --pack-destination $(CACHE)
	@touch $@
