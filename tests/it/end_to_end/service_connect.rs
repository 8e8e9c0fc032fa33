//! Services that reach each other by Service Connect.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::assert_nothing_is_left;
use super::names::write_task;
use crate::support::engine;
use crate::support::engine::Listing;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::Stack;
use crate::support::waiting::eventually;

/// Prints status, `Server` and content of each URL, or why there is none.
const FETCH: &str = r#"
import json, sys, urllib.error, urllib.request
for url in sys.argv[1:]:
    try:
        reply = urllib.request.urlopen(url, timeout=20)
    except urllib.error.HTTPError as error:
        reply = error
    except OSError as error:
        print(json.dumps([0, "", str(error)]))
        continue
    print(json.dumps([reply.status, reply.headers["Server"], reply.read().decode()]))
"#;

struct Reply {
    status: u64,
    server: String,
    content: String,
}

impl Reply {
    /// A member of what the fixture's server says.
    fn says(&self, member: &str) -> String {
        let content: Value = serde_json::from_str(&self.content).unwrap();
        content[member].as_str().unwrap().to_owned()
    }
}

/// `web` behind the load balancer, on port 80 as the alias of `api`, two tasks of `api`, `db` as plain TCP, `shut` whose
/// security group lets nothing in, and `outside` without Service Connect.
fn stack() -> Stack {
    let mut file = Scenario::of(vec![container("web", 80)]).file;
    let within = |port: u16| json!({ "protocol": "tcp", "port": port, "security_group": "fargate-sg" });
    file["security_groups"]["inner-sg"] = json!({ "ingress": [within(8000), within(5432)] });
    file["security_groups"]["shut-sg"] = json!({ "ingress": [] });
    let connect = |service: Value| json!({ "enabled": true, "namespace": "internal", "service": service });
    let offered = |alias: Value| {
        json!({ "port_name": "main", "discovery_name": alias["name"], "client_alias": {
        "dns_name": alias["name"], "port": alias["port"],
    }, "timeout": alias["timeout"] })
    };
    let service = |name: &str, count: u32, group: &str, connect: Value| {
        json!({
            "task_definition": format!("{name}.json"), "desired_count": count, "security_groups": [group],
            "service_connect_configuration": connect,
        })
    };
    file["services"]["service"]["task_definition"] = json!("web.json");
    file["services"]["service"]["service_connect_configuration"] = connect(json!([]));
    let api = connect(offered(json!({ "name": "backend", "port": 80 })));
    file["services"]["api"] = service("api", 2, "inner-sg", api);
    let db = connect(offered(json!({ "name": "db.internal", "port": 6379 })));
    file["services"]["db"] = service("db", 1, "inner-sg", db);
    let timeout = json!({ "per_request_timeout_seconds": 2 });
    let shut = connect(offered(json!({ "name": "shut", "port": 80, "timeout": timeout })));
    file["services"]["shut"] = service("shut", 1, "shut-sg", shut);
    file["services"]["outside"] = service("outside", 1, "inner-sg", Value::Null);
    // A discovery name has no dots.
    file["services"]["db"]["service_connect_configuration"]["service"]["discovery_name"] = json!("db");
    let named = |name: &str, port: u16, protocol: Option<&str>| {
        let mut container = container(name, port);
        container["portMappings"][0]["name"] = json!("main");
        container["portMappings"][0]["appProtocol"] = json!(protocol);
        container
    };
    Stack::new(|folder| {
        std::fs::write(folder.join("neargate.yaml"), file.to_string()).unwrap();
        write_task(folder, container("web", 80));
        write_task(folder, named("api", 8000, Some("http")));
        write_task(folder, named("db", 5432, None));
        write_task(folder, named("shut", 8000, Some("http")));
        write_task(folder, container("outside", 8000));
    })
}

async fn fetch(stack: &Stack, container: &str, urls: &[&str]) -> Vec<Reply> {
    let arguments = [&["exec", container, "--", "python3", "-c", FETCH], urls].concat();
    let output = stack.run(&arguments).await.succeeded();
    let replies = output.stdout.lines().map(|line| {
        let (status, server, content) = serde_json::from_str(line).unwrap();
        Reply { status, server, content }
    });
    replies.collect()
}

#[tokio::test]
async fn services_of_a_namespace_reach_each_other_under_their_aliases() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = stack();
    let before = Listing::of(stack.project()).await;
    stack.up().await;

    let replies = fetch(&stack, "web", &["http://backend/a?b", "http://backend/", "http://backend/"]).await;
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.server == "envoy"), "{}", replies[0].content);
    assert_eq!((replies[0].says("name"), replies[0].says("path")), ("api".to_owned(), "/a?b".to_owned()));
    let addresses: BTreeSet<String> = replies.iter().map(|reply| reply.says("address")).collect();
    assert_eq!(addresses.len(), 2, "the tasks take turns: {addresses:?}");
    assert!(replies[0].content.contains(r#"["Host", "backend"]"#), "{}", replies[0].content);

    let replies = fetch(&stack, "web", &["http://db.internal:6379/", "http://shut/", "http://outside:8000/"]).await;
    assert_eq!((replies[0].status, replies[0].says("name")), (200, "db".to_owned()));
    assert_ne!(replies[0].server, "envoy", "bytes pass as they are");
    assert_eq!((replies[1].status, replies[1].content.as_str()), (504, "upstream request timeout"));
    assert_eq!(replies[2].status, 0, "it has no name");
    let outside = fetch(&stack, "outside", &["http://backend/"]).await;
    assert_eq!(outside[0].status, 0, "it has no Service Connect");

    let hosts = stack.run(&["exec", "web", "--", "cat", "/etc/hosts"]).await.succeeded().stdout;
    let names: Vec<&str> = hosts.lines().skip(2).filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(names, ["backend", "db.internal", "shut"]);

    // A task that goes is not missed.
    let view = stack.view().await;
    let api = view.services.iter().find(|service| service.service_name == "api").unwrap();
    let gone = api.tasks[0].private_ipv4_address.clone().unwrap();
    stack.run(&["stop", &api.tasks[0].task_id]).await.succeeded();
    for _ in 0..5 {
        let reply = fetch(&stack, "web", &["http://backend/"]).await.remove(0);
        assert_eq!(reply.status, 200, "{}", reply.content);
    }
    eventually("a task in its place", async || {
        let replies = fetch(&stack, "web", &["http://backend/", "http://backend/"]).await;
        let addresses: BTreeSet<String> = replies.iter().map(|reply| reply.says("address")).collect();
        addresses.len() == 2 && !addresses.contains(&gone)
    })
    .await;

    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}
