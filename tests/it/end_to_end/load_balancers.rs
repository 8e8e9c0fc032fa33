//! A public and an internal load balancer in front of three services: each answers at its own address, and every
//! command tells them apart.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;

use neargate::model::target_health::TargetHealthState;
use serde_json::{Value, json};

use super::{assert_fails, assert_nothing_is_left};
use crate::support::engine;
use crate::support::engine::Listing;
use crate::support::http;
use crate::support::http::{Connection, Reply};
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{Stack, free_port, targets};
use crate::support::waiting::{eventually, until};

const PUBLIC: (&str, Ipv4Addr) = ("shop.domain.com", Ipv4Addr::new(127, 77, 0, 1));
const INTERNAL: (&str, Ipv4Addr) = ("stock.internal.domain.com", Ipv4Addr::new(127, 77, 0, 2));

/// 443 if that is possible without root, otherwise a free port: the same one for both, which is the point.
fn local_port() -> u16 {
    let is_free = |address: Ipv4Addr| TcpListener::bind((address, 443)).is_ok();
    if is_free(PUBLIC.1) && is_free(INTERNAL.1) { 443 } else { free_port() }
}

fn write(folder: &Path) {
    let group = |port: u16| {
        let check = json!({ "path": "/health", "interval": 5, "timeout": 2, "unhealthy_threshold": 2 });
        json!({ "port": port, "health_check": check })
    };
    let behind = |from: &str, port: u16| json!({ "ingress": [{ "port": port, "security_group": from }] });
    let service = |name: &str, port: u16| {
        let task = json!({
            "family": name, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
            "containerDefinitions": [container(name, port)],
        });
        std::fs::write(folder.join(format!("{name}.json")), task.to_string()).unwrap();
        json!({
            "task_definition": format!("{name}.json"), "security_groups": [format!("{name}-sg")],
            "load_balancers": [{ "target_group": format!("tg-{name}"), "container": name, "port": port }],
        })
    };
    let api =
        json!({ "priority": 1, "conditions": [{ "path_pattern": ["/api/*"] }], "action": { "forward": "tg-api" } });
    let stock = json!({
        "priority": 1, "conditions": [{ "host_header": [INTERNAL.0] }], "action": { "forward": "tg-stock" },
    });
    let nothing =
        json!({ "fixed_response": { "status_code": 404, "content_type": "text/plain", "message_body": "no" } });
    let anyone = json!({ "ingress": [{ "port": 443, "cidr": "0.0.0.0/0" }] });
    let file = json!({
        "name": "scenario",
        "security_groups": {
            "public-sg": anyone, "internal-sg": anyone,
            "web-sg": behind("public-sg", 80), "api-sg": behind("public-sg", 8000), "stock-sg": behind("internal-sg", 8000),
        },
        "target_groups": { "tg-web": group(80), "tg-api": group(8000), "tg-stock": group(8000) },
        "load_balancers": {
            "public": {
                "domain": PUBLIC.0, "bind_address": PUBLIC.1, "security_groups": ["public-sg"],
                "listeners": [{
                    "port": 443, "protocol": "HTTPS", "default_action": { "forward": "tg-web" }, "rules": [api],
                }],
            },
            "internal": {
                "domain": INTERNAL.0, "bind_address": INTERNAL.1, "security_groups": ["internal-sg"], "internal": true,
                "access_logs": { "enabled": true },
                "listeners": [{ "port": 443, "protocol": "HTTPS", "default_action": nothing, "rules": [stock] }],
            },
        },
        "services": { "web": service("web", 80), "api": service("api", 8000), "stock": service("stock", 8000) },
    });
    std::fs::write(folder.join("neargate.yaml"), file.to_string()).unwrap();
}

/// Sends a request to one of them, for any name.
async fn get(stack: &Stack, at: (&str, Ipv4Addr), local: u16, host: &str, path: &str) -> Reply {
    let authority = stack.authority().await;
    let stream = http::connect_to((at.1, local).into(), Some((at.0, &authority))).await.unwrap();
    Connection::over(stream, host).await.get(path).await
}

