//! Failures before anything runs: one message, its exit code, and nothing left half done.

use std::collections::BTreeMap;

use serde_json::json;

use super::{assert_fails, assert_nothing_is_left};
use crate::support::engine::{self, Listing};
use crate::support::janitor::Janitor;
use crate::support::scenario::Scenario;
use crate::support::stack::{DOMAIN, Stack, free_port};

#[tokio::test]
async fn a_port_in_use_is_named_with_its_holder_and_nothing_is_left() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let taken = free_port();
    let holder = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let scenario = Scenario::web_and_api();
    let stack = Stack::listening_on(BTreeMap::from([(80, taken), (443, free_port())]), |folder| scenario.write(folder));
    let before = Listing::of(stack.project()).await;
    for arguments in [&["up", "-d"][..], &["up"], &["run", "--", "true"]] {
        let output = stack.run(arguments).await;
        assert_fails(&output, 1, &[&taken.to_string(), "--listen 80="]);
        before.assert_unchanged(stack.project(), &format!("after {arguments:?}")).await;
        assert!(!stack.state_folder().exists(), "after {arguments:?}");
    }
    // Detected before the first call to the engine.
    let mut without_engine = scenario.stack();
    without_engine.set("NEARGATE_LISTEN", &format!("80={taken},443={}", free_port()));
    without_engine.set("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    assert_fails(&without_engine.run(&["up", "-d"]).await, 1, &[&format!("port {taken} is in use by ")]);
    drop(holder);
    assert!(!stack.listens());
}

#[tokio::test]
async fn a_port_that_another_stack_holds_is_named_with_its_project_by_up_and_by_doctor() {
    let Some(_turn) = engine::turn().await else { return };
    let scenario = Scenario::load_balancer_only();
    let first = scenario.stack();
    first.up().await;
    let ports = BTreeMap::from([(80, first.local_port(80)), (443, first.local_port(443))]);
    let second = Stack::listening_on(ports, |folder| scenario.write(folder));
    let holder = format!("in use by the stack of project `{}`", first.project());
    let way_out = format!("neargate down -p {}", first.project());
    assert_fails(&second.run(&["up", "-d"]).await, 1, &[&holder, &way_out, "--listen 80="]);
    let report = second.run(&["doctor"]).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    for part in [&format!("port {}", first.local_port(80)), &holder, &way_out] {
        assert!(report.stdout.contains(part.as_str()), "no {part:?} in {report:?}");
    }
    // As in CI: the ports in the variable are checked.
    first.run(&["doctor"]).await.succeeded();
}

#[tokio::test]
async fn one_message_says_how_to_do_without_the_right_to_bind_80() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if first_free.trim().parse::<u16>().is_ok_and(|port| port <= 80) {
        eprintln!("skipped: anyone may bind port 80 on this machine");
        return;
    }
    let scenario = Scenario::web_and_api();
    let stack = Stack::listening_on(BTreeMap::from([(80, 80), (443, free_port())]), |folder| scenario.write(folder));
    let before = Listing::of(stack.project()).await;
    // Root without the capability is in the same position as any other user.
    let is_root = rustix::process::geteuid().is_root();
    let drop = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", "--"];
    let output = stack.spawn_under(if is_root { &drop } else { &[] }, &["up", "-d"]).end().await;
    assert_fails(&output, 1, &["80", "--listen 80="]);
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn a_full_disk_is_one_message_and_nothing_is_left() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::web_and_api().stack();
    let disk = stack.state_folder().parent().unwrap().to_owned();
    std::fs::create_dir_all(&disk).unwrap();
    let mut mount = std::process::Command::new("mount");
    // Enough for a lock and a socket, but not for the machine's roots.
    mount.args(["-t", "tmpfs", "-o", "size=16k", "none"]).arg(&disk);
    if !mount.output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no small disk can be made here");
        return;
    }
    let _unmount = Janitor::of(&format!("umount {}", disk.display()));
    let before = Listing::of(stack.project()).await;
    for arguments in [&["up", "-d"][..], &["up"]] {
        let output = stack.run(arguments).await;
        assert_fails(&output, 1, &["No space left on device"]);
        assert_nothing_is_left(&stack, &before).await;
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_one_message_and_exit_code_4() {
    let Some(_turn) = engine::turn().await else { return };
    let mut stack = Scenario::web_and_api().stack();
    stack.set("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    for arguments in [&["up", "-d", "--wait"][..], &["up"], &["run", "--", "true"], &["down"]] {
        let output = stack.run(arguments).await;
        let sentence = "error: no container engine at unix:///nonexistent/docker.sock (from DOCKER_HOST): there is no such \
                        socket. Start it, or unset DOCKER_HOST";
        assert_fails(&output, 4, &[sentence]);
        assert!(!stack.state_folder().exists() && !stack.listens(), "after {arguments:?}");
    }
    let report = stack.run(&["doctor", "--format", "json"]).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    let checks = report.json()["checks"].clone();
    let engine = checks.as_array().unwrap().iter().find(|check| check["name"].as_str().unwrap().contains("engine"));
    assert_eq!(engine.unwrap()["status"], json!("problem"));
    // Commands that need no engine work without it.
    stack.run(&["check"]).await.succeeded();
    stack.run(&["explain", &format!("https://{DOMAIN}/api/x")]).await.succeeded();
}

#[tokio::test]
async fn a_broken_file_is_exit_code_2_and_starts_nothing() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::web_and_api();
    scenario.rules()[0]["action"]["forward"] = json!("tg-apu");
    let stack = scenario.stack();
    for arguments in [&["check"][..], &["up", "-d"], &["run", "--", "true"]] {
        let output = stack.run(arguments).await;
        assert_eq!(output.code, Some(2), "{output:?}");
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.contains("neargate.yaml:") && text.contains("tg-api"), "place and nearest name: {output:?}");
        assert!(!stack.state_folder().exists(), "after {arguments:?}");
    }
}
