//! Names that lead from one service to another: service discovery.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::assert_nothing_is_left;
use crate::support::engine;
use crate::support::engine::Listing;
use crate::support::scenario::{Scenario, container, with};
use crate::support::stack::Stack;
use crate::support::waiting::{eventually, until};

/// Prints the addresses of each name; none for one that does not exist.
const LOOK_UP: &str = r#"
import json, socket, sys
for name in sys.argv[1:]:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}
    except socket.gaierror:
        found = set()
    print(json.dumps(sorted(found)))
"#;

/// Asks the server of resolv.conf for SRV records, over UDP and TCP, and prints the numbers of answers, authorities and
/// additional records with the code and the first port.
const SRV: &str = r#"
import json, socket, struct, sys
server = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")][0]
labels = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split("."))
question = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 33, 1)
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagram.settimeout(5)
datagram.sendto(question, (server, 53))
stream = socket.create_connection((server, 53), timeout=5)
stream.sendall(struct.pack(">H", len(question)) + question)
size = struct.unpack(">H", stream.recv(2, socket.MSG_WAITALL))[0]
for answer in [datagram.recv(4096), stream.recv(size, socket.MSG_WAITALL)]:
    _, flags, _, answers, authorities, additional = struct.unpack(">HHHHHH", answer[:12])
    at = len(question) + 2 + 2 + 2 + 4 + 2 + 4
    port = struct.unpack(">H", answer[at:at + 2])[0] if answers else None
    print(json.dumps([flags & 15, answers, additional, port]))
"#;

/// Writes a task definition of one container.
pub(super) fn write_task(folder: &Path, container: Value) {
    let name = container["name"].as_str().unwrap();
    let mut task = Scenario::of(vec![container.clone()]).task;
    task["family"] = json!(name);
    std::fs::write(folder.join(format!("{name}.json")), task.to_string()).unwrap();
}

/// `web` behind the load balancer, two tasks of `api` with a health check that the container's file decides, and `db`, which
/// tells its port.
fn stack() -> Stack {
    let mut file = Scenario::of(vec![container("web", 80)]).file;
    let check = json!({ "command": ["CMD-SHELL", "! test -e /tmp/sick"], "interval": 5, "retries": 1 });
    let records = |kind: &str| json!({ "namespace": "internal.local", "dns_records": [{ "type": kind, "ttl": 1 }] });
    file["service_discovery"] = json!({
        "api": { "dns_config": records("A"), "health_check_custom_config": {} },
        "db": { "dns_config": records("SRV") },
    });
    let service = |name: &str, count: u32, registry: Value| json!({ "task_definition": format!("{name}.json"), "desired_count": count, "service_registries": registry });
    file["services"]["service"]["task_definition"] = json!("web.json");
    file["services"]["api"] = service("api", 2, json!({ "registry": "api" }));
    file["services"]["db"] =
        service("db", 1, json!({ "registry": "db", "container_name": "db", "container_port": 5432 }));
    Stack::new(|folder| {
        std::fs::write(folder.join("neargate.yaml"), file.to_string()).unwrap();
        write_task(folder, container("web", 80));
        let mut api = with(container("api", 8000), "HEALTH", "200");
        api["healthCheck"] = check;
        write_task(folder, api);
        write_task(folder, container("db", 5432));
    })
}

async fn exec(stack: &Stack, words: &[&str]) -> Vec<Value> {
    let output = stack.run(&[&["exec", "web", "--", "python3", "-c"], words].concat()).await.succeeded();
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn look_up(stack: &Stack, name: &str) -> BTreeSet<String> {
    let found = exec(stack, &[LOOK_UP, name]).await;
    serde_json::from_value(found[0].clone()).unwrap()
}

/// The addresses of a service's running tasks, by their ids.
async fn addresses(stack: &Stack, service: &str) -> Vec<(String, String)> {
    let view = stack.view().await;
    let service = view.services.iter().find(|found| found.service_name == service).unwrap();
    let running = service.tasks.iter().filter(|task| task.stopped_at.is_none());
    running.filter_map(|task| Some((task.task_id.clone(), task.private_ipv4_address.clone()?))).collect()
}

#[tokio::test]
async fn names_lead_to_the_tasks_that_are_there() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = stack();
    let before = Listing::of(stack.project()).await;
    stack.up().await;
    let tasks = addresses(&stack, "api").await;
    let both: BTreeSet<String> = tasks.iter().map(|(_, address)| address.clone()).collect();
    assert_eq!(both.len(), 2);
    assert_eq!(look_up(&stack, "api.internal.local").await, both);
    assert_eq!(look_up(&stack, "nothing.internal.local").await, BTreeSet::new());
    // What is not in the namespace, the engine knows.
    let door = look_up(&stack, &format!("neargate-{}-door", stack.project())).await;
    assert!(door.len() == 1 && door.iter().all(|address| address.ends_with(".2")), "{door:?}");
    let port = json!([0, 1, 1, 5432]);
    assert_eq!(exec(&stack, &[SRV, "db.internal.local"]).await, [port.clone(), port]);

    let files = stack.run(&["exec", "web", "--", "cat", "/etc/resolv.conf", "/etc/hosts"]).await.succeeded().stdout;
    let (_, own) = addresses(&stack, "service").await.remove(0);
    let (network, _) = own.rsplit_once('.').unwrap();
    let name = own.replace('.', "-");
    let expected =
        format!("search ec2.internal\nnameserver {network}.2\n127.0.0.1 localhost\n{own} ip-{name}.ec2.internal\n");
    assert_eq!(files, expected);

    // A task that is stopped leaves at once, and another takes its place.
    let (id, address) = &tasks[0];
    stack.run(&["stop", id]).await.succeeded();
    let left = async || Some(look_up(&stack, "api.internal.local").await);
    let after = until("another task under the name", left, |found| found.len() == 2 && !found.contains(address)).await;
    let others: BTreeSet<String> = addresses(&stack, "api").await.into_iter().map(|(_, address)| address).collect();
    assert_eq!(after, others);

    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn a_container_that_is_unhealthy_loses_its_name() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = stack();
    stack.up().await;
    let view = stack.view().await;
    let api = view.services.iter().find(|service| service.service_name == "api").unwrap();
    let sick = api.tasks[0].private_ipv4_address.clone().unwrap();
    let id = api.tasks[0].task_id.clone();
    let touch = ["exec", "--task", &id, "api", "--", "touch", "/tmp/sick"];
    stack.run(&touch).await.succeeded();
    eventually("the other task alone", async || {
        let found = look_up(&stack, "api.internal.local").await;
        !found.is_empty() && !found.contains(&sick)
    })
    .await;
}