#[tokio::test]
async fn a_public_and_an_internal_load_balancer_are_told_apart() {
    let Some(_turn) = engine::turn().await else { return };
    let (local, admin) = (local_port(), free_port());
    let mut stack = Stack::listening_on(BTreeMap::new(), write);
    let before = Listing::of(stack.project()).await;
    if local != 443 {
        stack.set("NEARGATE_LISTEN", &format!("public:443={local},internal:443={local}"));
    }
    let up = stack.run(&["up", "-d", "--wait", "--admin", &format!("127.0.0.1:{admin}")]).await.succeeded();
    assert!(up.stderr.contains(INTERNAL.0) && up.stderr.contains("load balancer internal"), "{up:?}");

    each_answers_at_its_own_address(&stack, local).await;
    each_service_is_behind_its_own(&stack).await;
    logs_tell_them_apart(&stack).await;
    metrics_tell_them_apart(admin).await;
    explain_tells_them_apart(&stack).await;
    names_resolve_to_their_addresses(&stack).await;
    a_command_gets_the_address_of_each(&stack, local).await;
    one_can_go_while_the_other_stays(&mut stack, local).await;

    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

async fn each_answers_at_its_own_address(stack: &Stack, local: u16) {
    let name = |reply: Reply| reply.json()["name"].as_str().unwrap_or_default().to_owned();
    assert_eq!(name(get(stack, PUBLIC, local, PUBLIC.0, "/").await), "web");
    assert_eq!(name(get(stack, PUBLIC, local, PUBLIC.0, "/api/x").await), "api");
    assert_eq!(name(get(stack, INTERNAL, local, INTERNAL.0, "/api/x").await), "stock");
    // The address decides which rules apply, whatever `Host` says.
    assert_eq!(get(stack, INTERNAL, local, PUBLIC.0, "/").await.status, 404);
    assert_eq!(name(get(stack, PUBLIC, local, INTERNAL.0, "/").await), "web");
}

async fn each_service_is_behind_its_own(stack: &Stack) {
    let view = stack.view().await;
    for (group, balancer) in [("tg-web", "public"), ("tg-api", "public"), ("tg-stock", "internal")] {
        let found = view.target_groups.iter().find(|found| found.name == group).unwrap();
        assert_eq!(found.load_balancer.as_deref(), Some(balancer));
        let targets = targets(&view, group);
        assert!(targets.len() == 1 && targets[0].state == TargetHealthState::Healthy, "{targets:?}");
    }
    let listeners: Vec<_> =
        view.listeners.iter().map(|shown| (shown.title(), shown.bind_address, shown.bound)).collect();
    let at = |address: Ipv4Addr| Some(IpAddr::V4(address));
    let expected =
        [("internal HTTPS:443".to_owned(), at(INTERNAL.1), true), ("public HTTPS:443".to_owned(), at(PUBLIC.1), true)];
    assert_eq!(listeners, expected);
    let shown = stack.run(&["ps"]).await.succeeded().stdout;
    assert!(shown.contains("LOCAL ADDRESS") && shown.contains("internal HTTPS:443"), "{shown}");
    stack.run(&["doctor"]).await.succeeded();
}

async fn logs_tell_them_apart(stack: &Stack) {
    let read = async || Some(stack.run(&["logs", "--access", "--load-balancer", "internal"]).await.stdout);
    let log = until("both requests", read, |log| log.lines().count() >= 2).await;
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains(" app/internal/")), "{log}");
    assert!(lines[0].contains("targetgroup/tg-stock/"), "{log}");
    let public = stack.run(&["logs", "--access", "--load-balancer", "public"]).await;
    assert_fails(
        &public,
        1,
        &["access logging is off", "load_balancers: { public: { access_logs: { enabled: true } } }"],
    );
    assert_fails(&stack.run(&["logs", "--access", "--load-balancer", "other"]).await, 2, &["internal, public"]);
}

async fn metrics_tell_them_apart(admin: u16) {
    let stream = http::connect(admin, None).await.unwrap();
    let text = Connection::over(stream, &format!("127.0.0.1:{admin}")).await.get("/metrics").await.body;
    let value = |balancer: &str, group: &str| {
        let labels = format!("request_count_sum{{load_balancer=\"app/{balancer}/");
        let of_group = format!("target_group=\"targetgroup/{group}/");
        let line = text.lines().find(|line| line.contains(&labels) && line.contains(&of_group));
        line.and_then(|line| line.rsplit_once(' ')).map(|(_, value)| value.to_owned())
    };
    assert_eq!(value("public", "tg-web").as_deref(), Some("2"), "{text}");
    assert_eq!(value("public", "tg-api").as_deref(), Some("1"), "{text}");
    assert_eq!(value("internal", "tg-stock").as_deref(), Some("1"), "{text}");
    assert_eq!(value("internal", "tg-web"), None, "{text}");
    let kinds = text.lines().filter(|line| line.starts_with("# TYPE aws_applicationelb_request_count_sum "));
    assert_eq!(kinds.count(), 1, "{text}");
}

