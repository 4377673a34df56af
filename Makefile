# The commands of this project. `make help` lists them.

SHELL := /bin/sh
.DEFAULT_GOAL := help

GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GO_LICENSES := go run github.com/google/go-licenses@v1.6.0
GO_SBOM := go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
KUSTOMIZE := go run sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
KUBECTL_VALIDATE := go run sigs.k8s.io/kubectl-validate@v0.0.4
COMPOSE := go run github.com/compose-spec/compose-go/v2/cmd@v2.16.2
PACKAGES := frontend/node_modules/.package-lock.json
CLIENTS := devserver/e2e/clients/node_modules/.package-lock.json
# About 5 s for each target. A duration would fail at random until Go 1.27 (golang/go#75804).
FUZZTIME := 80000x

# Builds for development have no VCS stamp, which git refuses in a checkout that belongs
# to another user, such as a bind mount. `make build` stamps its binaries.
export GOFLAGS := -buildvcs=false $(GOFLAGS)

.PHONY: help dev api devserver test lint fuzz bench soak token call build image clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

dev: ## run everything: the page on :4200, the API on :3001, the local tenant on :4400
	@[ -e bin/dev ] || echo 'The first time, this downloads and compiles Go modules and npm packages, for up to a minute.'
	@$(MAKE) --no-print-directory --jobs=2 bin/programs $(PACKAGES)
	@exec bin/dev

api: bin/dev ## run the API alone
	@exec bin/dev api

devserver: $(PACKAGES) bin/dev ## run the page, the proxy and the local tenant alone
	@exec bin/dev devserver

# quoted is a value for the shell, and on says whether an option is set to anything but 0.
quoted = '$(subst ','\'',$(1))'
on = $(filter-out 0 no off false,$(1))
# USER is also an environment variable, so only one of the command line is used.
TOKEN_FLAGS = $(if $(findstring command,$(origin USER)),--user $(call quoted,$(USER))) $(if $(SCOPE),--scope $(call quoted,$(SCOPE))) \
	$(if $(AUDIENCE),--audience $(call quoted,$(AUDIENCE))) $(if $(call on,$(EXPIRED)),--expired) $(if $(call on,$(DPOP)),--dpop)

token: bin/token ## print an access token for the API (-s: and nothing else); options: USER=… SCOPE=… AUDIENCE=… EXPIRED=1 DPOP=1
	@exec bin/token $(TOKEN_FLAGS)

# PATH is also where the shell finds programs. The original is restored from make's own
# environment, which make 4.4 no longer passes to $(shell).
ifeq ($(origin PATH),command line)
CALL_PATH := $(PATH)
override PATH := $(shell if [ "$$PATH" = $(call quoted,$(CALL_PATH)) ]; then /usr/bin/tr '\0' '\n' < /proc/$$PPID/environ | /usr/bin/sed -n 's/^PATH=//p'; else echo "$$PATH"; fi)
endif

call: bin/token ## call the API and print request and answer: PATH=/api/external; options: METHOD=… and those of token
	@exec bin/token --call $(call quoted,$(or $(CALL_PATH),/api/external)) $(if $(METHOD),--method $(call quoted,$(METHOD))) $(TOKEN_FLAGS)

test: $(PACKAGES) $(CLIENTS) ## run all tests; those of the page need Chromium, Firefox and WebKit
	cd api && go test -race ./...
	cd devserver && go test -race . ./cmd/... ./internal/... ./tenant/...
	cd devserver/e2e && go test -race -timeout 20m
	cd frontend && npx tsc --noEmit && npm test
	cd devserver/e2e/clients && npx tsc --noEmit

lint: $(PACKAGES) ## check format and style
	cd api && $(GOLANGCI_LINT) run --config ../.golangci.yml ./...
	cd api/bench && GOWORK=off $(GOLANGCI_LINT) run --config ../../.golangci.yml ./...
	cd devserver && $(GOLANGCI_LINT) run --config ../.golangci.yml ./...
	cd devserver/bench && GOWORK=off $(GOLANGCI_LINT) run --config ../../.golangci.yml ./...
	GOOS=darwin go build ./api ./devserver/...
	GOOS=windows go build ./api ./devserver/...
	cd frontend && npm run lint
	mkdir -p bin && $(KUSTOMIZE) build docs/deploy/kubernetes > bin/kubernetes.yaml && $(KUBECTL_VALIDATE) --version 1.30 bin/kubernetes.yaml
	$(COMPOSE) -no-interpolation docs/deploy/compose.yaml > bin/compose.yaml

