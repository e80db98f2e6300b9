# `make demo` and `make test` share one debug build. `make help` lists the targets.

SWIFT_FLAGS := --explicit-target-dependency-import-check error

.PHONY: help demo test blackbox nightly build bench instructions fuzz sanitize mutations format lint packages test-packages

help:
	@echo "make demo    build, then watch a database being backed up and the backup being proven"
	@echo "make test    build, then run every test"
	@echo "make nightly build, then what takes hours: whole rates and faults, every byte of a log, sanitizers, 500 kills,"
	@echo "             2 000 idle agents, a stream of 20 GB, a log of 10 million entries"
	@echo "make build   release binary at .build/release/backupy"
	@echo "make bench   benchmarks beside the machine's limits (make bench PARTS='turns backup' for some of them)"
	@echo "make instructions  instructions of the hot parts against Benchmarks/instructions.json"
	@echo "make fuzz    hostile input for every parser, for 10 s each or FUZZ_SECONDS"
	@echo "make sanitize  the tests under the thread and the address sanitizer, in builds of their own"
	@echo "make mutations  deliberate bugs, each of which the simulator must find"
	@echo "make format  lay out the sources; make lint checks that"

packages:
	@scripts/install-packages.sh

# PostgreSQL too, which tests start for themselves.
test-packages:
	@scripts/install-packages.sh --tests

demo: packages
	swift build $(SWIFT_FLAGS) --product backupy
	.build/debug/backupy demo $(if $(KEEP),--keep)

# What computes for long, by itself: it keeps every thread for minutes, and time limits of other tests, of their HTTP client
# for one, would run out. For the same reason only so many tests begin at once.
LONG_TESTS := SimulationTests|PlantingTests|RESTPlantedSecretTests|StorageFaultTests|EngineFaultTests|FlippedByteTests
LONG_TESTS := $(LONG_TESTS)|CronTests|EveryPhaseTests|CheckTotalityTests
AT_ONCE := --experimental-maximum-parallelization-width

test: test-packages
	swift test $(SWIFT_FLAGS) $(AT_ONCE) 8 --skip '$(LONG_TESTS)'
	swift test $(SWIFT_FLAGS) $(AT_ONCE) 4 --skip-build --filter '$(LONG_TESTS)'
	swift build $(SWIFT_FLAGS) --product backupy
	$(MAKE) --no-print-directory blackbox

# Only the tests from outside, on what is built. The kills go beside the scenarios: both wait for minutes, for graces to
# run out. Where BACKUPY_NO_SKIPS is set, as by .ci/run, what the machine cannot try is a failure.
blackbox:
	@python3 Tests/BlackBox/crash.py --binary .build/debug/backupy --kills 30 & crash=$$!; \
	python3 Tests/BlackBox/run.py --binary .build/debug/backupy $(if $(BACKUPY_NO_SKIPS),--no-skips); scenarios=$$?; \
	wait $$crash && exit $$scenarios

# What takes hours, and 25 GB of room under TMPDIR. Flipping every byte of a log takes a release build with tests.
nightly: test-packages
	swift build $(SWIFT_FLAGS) --product backupy
	swift build $(SWIFT_FLAGS) -c release --product long-log
	BACKUPY_NIGHTLY=1 swift test $(SWIFT_FLAGS) --filter 'AnomalyRate|Fault|cancelDeafStore|stubborn'
	BACKUPY_NIGHTLY=1 swift test $(SWIFT_FLAGS) -c release -Xswiftc -enable-testing --scratch-path .build-testing \
		--filter FlippedByteTests
	$(MAKE) --no-print-directory sanitize
	python3 Tests/BlackBox/run.py --binary .build/debug/backupy --slow
	python3 Tests/BlackBox/crash.py --binary .build/debug/backupy --kills 500
	python3 Tests/BlackBox/idle.py --binary .build/debug/backupy --agents 2000 --seconds 180 \
		--log-maker .build/release/long-log
	Benchmarks/backup.sh .build/debug/backupy 20000 5
	Benchmarks/long-log.sh 10000000

build: packages
	swift build $(SWIFT_FLAGS) -c release --product backupy --static-swift-stdlib

bench: packages
	Benchmarks/run.sh $(PARTS)

instructions:
	scripts/install-packages.sh --benchmarks
	Benchmarks/instructions.sh

fuzz: packages
	Fuzz/run.sh $(or $(FUZZ_SECONDS),10)

sanitize: packages
	scripts/sanitize.sh thread
	scripts/sanitize.sh address

mutations: packages
	scripts/mutations.sh

format:
	swift format -i -r Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources \
		Benchmarks/Parts/Package.swift Benchmarks/Parts/Benchmarks Fuzz/Package.swift Fuzz/Sources

lint:
	scripts/lint.sh
