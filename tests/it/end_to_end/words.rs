//! Texts for people: a closed port in `explain`, the lines of `up`, and what `trust` did and how to undo it.

use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use super::assert_fails;
use crate::clients::has_namespaces;
use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Stack};
use crate::support::waiting::eventually;

/// Known from the file alone, without a running stack.
#[tokio::test]
async fn explain_says_that_a_port_is_closed_and_what_opens_it() {
    let mut scenario = Scenario::web_and_api();
    let ingress = scenario.file["security_groups"]["fargate-sg"]["ingress"].as_array_mut().unwrap();
    ingress.retain(|rule| rule["port"] != json!(8000));
    let stack = scenario.stack();
    let url = format!("https://{DOMAIN}/api/x");
    let explained = stack.run(&["explain", &url]).await.succeeded().stdout;
    let said = explained.lines().find(|line| line.contains("is closed")).unwrap_or_else(|| panic!("{explained}"));
    for part in ["8000", "fargate-sg", "504"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let json = stack.run(&["explain", &url, "--format", "json"]).await.succeeded().json();
    assert!(said.ends_with(json["targetGroups"][0]["unreachable"].as_str().unwrap()), "{said}\n{json}");
    let open = stack.run(&["explain", &format!("https://{DOMAIN}/")]).await.succeeded().stdout;
    assert!(!open.contains("is closed"), "the other port is open: {open}");
}

#[tokio::test]
async fn up_in_the_background_reports_progress_and_the_next_steps() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    // It starts, but never becomes healthy.
    scenario.file["target_groups"]["tg-web"]["health_check"]["matcher"] = json!("418");
    scenario.service()["health_check_grace_period_seconds"] = json!(600);
    let stack = scenario.stack();
    let up = stack.run(&["up", "-d"]).await.succeeded();
    let port = stack.local_port(443);
    let said = &up.stderr[up.stderr.find("\n✔ ").unwrap_or_else(|| panic!("{up:?}"))..];
    let project = stack.project();
    let expected = [
        format!(
            "✔ {project} is running; its targets are being checked (`--wait` waits for them): https://{DOMAIN}:{port}\n  routes"
        ),
        format!(
            "  curl      curl --cacert {}/ca.pem --resolve {DOMAIN}:{port}:127.0.0.1 ",
            stack.state_folder().display()
        ),
        "  browser   once: neargate trust && sudo".to_owned(),
        "  look      neargate ps | logs -f | events -f | explain URL | doctor\n  stop      neargate down\n".to_owned(),
    ];
    for part in &expected {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert_eq!(up.stdout, "", "words are for people");
    stack.down().await;
}

#[tokio::test]
async fn up_in_the_foreground_shows_the_requested_containers() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = Scenario::web_and_api().stack();
    assert_fails(&stack.run(&["up", "-d", "--attach", "web"]).await, 2, &["--detach"]);
    let up = stack.spawn(&["up", "--attach", "web"]);
    stack.until("it is up", |view| view.ready).await;
    eventually("the output of web", async || up.stdout().contains("web listens on 80")).await;
    stack.get(&format!("https://{DOMAIN}/api/print?line=unwanted")).await;
    stack.get(&format!("https://{DOMAIN}/print?line=wanted")).await;
    eventually("a line that comes later", async || up.stdout().contains("wanted\n")).await;
    eventually("how to end it", async || up.stderr().contains("  stop      Ctrl-C\n")).await;
    up.signal(Signal::INT);
    let ended = up.end().await;
    assert_eq!(ended.code, Some(130));
    assert!(!ended.stdout.contains("api") && !ended.stdout.contains("unwanted"), "{ended:?}");
    assert!(ended.stdout.lines().all(|line| line.starts_with("web ")), "whose line each is: {ended:?}");
    assert!(ended.stderr.contains("taking the stack down (Ctrl-C to force)"), "{ended:?}");
}

/// Files of the machine that `trust` may change; the command gets copies of them, in its own namespace.
const STORES: [&str; 3] = ["/usr/local/share/ca-certificates", "/etc/ssl", "/etc/ca-certificates"];

