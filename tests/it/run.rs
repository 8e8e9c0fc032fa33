//! How `neargate run` treats any command: it is looked up before anything starts, its whole process group gets signals,
//! it has the terminal and a private view of the machine, which leaves nothing behind. `clients` tests what real
//! clients do with that.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::json;

use crate::clients::{has_namespaces, stack};
use crate::support::scenario::Scenario;
use crate::support::stack::{Running, Stack, kill};
use crate::support::waiting::eventually;

/// Runs a shell script under `run`.
fn script<'a>(options: &[&'a str], text: &'a str) -> Vec<&'a str> {
    [&["run"], options, &["--", "sh", "-c", text]].concat()
}

/// A command with a long-running child, whose pid is in a file.
async fn with_grandchild(stack: &Stack) -> (Running, Pid) {
    let file: PathBuf = stack.folder().join("grandchild");
    let text = format!("sh -c 'echo $$ >{}; exec sleep 1000'; exit 3", file.display());
    let run = stack.spawn(&script(&[], &text));
    let read = || std::fs::read_to_string(&file).ok()?.trim().parse().ok().and_then(Pid::from_raw);
    eventually("the command runs", async || read().is_some()).await;
    (run, read().unwrap())
}

async fn is_gone(process: Pid) {
    eventually("the grandchild is gone", async || test_kill_process(process).is_err()).await;
}

#[tokio::test]
async fn a_missing_command_is_reported_before_anything_starts() {
    let stack = stack();
    let plain = stack.folder().join("plain");
    std::fs::write(&plain, "").unwrap();
    for (command, code) in [("no-such-command", 127), ("/no/such/command", 127), (plain.to_str().unwrap(), 126)] {
        let output = stack.run(&["run", "--", command]).await;
        assert_eq!(output.code, Some(code), "{output:?}");
        assert!(output.stderr.starts_with(&format!("error: {command}: ")), "{output:?}");
        assert!(!output.stderr.contains("listener"), "{output:?}");
    }
    assert!(!stack.state_folder().exists());
}

#[tokio::test]
async fn a_signal_reaches_all_of_the_command_and_then_the_stack_is_taken_down() {
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        let stack = stack();
        let (run, grandchild) = with_grandchild(&stack).await;
        run.signal(signal);
        let output = run.end().await;
        assert_eq!(output.code, Some(128 + signal.as_raw()), "{output:?}");
        is_gone(grandchild).await;
        assert!(!stack.state_folder().exists(), "{signal:?}");
        assert!(!stack.listens(), "{signal:?}");
    }
}

#[tokio::test]
async fn closing_the_terminal_ends_up_but_not_a_stack_in_the_background() {
    for signal in [Signal::HUP, Signal::QUIT] {
        let stack = stack();
        let up = stack.spawn(&["up"]);
        eventually("it is up", async || up.stderr().contains("is up")).await;
        up.signal(signal);
        up.end().await;
        assert!(!stack.state_folder().exists(), "{signal:?}");
        assert!(!stack.listens(), "{signal:?}");
    }
    let stack = stack();
    stack.up().await;
    let said = stack.run(&["run", "--", "true"]).await.succeeded().stderr;
    let process = said.split_once("(process ").and_then(|(_, rest)| rest.split_once(')')).unwrap().0;
    kill(process.parse().unwrap(), Signal::HUP);
    // Answered by the same threads that would have handled the signal.
    assert!(!stack.view().await.shutting_down);
    assert!(stack.listens());
    stack.down().await;
}