async fn explain_tells_them_apart(stack: &Stack) {
    let explained = async |arguments: &[&str]| -> (Value, Value) {
        let words = [&["explain", "--format", "json"], arguments].concat();
        let found = stack.run(&words).await.succeeded().json();
        (found["loadBalancer"].clone(), found["targetGroups"][0]["name"].clone())
    };
    let (public, internal) = (json!("public"), json!("internal"));
    assert_eq!(explained(&["/api/x"]).await, (public.clone(), json!("tg-api")));
    assert_eq!(explained(&[&format!("https://{}/api/x", INTERNAL.0)]).await, (internal.clone(), json!("tg-stock")));
    assert_eq!(explained(&[&format!("https://{}/", INTERNAL.1)]).await, (internal.clone(), Value::Null));
    let named = ["--load-balancer", "internal", "-H", "Host: stock.internal.domain.com", "/x"];
    assert_eq!(explained(&named).await, (internal, json!("tg-stock")));
    let text = stack.run(&["explain", &format!("https://{}/", INTERNAL.0)]).await.succeeded().stdout;
    assert!(text.contains("arrives at listener HTTPS:443 of load balancer internal"), "{text}");
    assert_fails(&stack.run(&["explain", "--load-balancer", "other", "/"]).await, 2, &["internal, public"]);
}

async fn names_resolve_to_their_addresses(stack: &Stack) {
    let hosts = stack.run(&["hosts"]).await.succeeded().stdout;
    for (name, address) in [PUBLIC, INTERNAL] {
        assert!(hosts.contains(&format!("{address} {name}\n")), "{hosts}");
    }
    let opened = stack.run(&["open", "--print", "--load-balancer", "internal"]).await;
    assert!(opened.stdout.contains(INTERNAL.0) || opened.code != Some(0), "{opened:?}");
}

async fn a_command_gets_the_address_of_each(stack: &Stack, local: u16) {
    let output = stack.run(&["run", "--", "sh", "-c", "echo $NEARGATE_URL_PUBLIC $NEARGATE_URL_INTERNAL"]).await;
    let url = |name: &str| if local == 443 { format!("https://{name}") } else { format!("https://{name}:{local}") };
    assert_eq!(output.succeeded().stdout, format!("{} {}\n", url(PUBLIC.0), url(INTERNAL.0)));
}

async fn one_can_go_while_the_other_stays(stack: &mut Stack, local: u16) {
    stack.set("NEARGATE_LISTEN", &format!("internal:443={local}"));
    let authority = stack.authority().await;
    let stream = http::connect_to((INTERNAL.1, local).into(), Some((INTERNAL.0, &authority))).await.unwrap();
    let mut kept = Connection::over(stream, INTERNAL.0).await;
    let path = stack.folder().join("neargate.yaml");
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    file["load_balancers"].as_object_mut().unwrap().remove("public");
    for (kind, gone) in [("services", ["web", "api"]), ("target_groups", ["tg-web", "tg-api"])] {
        gone.iter().for_each(|name| drop(file[kind].as_object_mut().unwrap().remove(*name)));
    }
    std::fs::write(&path, file.to_string()).unwrap();
    let up = stack.up().await;
    assert!(up.stderr.contains("load balancer public: removed"), "{up:?}");
    assert_eq!(kept.get("/").await.status, 200);
    let is_gone = async || http::connect_to((PUBLIC.1, local).into(), None).await.is_err();
    eventually("nobody answers at the address of the other", is_gone).await;
}

#[tokio::test]
async fn a_certificate_may_have_names_that_the_stack_does_not() {
    let mut scenario = Scenario::load_balancer_only();
    let names = ["app.domain.com", "api.other.example"];
    scenario.file["load_balancer"]["listeners"][1]["certificate"] =
        json!(names.map(|name| json!({ "domain_name": name })));
    let stack = scenario.stack();
    stack.up().await;
    let authority = stack.authority().await;
    for name in names {
        http::connect(stack.local_port(443), Some((name, &authority))).await.expect("it is trusted");
    }
    stack.down().await;
}
