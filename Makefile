# What people and machines run here. `make help` lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help

GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
PACKAGES := frontend/node_modules/.package-lock.json
CLIENTS := devserver/e2e/clients/node_modules/.package-lock.json

.PHONY: help dev api devserver test lint bench token build clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

dev: $(PACKAGES) bin/dev ## run everything: the page on :4200, the API on :3001, the local tenant on :4400
	@exec bin/dev

api: bin/dev ## run the API alone
	@exec bin/dev api

devserver: $(PACKAGES) bin/dev ## run the page, the proxy and the local tenant alone
	@exec bin/dev devserver

# USER is also who is at this machine, so only what is said to make counts.
TOKEN_FLAGS = $(if $(findstring command,$(origin USER)),--user '$(USER)') $(if $(SCOPE),--scope '$(SCOPE)') \
	$(if $(AUDIENCE),--audience '$(AUDIENCE)') $(if $(EXPIRED),--expired)

token: bin/token ## print an access token for the API; -s: and nothing else; USER=… SCOPE=… AUDIENCE=… EXPIRED=1 choose it
	@exec bin/token $(TOKEN_FLAGS)

test: $(PACKAGES) $(CLIENTS) ## run all tests; the browser tests need Chromium
	cd api && go test -race ./...
	cd devserver && go test -race . ./cmd/... ./internal/...
	cd devserver/e2e && go test -race
	cd frontend && npx tsc --noEmit && npm test
	cd devserver/e2e/clients && npx tsc --noEmit

lint: ## check format and style
	cd api && $(GOLANGCI_LINT) run --config ../.golangci.yml ./...
	cd api/bench && GOWORK=off $(GOLANGCI_LINT) run --config ../../.golangci.yml ./...
	cd devserver && $(GOLANGCI_LINT) run --config ../.golangci.yml ./...
	cd devserver/bench && GOWORK=off $(GOLANGCI_LINT) run --config ../../.golangci.yml ./...
	GOOS=darwin go build ./api ./devserver/...
	GOOS=windows go build ./api ./devserver/...

bench: ## run the benchmarks, and API and proxy against their peers (needs wrk and nginx)
	cd api && go test -run '^$$' -bench . -benchmem ./...
	cd devserver && go test -run '^$$' -bench . -benchmem ./internal/...
	cd api/bench && GOWORK=off go run .
	cd devserver/bench && GOWORK=off go run .
	cd devserver/e2e && go test -run '^$$' -bench . -benchtime 20x

build: $(PACKAGES) bin/dev ## build both binaries into bin/ and the page for production into frontend/dist
	go build -trimpath -o bin/ ./api ./devserver
	@bin/dev build

clean: ## remove what was built and installed
	rm -rf bin .tenant frontend/node_modules frontend/dist devserver/e2e/screenshots devserver/e2e/clients/node_modules

# The Go command knows itself what is out of date.
.PHONY: bin/dev bin/token
bin/dev bin/token:
	@go build -o $@ ./devserver/cmd/$(@F)

$(PACKAGES) $(CLIENTS): %/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci
	@touch $@
