//! Real clients under `neargate run`, used as usual, without any setting that makes them lenient: the cases of
//! `fixtures/clients/clients.yaml`, and the page generated from them, `docs/clients.md`. No container engine is needed:
//! the load balancer answers by itself.
//!
//! Clients that are not installed are skipped and reported; `fixtures/clients/install` installs the small ones.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::support::expected::Differences;
use crate::support::stack::{Output, Stack};

/// How many clients run at the same time: some are browsers.
static TOGETHER: Semaphore = Semaphore::const_new(3);

/// Text of the stack's page.
const PAGE: &str = "it-is-the-stack";

/// Expected result for a client that needs nothing but the namespace.
const ALONE: &str = "alone";

/// One client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    name: String,
    /// Programs on the path, or files, that the client needs.
    needs: Vec<String>,
    run: String,
    namespace: String,
    variables: String,
    /// The variables that make it work.
    by: String,
}

fn clients() -> Vec<Client> {
    serde_saphyr::from_str(&std::fs::read_to_string(top().join("fixtures/clients/clients.yaml")).unwrap()).unwrap()
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A load balancer alone, on its own ports.
pub(crate) fn stack() -> Stack {
    let mut stack = Stack::new(|folder| {
        std::fs::copy(top().join("fixtures/clients/neargate.yaml"), folder.join("neargate.yaml")).unwrap();
    });
    stack.set("CLIENTS", top().join("fixtures/clients").to_str().unwrap());
    stack.set("VENV", top().join("target/clients/venv").to_str().unwrap());
    let scratch = stack.folder().join("scratch");
    stack.set("SCRATCH", scratch.to_str().unwrap());
    // Browsers keep files in it, including their databases of roots.
    let home = stack.folder().join("home");
    std::fs::create_dir(&home).unwrap();
    stack.set("HOME", home.to_str().unwrap());
    stack
}

/// The requirements that this machine lacks.
fn missing(needs: &[String]) -> Option<&String> {
    let is_there = |need: &str| match need.contains('/') {
        true => top().join(need).exists(),
        false => std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(need).is_file()),
    };
    needs.iter().find(|need| !is_there(need))
}

/// Whether this machine allows a namespace. Without one, the namespace cannot be tested.
pub(crate) async fn has_namespaces() -> bool {
    let allowed = tokio::process::Command::new("unshare").args(["-rm", "true"]).status().await;
    let allowed = allowed.is_ok_and(|status| status.success());
    if !allowed {
        eprintln!("skipped: this machine allows no namespaces, so no client is run in one");
    }
    allowed
}

/// Runs every client in one way, a few at a time, and reports every deviation.
async fn check(in_namespace: bool) {
    let mut running = tokio::task::JoinSet::new();
    for client in clients() {
        if let Some(lacking) = missing(&client.needs) {
            eprintln!("skipped: {}, for there is no {lacking} (fixtures/clients/install)", client.name);
            continue;
        }
        running.spawn(async move {
            let _turn = TOGETHER.acquire().await.unwrap();
            let (output, expected) = match in_namespace {
                true => (in_namespace_of_run(&client).await, &client.namespace),
                false => (by_variables(&client).await, &client.variables),
            };
            let all = format!("{}{}", output.stdout, output.stderr);
            let is_right = match expected.as_str() {
                "ok" | ALONE => output.code == Some(0) && output.stdout.contains(PAGE),
                error => !output.stdout.contains(PAGE) && all.contains(error),
            };
            (!is_right).then(|| format!("{}: not {expected:?}\n{}\n{output:?}", client.name, client.run))
        });
    }
    let mistakes: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n\n"));
}

/// With all variables, or without those that the namespace makes unnecessary.
async fn in_namespace_of_run(client: &Client) -> Output {
    // OpenSSL's is read by many other programs.
    let unset = format!("unset SSL_CERT_FILE {}\n", client.by.replace(',', ""));
    let unset = if client.namespace == ALONE { unset } else { String::new() };
    stack().run(&["run", "--", "sh", "-c", &format!("{unset}{}", client.run)]).await
}

/// Without neargate's namespace. The names are in a hosts file that only this run sees, as after `hosts --apply`.
async fn by_variables(client: &Client) -> Output {
    let stack = stack();
    let hosts = stack.folder().join("hosts");
    let names = "127.0.0.1 localhost app.domain.com api.domain.com\n";
    std::fs::write(&hosts, names).unwrap();
    let mount = format!("mount --bind {} /etc/hosts && exec \"$@\"", hosts.display());
    let arguments = ["run", "--no-namespace", "--", "sh", "-c", &client.run];
    stack.spawn_under(&["unshare", "-rm", "sh", "-c", &mount, "sh"], &arguments).end().await
}

#[tokio::test]
async fn every_client_in_the_namespace_reaches_and_trusts_the_stack() {
    if has_namespaces().await {
        check(true).await;
    }
}

#[tokio::test]
async fn clients_with_variables_alone_do_what_the_table_says() {
    if has_namespaces().await {
        check(false).await;
    }
}

