# `make demo` and `make test` share one debug build. `make help` lists the targets.

SWIFT_FLAGS := --explicit-target-dependency-import-check error

.PHONY: help demo test blackbox build bench fuzz sanitize format lint packages

help:
	@echo "make demo    build, then watch a database being backed up and the backup being proven"
	@echo "make test    build, then run every test"
	@echo "make build   release binary at .build/release/backupy"
	@echo "make bench   benchmarks beside the machine's limits"
	@echo "make fuzz    hostile input for every parser, for 10 s each or FUZZ_SECONDS"
	@echo "make sanitize  the tests under the thread and the address sanitizer, in builds of their own"
	@echo "make format  lay out the sources; make lint checks that"

packages:
	@scripts/install-packages.sh

demo: packages
	swift build $(SWIFT_FLAGS) --product backupy
	.build/debug/backupy demo $(if $(KEEP),--keep)

test: packages
	swift test $(SWIFT_FLAGS)
	swift build $(SWIFT_FLAGS) --product backupy
	python3 Tests/BlackBox/run.py --binary .build/debug/backupy

# Only the tests from outside, on what is built.
blackbox:
	python3 Tests/BlackBox/run.py --binary .build/debug/backupy

build: packages
	swift build $(SWIFT_FLAGS) -c release --product backupy

bench: packages
	Benchmarks/run.sh

fuzz: packages
	Fuzz/run.sh $(or $(FUZZ_SECONDS),10)

sanitize: packages
	scripts/sanitize.sh thread
	scripts/sanitize.sh address

format:
	swift format -i -r Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources \
		Fuzz/Package.swift Fuzz/Sources

lint:
	scripts/lint.sh