/// The first process owns the stack, and the others join it, with the authority that the first one's command trusts,
/// until the last command has ended. In CI each running stack has one authority.
#[tokio::test]
async fn several_runs_at_once_share_a_stack_until_the_last_ends() {
    for ci in ["", "true"] {
        let stack = stack();
        let file = |name: &str| stack.folder().join(name).display().to_string();
        let text = |own: &str| {
            format!(
                "touch {}; while ! [ -e {} ]; do sleep 0.05; done; cat $NEARGATE_CA_CERT; exit 7",
                file(&format!("{own}-runs")),
                file(&format!("{own}-may-end"))
            )
        };
        let start = |own: &str| stack.spawn_with(&[("CI", ci)], &script(&[], &text(own)));
        let runs = [("one", start("one")), ("two", start("two")), ("three", start("three"))];
        for (own, run) in &runs {
            eventually(&format!("{own} runs"), async || {
                assert!(!run.stderr().contains("error:"), "{}", run.stderr());
                stack.folder().join(format!("{own}-runs")).exists()
            })
            .await;
        }
        let is_owner = |run: &Running| !run.stderr().contains("using the stack that is already running");
        let owners: Vec<&str> = runs.iter().filter(|(_, run)| is_owner(run)).map(|(own, _)| *own).collect();
        let [owner] = owners.as_slice() else { panic!("{owners:?}") };
        // The owner's command ends first.
        std::fs::write(file(&format!("{owner}-may-end")), "").unwrap();
        let (owner, guests): (Vec<_>, Vec<_>) = runs.into_iter().partition(|(own, _)| own == owner);
        let owner = owner.into_iter().next().unwrap().1;
        eventually("the owner waits", async || owner.stderr().contains("another `neargate run` is using the stack"))
            .await;
        let authority = stack.authority().await;
        for (own, guest) in guests {
            assert!(stack.listens(), "{own} still uses it");
            std::fs::write(file(&format!("{own}-may-end")), "").unwrap();
            let output = guest.end().await;
            assert_eq!((output.code, &output.stdout), (Some(7), &authority), "{output:?}");
        }
        let output = owner.end().await;
        assert_eq!((output.code, &output.stdout), (Some(7), &authority), "{output:?}");
        assert!(!stack.state_folder().exists() && !stack.listens());
    }
}

#[tokio::test]
async fn run_can_be_told_not_to_wait_for_others() {
    let stack = stack();
    let first = stack.spawn(&script(&[], "touch first-runs; while ! [ -e second-runs ]; do sleep 0.05; done"));
    eventually("the first runs", async || stack.folder().join("first-runs").exists()).await;
    let second = stack.spawn(&script(&[], "touch second-runs; while ! [ -e may-end ]; do sleep 0.05; done"));
    eventually("the first waits", async || first.stderr().contains("another `neargate run` is using the stack")).await;
    first.signal(Signal::INT);
    let output = first.end().await;
    assert_eq!(output.code, Some(0), "what its command said: {output:?}");
    assert!(!stack.listens() && !stack.state_folder().exists());
    std::fs::write(stack.folder().join("may-end"), "").unwrap();
    assert_eq!(second.end().await.code, Some(0));
}

