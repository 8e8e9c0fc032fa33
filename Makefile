# `make demo` and `make test` work as the first command in a fresh clone: docker/setup finds out what is missing.

CARGO ?= cargo
export CARGO

# In CI a Cargo.lock that does not fit is a mistake; on a desk cargo may bring it up to date.
LOCKED := $(if $(CI),--locked)

# The demo's stack, from its own folder and on the ports it was given, so that what is shown is what people would type.
NEARGATE := target/demo/neargate --file fixtures/chatkit/neargate.yaml
CAPTURE = env PATH="$(CURDIR)/target/demo:$$PATH" \
	$$(sed 's/ /,/g; s/^./NEARGATE_LISTEN=&/' target/chatkit/listen) docs/pictures/capture --folder fixtures/chatkit

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo demo-down test soak lint fmt bench fuzz figures pictures setup rust

help: ## This list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
	 sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1: \2/p' $(MAKEFILE_LIST)

demo: rust ## Run the ChatKit application behind its load balancer, check it, and print what to try
	@docker/demo up

demo-down: rust ## Remove the demo
	@docker/demo down

test: setup lint ## Run everything that CI runs: lint, then all tests, with a real engine and a real browser
	$(CARGO) test $(LOCKED)

soak: setup ## Roll a service 50 times in a row under traffic, with a real engine (ROLLS=50), and count what is lost
	NEARGATE_ROLLS=$(or $(ROLLS),50) $(CARGO) test $(LOCKED) --test it -- --nocapture rehearsing::rolls rehearsing::the_fixture

lint: rust ## Formatting, clippy, documentation; workflow files and shell scripts
	@docker/setup compiler
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --no-deps --document-private-items
	@packaging/lint --install

fmt: rust ## Format the code
	$(CARGO) fmt --all

bench: rust ## Compare neargate with other load balancers (QUICK=1: three short rounds; ARGS="a b --rounds 3")
	@docker/setup load-balancers
	$(CARGO) build $(LOCKED) --release --package neargate
	$(CARGO) build $(LOCKED) --release --package neargate-compare
	target/release/compare $(if $(QUICK),--rounds 3 --seconds 1) $(ARGS)

fuzz: rust ## Look for bytes that break a parser (SECONDS=60 for each; PROPERTIES="head chunks frames versions cookies config nginx")
	@docker/setup compiler cxx
	@fuzz/run $(or $(SECONDS),60) $(PROPERTIES)

figures: rust ## Copy the latest results of `make bench` into README.md and benches/README.md
	$(CARGO) run $(LOCKED) --release --quiet --package neargate-compare -- figures

pictures: rust ## Regenerate the README's pictures from the demo
	@docker/demo up
	@$(NEARGATE) down
	@$(CAPTURE) up -- neargate up --detach --wait
	@$(CAPTURE) ps -- neargate ps
	@docker/demo down

setup: ## Install and start what the demo and the tests need
	@docker/setup all
	@fixtures/clients/install

rust:
	@command -v $(CARGO) >/dev/null || { echo "neargate is built with Rust. Install it (https://rustup.rs), then run make again." >&2; exit 1; }