fuzz: ## run each fuzz target for FUZZTIME
	@set -e; for module in api devserver; do \
	  (cd $$module && go list -f '{{.Dir}}' ./...) | while read -r dir; do \
	    grep -ohE '^func Fuzz[A-Za-z0-9]*' "$$dir"/*_test.go 2>/dev/null | cut -c6- | while read -r target; do \
	      (cd "$$dir" && go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) .) || exit 1; \
	    done || exit 1; \
	  done; \
	done

bench: ## run the benchmarks, and API and proxy against their peers (needs wrk, nginx, redis-server)
	cd api && go test -run '^$$' -bench . -benchmem ./...
	cd devserver && go test -run '^$$' -bench . -benchmem ./internal/... ./tenant
	cd api/bench && GOWORK=off go run .
	cd devserver/bench && GOWORK=off go run .
	cd devserver/e2e && go test -run '^$$' -bench . -benchtime 20x

MINUTES := 2
soak: $(PACKAGES) ## run the system under load with faults (needs nginx and redis-server); option: MINUTES=60
	cd devserver && go run ./soak -minutes $(MINUTES)

build: $(PACKAGES) bin/dev ## build both binaries and their licenses into bin/, and the page for production into frontend/dist
	go build -trimpath -buildvcs=auto -o bin/ ./api ./devserver
	$(GO_LICENSES) save ./api ./devserver --save_path=bin/licenses --force --ignore calling-an-api.example
	@bin/dev build

# The image is the same on every machine, for one commit: its files and times do not depend on
# when and where it is built.
IMAGE := calling-an-api
ARCH = $(shell go env GOHOSTARCH)
BUILDER = $(firstword $(shell command -v buildah docker))
COMMITTED = $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)
image: ## build the API's container image with buildah or docker; options: IMAGE=name ARCH=arm64 BUILDER=docker
	rm -rf bin/image && mkdir -p bin/image
	cd api && GOWORK=off GOOS=linux GOARCH=$(ARCH) CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags=-s -o ../bin/image/api .
	cd api && GOWORK=off $(GO_LICENSES) save . --save_path=../bin/image/licenses --force --ignore calling-an-api.example
	cp LICENSE bin/image/licenses/ && cp api/NOTICE bin/image/licenses/ && cp "$$(go env GOROOT)/LICENSE" bin/image/licenses/LICENSE-Go
	cd api && GOWORK=off $(GO_SBOM) bin -json -std -notimestamp -noserial -output ../bin/image/sbom.cdx.json ../bin/image/api
	chmod -R u=rwX,go=rX bin/image && find bin/image -exec touch -h -d $(COMMITTED) {} +
	@epoch=$$(git log -1 --format=%ct); set -x; case $(BUILDER) in \
	*docker) SOURCE_DATE_EPOCH=$$epoch $(BUILDER) build --platform linux/$(ARCH) --tag $(IMAGE) --file api/Containerfile bin/image;; \
	*) $(or $(BUILDER),buildah) build --arch $(ARCH) --timestamp $$epoch --tag $(IMAGE) --file api/Containerfile bin/image;; esac

clean: ## remove everything that was built or installed
	rm -rf bin .tenant frontend/node_modules frontend/dist devserver/e2e/screenshots devserver/e2e/clients/node_modules

# Phony, because the Go command knows what is out of date. Without C code, because its
# compilation takes long. One build of all programs is faster than one after the other.
.PHONY: bin/dev bin/token bin/programs
bin/dev bin/token:
	@CGO_ENABLED=0 go build -o $@ ./devserver/cmd/$(@F)
bin/programs:
	@CGO_ENABLED=0 go build -o bin/ ./api ./devserver ./devserver/cmd/dev

$(PACKAGES) $(CLIENTS): %/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci
	@touch $@
