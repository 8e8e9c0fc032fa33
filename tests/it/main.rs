//! The one integration binary. Add a test to the module whose sentence fits; add a module only for a new subject.
//!
//! Behaviour that a reader without Rust should be able to check lives as data under `fixtures/`; a module here holds
//! one `check` function per family of cases.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it was skipped")]

/// What the modules below share: a pretended world, and expected output as files.
mod support;

/// What `up` says has changed: `fixtures/changes/`.
mod changes;
/// Configuration: every mistake as a person reads it, what `check` and `init` print, schema and reference.
mod config;
/// What `doctor` says of troubles that no health check sees: `fixtures/diagnosis/`.
mod diagnosis;
/// What the controller does with a pretended engine, as transcripts: folders of `fixtures/ecs/`.
mod tasks;

/// A load balancer on loopback with scripted targets; builders, no tests.
mod alb;
/// What AWS does, as pages: `docs/alb.md` and `docs/ecs.md`, from the cases of `fixtures/alb/` and `fixtures/ecs/`.
mod behaviours;
/// Every byte of a request's target, over both protocols.
mod characters;
/// Exchanges as dialogues, to the byte: `fixtures/alb/exchanges/`, `errors/`, `limits/`.
mod exchanges;
/// CloudWatch's figures: `fixtures/alb/figures/`.
mod figures;
/// Targets in turn, large bodies, connections that end at the wrong moment, requests that a rule rewrites.
mod forwarding;
/// Calls of gRPC, with a real client and a real server.
mod grpc;
/// Clients of HTTP/2 over TLS.
mod http2;
/// What clients of HTTP/2 may not do, frame by frame.
mod http2_frames;
/// Too many streams and too many small frames of HTTP/2.
mod http2_many;
/// Tables that change, connections that last, draining.
mod lifecycle;
/// What counts as an outstanding request: `fixtures/alb/outstanding/`.
mod outstanding;
/// Every error of the load balancer, provoked: `fixtures/alb/errors/`.
mod recipes;
/// What is written down and counted about requests, connections and failures.
mod records;
/// Clients that stay with their group or target.
mod stickiness;
/// Targets under TLS, and targets that speak HTTP/2 or gRPC.
mod target_protocols;
/// Which security policy targets under TLS are spoken to with.
mod target_tls;
/// Upgrades, with a real WebSocket client and server.
mod websocket;

/// The file, commands and the journal: who decides what is wanted, `fixtures/desired/`.
mod desired;

/// Tasks on a real engine, through the API.
mod engine_runtime;

/// Real clients under `neargate run`: languages, tools and browsers, `fixtures/clients/clients.yaml`.
mod clients;
/// The real binary, the engine and a browser: commands, the ChatKit application, failures, interruptions.
mod end_to_end;
/// What a release consists of, and the scripts behind it: `packaging/`.
mod packaging;
/// What `neargate run` does with its command: signals, exit codes, the terminal, and what only it sees.
mod run;
/// Layers, files, fixtures, dependencies and documents of this repository.
mod tidy;
