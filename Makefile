# Every command a developer needs. `make help` lists them.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
# --static-swift-stdlib: the program also runs where no Swift is installed, as in the image and under systemd. lld: gold,
# the default linker, warns of functions of the Swift library that nothing here calls. Nobody links against a program, so it
# exports nothing, and no library is looked for beside it; its own addresses are relocated in the packed form that glibc knows from
# 2.36 on (Debian 12). The last three make it 2 MB smaller.
RELEASE     := --configuration release --product tusk --static-swift-stdlib -Xswiftc -use-ld=lld --disable-local-rpath \
	-Xlinker --no-export-dynamic -Xlinker -z -Xlinker pack-relative-relocs $(SWIFT_FLAGS)
PROGRAM     := .build/release/tusk
SOURCES     := Package.swift $(wildcard Sources Tests Benchmarks)
PYTHON      := .venv/bin/python

# `make serve PORT=9000 ARGS="--model mine.safetensors"`
HOST := 127.0.0.1
PORT := 8080
ARGS :=
DATA :=
MINUTES := 60
# `make install PREFIX=/opt/tusk DESTDIR=package`
PREFIX  := /usr/local
DESTDIR :=

.DEFAULT_GOAL := help
.PHONY: help
help: ## list these commands
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { print "\n" substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Build
.PHONY: setup build serve install clean
setup: ## install the missing Debian packages; nothing when they are there
	@scripts/setup.sh

build: setup ## build the program, optimised, at .build/release/tusk
	swift build $(RELEASE)

serve: build ## build, then serve the animal model on 127.0.0.1:8080 (HOST, PORT, ARGS)
	@exec $(PROGRAM) serve --host $(HOST) --port $(PORT) $(ARGS)

$(PROGRAM):
	$(MAKE) build

install: $(PROGRAM) ## install what was built as PREFIX/bin/tusk (PREFIX=/usr/local, DESTDIR)
	install -D --strip --mode 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/tusk"
	install -D --mode 644 --target-directory "$(DESTDIR)$(PREFIX)/share/doc/tusk" LICENSE NOTICE

clean: ## remove what builds left; runs/ and .venv stay
	rm -rf .build .build-fuzz .build-tsan .image Benchmarks/*/*/.build

##@ Test
.PHONY: test simulate drift fuzz fuzz-build tsan
# Tests that wait for sockets and for one another have a process of their own: beside those that compute for minutes, all of which
# begin at once on a thread a processor, they wait longer than any time limit is worth.
WAITING := ^(HTTPServerTests|ServingTests|DensityAPITests|tuskTests)\.

test: setup ## run all tests
	swift test $(SWIFT_FLAGS) --filter "$(WAITING)"
	swift test $(SWIFT_FLAGS) --skip "$(WAITING)"

simulate: setup ## run the lanes in virtual time over random traces (SECONDS, SEED of the first)
	TUSK_SIMULATE_SECONDS=$(SECONDS) TUSK_SIMULATE_SEED=$(or $(SEED),0) swift test $(SWIFT_FLAGS) --filter ServingTests.SimulationTests

drift: setup ## run the test of drift over many long streams, optimised (STREAMS=1000x100000)
	TUSK_DRIFT_STREAMS=$(or $(STREAMS),1000x100000) swift test --scratch-path .build-optimised --configuration release \
		-Xswiftc -enable-testing $(SWIFT_FLAGS) --filter FlowModelsTests.DriftTests

# The modules are instrumented and optimised, with all checks; libFuzzer's part of the linker's work is in its runtime.
RUNTIME        = $(shell swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')/clang/lib/linux
COVERAGE      := -sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table
FUZZ          := --scratch-path .build-fuzz --configuration release --product tusk-fuzz --sanitize address \
	-Xswiftc -enable-testing -Xswiftc $(COVERAGE) -Xcc -f$(COVERAGE:-%=%) -Xswiftc -use-ld=lld $(SWIFT_FLAGS)
SECONDS       := 60
TARGET        :=

fuzz: fuzz-build ## fuzz every target of Tests/Fuzz with AddressSanitizer (SECONDS each, TARGET for one)
	@Tests/Fuzz/run.sh $(SECONDS) $(TARGET)

fuzz-build: setup ## build what make fuzz runs
	TUSK_FUZZ=1 swift build $(FUZZ) -Xlinker $(RUNTIME)/libclang_rt.fuzzer_no_main-x86_64.a -Xlinker -lstdc++

# The object tells the sanitizer of locks that it does not see; the condition lets Tests/ServingTests have its race.
MUTEX         := .build-tsan/mutex.o
TSAN          := --scratch-path .build-tsan --sanitize thread -Xswiftc -DTHREAD_SANITIZER -Xlinker $(MUTEX) $(SWIFT_FLAGS)

tsan: setup ## run the tests of the service with ThreadSanitizer
	mkdir -p $(dir $(MUTEX))
	clang -O2 -Wall -Wextra -Werror -c Tests/ThreadSanitizer/mutex.c -o $(MUTEX)
	swift build --build-tests $(TSAN)
	Tests/ThreadSanitizer/run.sh

##@ Check
.PHONY: format lint conformance restart-check fleet-check image-check deploy-check
format: ## format the Swift sources in place
	swift format --in-place --parallel --recursive $(SOURCES)

lint: ## report what the formatter would change, and fail
	swift format lint --strict --parallel --recursive $(SOURCES)

conformance: build ## hold the running service against openapi.yaml (schemathesis), TLS against sslyze, metrics against Prometheus, /v2 against clients and perf_analyzer, the web page against Chromium and Firefox
	@scripts/setup.sh conformance
	Tests/conformance/run.sh

restart-check: build ## restart the service behind HAProxy at load; no request may be lost, 1 minute (ARGS)
	@scripts/setup.sh restart-check
	python3 Tests/conformance/restart.py --program $(PROGRAM) $(ARGS)

fleet-check: build ## three instances behind HAProxy at load: one killed, one gone, one drained, all exchanged, 2 minutes (root or user namespaces; ARGS)
	@scripts/setup.sh fleet-check
	python3 Tests/conformance/fleet.py --program $(PROGRAM) $(ARGS)

image-check: ## build the container image with buildah, run it read-only and ask it (root)
	scripts/image-check.sh

deploy-check: build ## validate deploy/: manifests, units, rules and dashboard, and the program as they start it, 2 minutes; needs kubectl, systemd
	@scripts/setup.sh deploy-check
	scripts/deploy-check.sh $(PROGRAM)

##@ Measure
.PHONY: bench-setup bench profile image-size bench-http-setup bench-http bench-load-setup bench-load load-check soak bench-growth exactness bench-first zoo-setup zoo zoo-report zoo-check
bench-setup: ## a Python environment, .venv, for Benchmarks/ and Training/
	Benchmarks/setup.sh

bench: build bench-setup ## speed against zuko, nflows and normflows, 20 minutes; rewrites docs/measurements/speed.md (ARGS)
	$(PYTHON) -m Benchmarks.speed.compare --program $(PROGRAM) --output runs/speed.json $(ARGS)
	$(PYTHON) -m Benchmarks.speed.report runs/speed.json

profile: build bench-setup ## where the time goes, by function: flame graphs and tables in runs/profile, 1 minute (ARGS); needs Linux's perf
	$(PYTHON) -m Benchmarks.profile.run --program $(PROGRAM) $(ARGS)

image-size: setup ## what is in the container image, and what takes the room of the program, as tables
	swift build $(RELEASE) -Xlinker -Map=.build/release.map
	@scripts/image-size.sh $(PROGRAM) .build/release.map

bench-http-setup: bench-setup ## wrk, slowhttptest, nginx and the peer in Swift, for bench-http
	Benchmarks/http/setup.sh

bench-http: build bench-http-setup ## the HTTP server beside Hummingbird, FastAPI, nginx and Node, and under slow clients, 15 minutes (ARGS)
	$(PYTHON) -m Benchmarks.http.run --program $(PROGRAM) $(ARGS)

bench-growth: build bench-setup ## how time and memory grow with pixels, batches, connections, models and rows, half an hour (ARGS)
	$(PYTHON) -m Benchmarks.growth.run --program $(PROGRAM) --output runs/growth.json $(ARGS)
	$(PYTHON) -m Benchmarks.growth.report runs/growth.json

bench-load-setup: bench-setup ## LitServe and Ray Serve, and images for the small model, for bench-load
	Benchmarks/load/setup.sh

bench-load: build bench-load-setup ## what load does to a lone caller, beside LitServe and Ray Serve, 20 minutes each (DATA, ARGS)
	$(PYTHON) -m Benchmarks.load.run --program $(PROGRAM) $(if $(DATA),--data "$(DATA)") $(ARGS)

load-check: bench-setup ## check the clients of bench-load and soak against servers of their own, 10 seconds
	$(PYTHON) -m Benchmarks.load.check

soak: build bench-setup ## good and bad load for MINUTES (60): one answer each, memory and descriptors (DATA, ARGS)
	$(if $(DATA),,@scripts/setup.sh zoo)
	$(PYTHON) -m Benchmarks.load.soak --program $(PROGRAM) --minutes $(MINUTES) $(if $(DATA),--data "$(DATA)") $(ARGS)

exactness: build bench-setup ## density and samples of the service against zuko and nflows, 1 minute (ARGS)
	$(PYTHON) -m Benchmarks.exactness --program $(PROGRAM) --write $(ARGS)

bench-first: build bench-setup ## a first training by the default choice beside nflows' Glow, on patches of photographs and of textures, 50 minutes (ARGS)
	Benchmarks/first/setup.sh
	for set in photographs textures; do $(PYTHON) -m Benchmarks.first.run --program $(PROGRAM) --data runs/first/$$set $(ARGS) || exit 1; done

zoo-setup: bench-setup ## the data sets of the model zoo, from Debian and PyPI
	Benchmarks/zoo/setup.sh

zoo: build zoo-setup ## train and evaluate the model zoo beside the peers, 16 hours; again after Ctrl-C (DATA, ARGS)
	$(PYTHON) -m Benchmarks.zoo.run --program $(PROGRAM) $(if $(DATA),--animal-shapes "$(DATA)") $(ARGS)

zoo-report: bench-setup ## the tables of docs/measurements/model-zoo.md from what make zoo has finished so far (ARGS)
	$(PYTHON) -m Benchmarks.zoo.report $(ARGS)

zoo-check: build zoo-setup ## check the model zoo's own densities, sizes and resumption, 1 minute (DATA)
	$(PYTHON) -m Benchmarks.zoo.check --program $(PROGRAM) --data $(or $(DATA),runs/data/animal-shapes)

##@ Train
.PHONY: model gpu-check
model: build bench-setup ## train the default model again, on a GPU, 10 minutes (DATA=folder of animal-shapes)
	@scripts/model.sh "$(DATA)"

gpu-check: build bench-setup ## check the training on a GPU, without one, 1 minute
	$(PYTHON) -m Tests.TorchTraining.check --program $(PROGRAM)
