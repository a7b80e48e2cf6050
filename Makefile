# Two commands do everything on a fresh machine with Python (3.10 or newer), pip and make:
#   make demo   make a head from a photo and say where it lies
#   make test   run the tests
# Both create .venv when it is missing. TORCH chooses the build of PyTorch: any words that `pip install` takes.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST_WORKERS ?= 2
# Finds faces in photos. It asks for an old numpy that it does not need, so it is installed alone.
MEDIAPIPE := mediapipe==0.10.21

.PHONY: demo people test lint types docs bench check clean

# A head from a photograph of an astronaut (NASA, public domain) that comes with scikit-image.
DEMO := out/demo
demo: $(READY)
	mkdir -p $(DEMO)
	$(BIN)/python -c "from PIL import Image; from skimage import data; Image.fromarray(data.astronaut()).save('$(DEMO)/astronaut.png')"
	$(BIN)/headfield reconstruct $(DEMO)/astronaut.png -o $(DEMO)/astronaut
	@echo "The astronaut's head is in $(DEMO)/astronaut/head.glb, and $(DEMO)/astronaut/report.html shows how it was made."

# Four synthetic people, a contact sheet of them, a head made from three views of one of them with the prior that comes
# along, pictures of it, and how far it is from the truth.
# With HEADFIELD_ASSETS set, or after `headfield assets fetch`, `make people MODEL=ict` makes people of the open head model.
MODEL ?= $(if $(HEADFIELD_ASSETS),ict,builtin)
PERSON := $(DEMO)/people-$(MODEL)/p00000001_e00
people: $(READY)
	$(BIN)/headfield studio $(DEMO)/people-$(MODEL) --subjects 4 --rig views-3 --size 320 --model $(MODEL)
	$(BIN)/headfield show $(DEMO)/people-$(MODEL) -o $(DEMO)/people.png
	$(BIN)/headfield reconstruct $(PERSON) -o $(DEMO)/head --views 3
	$(BIN)/headfield render $(DEMO)/head -o $(DEMO)/pictures --sheet
	$(BIN)/headfield measure $(DEMO)/head/head.glb $(PERSON)/truth.ply --head-space --map $(DEMO)/difference.glb
	@echo "Four people are in $(DEMO)/people.png, the second one's head from three views in $(DEMO)/head/head.glb and"
	@echo "$(DEMO)/pictures/sheet.png, its distance from the truth in $(DEMO)/difference.glb and .png."

# One thread a worker: faster on few cores, and the same sums everywhere.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/mkdocs build --strict

bench: $(READY)
	$(BIN)/python -m benchmarks

check: test lint types docs

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip install -qqq --no-deps --only-binary :all: $(MEDIAPIPE) || \
		echo "$(MEDIAPIPE) cannot be installed here (it is made for Python 3.10 to 3.12), so photos have to wait; all else works."
	touch $@

clean:
	rm -rf $(VENV) site out .pytest_cache .mypy_cache .ruff_cache
