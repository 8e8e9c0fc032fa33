//! The only integration test binary. Add a test to the module whose sentence fits; add a module only for a new subject.
//!
//! Behaviour that a reader without Rust should be able to check lives as data under `fixtures/`; a module here holds
//! one `check` function per family of cases.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, and says why it was skipped")]

/// Shared by the modules below: a pretended world, and expected output as files.
mod support;

/// The changes that `up` reports: `fixtures/changes/`.
mod changes;
/// Configuration: every error message, the output of `check` and `init`, the schema and the reference.
mod config;
/// What `doctor` reports about problems that no health check sees: `fixtures/diagnosis/`.
mod diagnosis;
/// The controller with a pretended engine, as transcripts: folders of `fixtures/ecs/`.
mod tasks;

/// A load balancer on loopback with scripted targets: builders, no tests.
mod alb;
/// AWS's behaviours as pages: `docs/alb.md` and `docs/ecs.md`, from the cases of `fixtures/alb/` and `fixtures/ecs/`.
mod behaviours;
/// Every byte of a request target, over both protocols.
mod characters;
/// Exchanges as dialogues, to the byte: `fixtures/alb/exchanges/`, `errors/`, `limits/`.
mod exchanges;
/// CloudWatch's metrics: `fixtures/alb/figures/`.
mod figures;
/// Targets taking turns, large bodies, connections that end at the wrong moment, rewritten requests.
mod forwarding;
/// gRPC calls, with a real client and a real server.
mod grpc;
/// HTTP/2 clients over TLS.
mod http2;
/// What HTTP/2 clients may not do, frame by frame.
mod http2_frames;
/// Too many streams and too many small frames in HTTP/2.
mod http2_many;
/// Changing tables, long-lived connections, draining.
mod lifecycle;
/// What counts as an outstanding request: `fixtures/alb/outstanding/`.
mod outstanding;
/// Every error of the load balancer, provoked: `fixtures/alb/errors/`.
mod recipes;
/// Log lines and counts for requests, connections and failures.
mod records;
/// The actions of AWS's APIs as a page: `docs/aws.md`.
mod served_actions;
/// Clients that stay with their group or target.
mod stickiness;
/// Targets with TLS, and targets that speak HTTP/2 or gRPC.
mod target_protocols;
/// The security policy of TLS connections to targets.
mod target_tls;
/// WebSocket upgrades, with a real client and server.
mod websocket;

/// The file, commands and the journal, and which of them decides: `fixtures/desired/`.
mod desired;

/// Tasks on a real engine, through the API.
mod engine_runtime;

/// Real clients under `neargate run`: languages, tools and browsers, `fixtures/clients/clients.yaml`.
mod clients;
/// The real binary, the engine and a browser: commands, the ChatKit application, failures, interruptions.
mod end_to_end;
/// The contents of a release, and the scripts that make it: `packaging/`.
mod packaging;
/// How `neargate run` treats its command: signals, exit codes, the terminal, and its private view of files.
mod run;
/// Layers, files, fixtures, dependencies and documents of this repository.
mod tidy;
