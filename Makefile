.PHONY: help install test test-slow test-full fuzz lint golden benchmark
help:  ## list the commands
	@grep -E '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

test:  ## install the test extras and run the tests (some minutes)
	pip install -q -e '.[test]' && python -m pytest -q -n 2

test-slow: ## the tests that take minutes: every peer, other blacks, packaging
	python -m pytest -q -n 2 -m slow

test-full: ## peers too large for CI (tens of GB of memory and minutes each)
	python -m pytest -q -m full

fuzz:  ## 20,000 wrong inputs, as CI does; `python fuzz/run.py --help` for more
	python fuzz/run.py --inputs 20000 --seed 1

lint:  ## black, ruff and mypy --strict
	black --check --quiet . && ruff check --quiet . && mypy

golden: ## write the parser's tables and the golden files anew; review the diff
	python -m scalec.language.grammar
	python -m pytest -q tests/emit/test_emitted.py tests/diagnostics/test_errors.py tests/lint/test_lint.py tests/diagnostics/test_explain.py tests/emit/test_test_file.py tests/commands/test_diff.py --update
	cd examples/hatch && scalec compile --update

benchmark: ## compile speed against importing torch and building timm's B4; checking 200 files; the page of results
	python benchmarks/codegen.py
	python benchmarks/check_speed.py
	python benchmarks/trial_overhead.py
	python benchmarks/render.py