#[tokio::test]
async fn two_shards_run_on_one_machine_at_once() {
    let (mut one, mut two) = (stack(), stack());
    let meeting = tempfile::tempdir().unwrap();
    for (stack, mine, other) in [(&mut one, "one", "two"), (&mut two, "two", "one")] {
        stack.set("MINE", meeting.path().join(mine).to_str().unwrap());
        stack.set("OTHER", meeting.path().join(other).to_str().unwrap());
    }
    // Neither continues before the other has arrived.
    let command =
        "touch $MINE; until [ -e $OTHER ]; do sleep 0.05; done; echo $NEARGATE_URL; curl -sS --fail $NEARGATE_URL/";
    let arguments = ["run", "--", "sh", "-c", command];
    let (first, second) = tokio::join!(one.run(&arguments), two.run(&arguments));
    for (output, stack) in [(first.succeeded(), &one), (second.succeeded(), &two)] {
        assert!(output.stdout.contains(PAGE), "{output:?}");
        assert!(output.stdout.contains(&stack.local_port(443).to_string()), "its own: {output:?}");
    }
}

#[test]
fn the_page_about_clients_is_up_to_date() {
    let mut table = "| client | in the namespace | by variables alone | variables |\n|---|---|---|---|\n".to_owned();
    let mark = |expected: &str| match expected {
        "ok" => "yes".to_owned(),
        ALONE => "yes, also without the variables".to_owned(),
        error => format!("no: `{error}`"),
    };
    for client in clients() {
        let (namespace, variables) = (mark(&client.namespace), mark(&client.variables));
        table.push_str(&format!("| {} | {namespace} | {variables} | {} |\n", client.name, client.by));
    }
    let page: PathBuf = top().join("docs/clients.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once("<!-- clients -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /clients -->").unwrap();
    let mut differences = Differences::default();
    differences.check(&page, &format!("{before}<!-- clients -->\n{table}<!-- /clients -->{after}"));
    differences.finish();
}

/// A stack with the files of a package's test next to it.
fn stack_with(package: &str) -> Stack {
    let mut stack = stack();
    for entry in std::fs::read_dir(top().join("packages").join(package)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), stack.folder().join(entry.file_name())).unwrap();
    }
    stack.set("NEARGATE", env!("CARGO_BIN_EXE_neargate"));
    stack.set("PYTHONDONTWRITEBYTECODE", "1");
    stack
}

#[tokio::test]
async fn playwrights_fixture_starts_the_stack_and_adds_its_report_to_a_failure() {
    let modules = top().join("fixtures/clients/node_modules");
    if let Some(lacking) = missing(&["chromium".into(), "fixtures/clients/node_modules/@playwright/test".into()]) {
        eprintln!("skipped: Playwright's fixture, for there is no {lacking} (fixtures/clients/install)");
        return;
    }
    let _turn = TOGETHER.acquire().await.unwrap();
    let mut stack = stack_with("playwright/test");
    let own = stack.folder().join("node_modules/@neargate/playwright");
    std::fs::create_dir_all(&own).unwrap();
    for file in ["package.json", "index.js", "setup.js", "hold.js"] {
        std::fs::copy(top().join("packages/playwright").join(file), own.join(file)).unwrap();
    }
    std::os::unix::fs::symlink(modules.join("@playwright"), stack.folder().join("node_modules/@playwright")).unwrap();
    let report = stack.folder().join("report.json");
    stack.set("REPORT", report.to_str().unwrap());
    let playwright = modules.join("@playwright/test/cli.js");
    let output = stack.spawn_program("node", &[playwright.to_str().unwrap(), "test"]).end().await;
    assert_eq!(output.code, Some(1), "one test fails: {output:?}");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    let result = |index: usize| &report["suites"][0]["specs"][index]["tests"][0]["results"][0];
    assert_eq!(result(0)["status"], "passed", "{report:#}");
    assert_eq!(result(1)["status"], "failed", "{report:#}");
    let attachments = result(1)["attachments"].as_array().unwrap();
    let names: Vec<&str> = attachments.iter().filter_map(|one| one["name"].as_str()).collect();
    for name in ["neargate doctor", "neargate logs", "neargate ps"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!stack.state_folder().exists(), "the stack is gone with the tests");
}

#[tokio::test]
async fn pytests_plugin_starts_the_stack_and_adds_its_report_to_a_failure() {
    if let Some(lacking) = missing(&["target/clients/venv/bin/pytest".into()]) {
        eprintln!("skipped: pytest's plugin, for there is no {lacking} (fixtures/clients/install)");
        return;
    }
    if !has_namespaces().await {
        return;
    }
    let mut stack = stack_with("pytest-neargate/tests");
    stack.set("PYTHONPATH", top().join("packages/pytest-neargate").to_str().unwrap());
    let pytest = top().join("target/clients/venv/bin/pytest");
    let arguments = ["-p", "pytest_neargate", "-p", "no:cacheprovider", "--neargate"];
    let output = stack.spawn_program(pytest.to_str().unwrap(), &arguments).end().await;
    assert_eq!(output.code, Some(1), "one test fails: {output:?}");
    for part in ["1 failed, 1 passed", "neargate doctor", "neargate logs", "neargate ps"] {
        assert!(output.stdout.contains(part), "no {part:?} in {output:?}");
    }
    assert!(!stack.state_folder().exists(), "the stack is gone with the tests");
}