/// The lines that `trust` and the like print.
async fn said(stack: &Stack, home: &str, verb: &[&str]) -> (Option<i32>, String) {
    let folder = stack.folder().join("stores").display().to_string();
    let copies: Vec<String> = STORES
        .iter()
        .map(|store| {
            let copy = format!("{folder}{store}");
            format!(
                "if [ -d {store} ]; then [ -d {copy} ] || {{ mkdir -p {copy}; cp -rL {store}/. {copy} 2>/dev/null; }}; \
                 mount --bind {copy} {store} || exit 99; fi"
            )
        })
        .collect();
    let script = format!("{}; export HOME={home}; exec \"$@\"", copies.join("; "));
    let output = stack.spawn_under(&["unshare", "-rm", "sh", "-c", &script, "sh"], verb).end().await;
    (output.code, output.stderr)
}

#[tokio::test]
async fn trust_reports_what_it_trusts_where_and_how_to_undo_it() {
    if !has_namespaces().await || !Path::new("/usr/sbin/update-ca-certificates").exists() {
        eprintln!("skipped: not a machine of Debian's kind with namespaces");
        return;
    }
    let stack = Scenario::load_balancer_only().stack();
    let home = stack.folder().join("home");
    std::fs::create_dir(&home).unwrap();
    let home = home.to_str().unwrap();
    let (code, early) = said(&stack, home, &["trust", "--dry-run"]).await;
    assert_eq!(code, Some(0), "{early}");
    assert!(early.contains("there is no local authority; `neargate trust`"), "{early}");
    assert!(!stack.data_folder().exists(), "it was only asked");

    let (code, trusted) = said(&stack, home, &["trust"]).await;
    let root = stack.data_folder().join("ca.pem");
    let root = root.display();
    for part in [
        format!("the local authority of project `{}`: {root}\n", stack.project()),
        format!("  limited to  {DOMAIN}"),
        "  expires     2".to_owned(),
        "✔ system (Debian, Ubuntu, Alpine): trusted (/usr/local/share/ca-certificates/".to_owned(),
        format!("  Node        NODE_EXTRA_CA_CERTS={root}\n"),
        "  undo        neargate untrust".to_owned(),
    ] {
        assert!(trusted.contains(&part), "no {part:?} in {trusted}");
    }
    assert!(matches!(code, Some(0 | 1)), "{trusted}");
    let fingerprint = trusted.lines().find_map(|line| line.trim().strip_prefix("SHA-256     ")).unwrap();
    assert_eq!(fingerprint.split(':').count(), 32, "{fingerprint}");

    let (_, again) = said(&stack, home, &["trust", "--dry-run"]).await;
    assert!(again.contains("· system (Debian, Ubuntu, Alpine): already trusts it\n"), "{again}");
    assert!(again.ends_with("nothing was changed\n") && again.contains(fingerprint), "{again}");
    let (_, undone) = said(&stack, home, &["untrust"]).await;
    assert!(undone.contains("✔ system (Debian, Ubuntu, Alpine): removed"), "{undone}");
    let (_, at_last) = said(&stack, home, &["trust", "--dry-run"]).await;
    assert!(at_last.contains("· system (Debian, Ubuntu, Alpine): would be added ("), "{at_last}");
}

/// The README's first failure: the stack is fine, and pages still break. Needs no running stack.
#[tokio::test]
async fn doctor_names_listeners_whose_pages_are_not_a_secure_context() {
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let stack = scenario.stack();
    let doctor = stack.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("no page is served over plain HTTP"), "{doctor:?}");

    let listeners = &mut scenario.file["load_balancer"]["listeners"];
    listeners[0]["default_action"] = listeners[1]["default_action"].clone();
    scenario.write(stack.folder());
    let doctor = stack.run(&["doctor"]).await;
    assert!(doctor.stdout.contains("listener HTTP:80 serves pages over plain HTTP"), "{doctor:?}");
    assert!(doctor.stdout.contains("crypto.randomUUID"), "{doctor:?}");
    assert!(doctor.stdout.contains("default_action: { redirect: { protocol: HTTPS"), "{doctor:?}");
}