#[tokio::test]
async fn a_command_that_ignores_a_signal_is_killed_by_the_second() {
    let stack = stack();
    let ready = stack.folder().join("ready");
    let text = format!("trap '' TERM INT; touch {}; while :; do sleep 1; done", ready.display());
    let run = stack.spawn(&script(&[], &text));
    eventually("the command runs", async || ready.exists()).await;
    run.signal(Signal::TERM);
    run.signal(Signal::INT);
    assert_eq!(run.end().await.code, Some(128 + Signal::KILL.as_raw()));
    assert!(!stack.state_folder().exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_command_gets_a_signal_when_run_is_killed() {
    let stack = stack();
    let ready = stack.folder().join("ready");
    let ended = stack.folder().join("ended");
    let text =
        format!("trap 'touch {}; exit' TERM; touch {}; while :; do sleep 0.1; done", ended.display(), ready.display());
    let run = stack.spawn(&script(&[], &text));
    eventually("the command runs", async || ready.exists()).await;
    run.signal(Signal::KILL);
    eventually("the command has been told", async || ended.exists()).await;
}

#[tokio::test]
async fn the_command_gets_the_terminal() {
    let stack = stack();
    // `script` creates a terminal and types what it reads; the command reads that, and the end.
    let typed = format!(
        "printf 'hello\\n\\004' | script -qec \"{} run -- tr a-z A-Z\" /dev/null",
        env!("CARGO_BIN_EXE_neargate")
    );
    let output = stack.spawn_program("sh", &["-c", &typed]).end().await;
    if output.code == Some(127) {
        eprintln!("skipped: there is no `script` to make a terminal with");
        return;
    }
    assert!(output.stdout.contains("HELLO"), "{output:?}");
    assert!(!stack.state_folder().exists());
}

#[tokio::test]
async fn roots_in_existing_variables_are_kept() {
    let mut stack = stack();
    let file = stack.folder().join("corporate.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nY29ycG9yYXRl\n-----END CERTIFICATE-----\n").unwrap();
    let names = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"];
    for name in names {
        stack.set(name, file.to_str().unwrap());
    }
    let each = format!(
        "for name in {}; do eval grep -c BEGIN \\$$name; eval grep -q Y29ycG9yYXRl \\$$name || exit 1; done",
        names.join(" ")
    );
    let output = stack.run(&script(&["--no-namespace"], &each)).await.succeeded();
    assert_eq!(output.stdout, "2\n".repeat(names.len()), "theirs and ours");
}

#[tokio::test]
async fn the_command_is_led_to_the_apis_that_the_file_serves() {
    let mut scenario = Scenario::load_balancer_only();
    scenario.file["aws"] = json!({ "endpoint": "127.0.0.1:0" });
    let stack = scenario.stack();
    let output = stack.run(&script(&[], "echo $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_REGION")).await.succeeded();
    let printed: Vec<&str> = output.stdout.split_whitespace().collect();
    assert!(printed[0].starts_with("http://127.0.0.1:") && printed[1..] == ["test", "us-east-1"], "{output:?}");
}

#[tokio::test]
async fn only_the_command_sees_its_view_and_nothing_of_it_is_left() {
    if !has_namespaces().await {
        return;
    }
    let stack = stack();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    let look =
        "id -u; head -n 2 /etc/hosts | tail -n 1; echo changed >>/etc/hosts; ls ~/.pki/nssdb 2>/dev/null; exit 5";
    let output = stack.run(&script(&[], look)).await;
    assert_eq!(output.code, Some(5), "{output:?}");
    let user = rustix::process::getuid();
    assert!(output.stdout.starts_with(&format!("{user}\n127.0.0.1 app.domain.com\n")), "{output:?}");
    assert_eq!(std::fs::read_to_string("/etc/hosts").unwrap(), hosts);
    assert_eq!(mounts(), before);
    assert!(!stack.folder().join("home/.pki").exists());
    let output = stack.run(&script(&["--no-namespace"], "cat /etc/hosts")).await.succeeded();
    assert_eq!(output.stdout, hosts, "not seen with --no-namespace");
}

#[tokio::test]
async fn a_refused_namespace_is_reported_in_one_line_and_variables_are_set() {
    if !has_namespaces().await || !Path::new("/usr/bin/setpriv").exists() {
        eprintln!("skipped: nothing here that could refuse a namespace");
        return;
    }
    let stack = stack();
    // A namespace that allows no nested ones, with a root user without capabilities.
    let forbid = "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all \"$@\"";
    let arguments = script(&[], "cat $NEARGATE_CA_CERT");
    let output = stack.spawn_under(&["unshare", "-rU", "sh", "-c", forbid, "sh"], &arguments).end().await.succeeded();
    assert!(output.stdout.contains("BEGIN CERTIFICATE"), "{output:?}");
    let said: Vec<&str> = output.stderr.lines().filter(|line| line.contains("does not allow namespaces")).collect();
    let [line] = said.as_slice() else { panic!("{output:?}") };
    assert!(line.ends_with("Allow it: sudo sysctl -w user.max_user_namespaces=10000"), "{line}");
}
