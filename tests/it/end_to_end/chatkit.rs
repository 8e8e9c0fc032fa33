//! The fixture application `fixtures/chatkit`, built by neargate, as a client of the load balancer sees it.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::sync::OnceCell;
use tokio_tungstenite::tungstenite::Message;

use crate::support::engine;
use crate::support::expected::fixtures;
use crate::support::http::{exchange, page};
use crate::support::janitor::Janitor;
use crate::support::stack::{DOMAIN, Stack};

/// The application, running, with a stand-in for OpenAI beside it.
pub(super) struct Chatkit {
    pub(super) stack: Stack,
    _openai: Janitor,
}

impl Chatkit {
    /// A shared instance that tests may inspect but not change; started on first use.
    pub(super) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Chatkit> = OnceCell::const_new();
        let start = async || {
            let chatkit = Self::new(None, |_| {}).await;
            // The images are built from the current fixture; the engine's cache has everything that has not changed.
            chatkit.stack.run(&["up", "-d", "--wait", "--build", "--wait-timeout", "900"]).await.succeeded();
            chatkit
        };
        SHARED.get_or_init(start).await
    }

    /// A copy of the fixture, changed by the test, on ports that the test chooses; not started.
    pub(super) async fn new(ports: Option<BTreeMap<u16, u16>>, change: impl FnOnce(&Path)) -> Self {
        let fill = |folder: &Path| {
            copy(&fixtures().join("chatkit"), folder);
            change(folder);
        };
        let stack = match ports {
            Some(ports) => Stack::listening_on(ports, fill),
            None => Stack::new(fill),
        };
        let script = fixtures().join("openai-stand-in/run");
        let name = format!("{}-openai", stack.project());
        let started = tokio::process::Command::new(&script).args(["start", &name]).output().await.unwrap();
        let openai = Janitor::of(&format!("{} stop {name}", script.display()));
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let chatkit = Self { stack, _openai: openai };
        chatkit.write_environment(String::from_utf8(started.stdout).unwrap().trim(), "");
        chatkit
    }

    /// The `.env` of a user of the stand-in, with additional lines.
    fn write_environment(&self, openai: &str, more: &str) {
        // The workflow of `make demo`, so that both build the same images.
        let text =
            format!("OPENAI_API_KEY=sk-test\nOPENAI_BASE_URL={openai}\nVITE_CHATKIT_WORKFLOW_ID=wf_demo\n{more}");
        std::fs::write(self.stack.folder().join(".env"), text).unwrap();
    }

    /// Another list of origins that the back end allows.
    pub(super) fn allow_origins(&self, origins: &str) {
        let file = self.stack.folder().join(".env");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("ALLOWED_ORIGINS=")).collect();
        std::fs::write(file, format!("{}\nALLOWED_ORIGINS={origins}\n", lines.join("\n"))).unwrap();
    }
}

/// Copies a folder as a clone would have it: without build results or generated files.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            if !matches!(name.to_str(), Some("node_modules" | "dist" | "__pycache__")) {
                copy(&entry.path(), &to.join(&name));
            }
        } else if name != ".env" {
            std::fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}

#[tokio::test]
async fn the_application_on_mapped_ports_gets_the_responses_of_production() {
    let Some(_turn) = engine::turn().await else { return };
    gets_the_responses_of_production(&Chatkit::shared().await.stack).await;
}

#[tokio::test]
async fn the_application_on_the_listeners_own_ports_gets_the_responses_of_production() {
    let Some(_turn) = engine::turn().await else { return };
    for port in [80, 443] {
        if let Err(error) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            eprintln!("skipped: port {port} cannot be had: {error}");
            return;
        }
    }
    // Its images are already built.
    Chatkit::shared().await;
    let chatkit = Chatkit::new(Some(BTreeMap::from([(80, 80), (443, 443)])), |_| {}).await;
    chatkit.stack.up().await;
    gets_the_responses_of_production(&chatkit.stack).await;
    chatkit.stack.down().await;
}

async fn gets_the_responses_of_production(stack: &Stack) {
    plain_http_is_redirected_to_the_byte(stack).await;
    the_page_comes_from_the_front_end(stack).await;
    paths_are_routed_by_the_rules(stack).await;
    a_session_is_created(stack).await;
    the_back_end_sees_the_client(stack).await;
    a_websocket_goes_through(stack).await;
}

async fn plain_http_is_redirected_to_the_byte(stack: &Stack) {
    let request = format!("GET /chat?a=b HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
    let response = exchange(stack.stream(80).await, &request).await;
    let body = page("301 Moved Permanently");
    let expected = format!(
        "HTTP/1.1 301 Moved Permanently\r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/html\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\nLocation: https://{DOMAIN}:{}/chat?a=b\r\n\r\n{body}",
        body.len(),
        stack.local_port(443)
    );
    assert_eq!(body.len(), 134);
    assert_eq!(response, expected);
}

async fn the_page_comes_from_the_front_end(stack: &Stack) {
    let reply = stack.get(&format!("https://{DOMAIN}/")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/html"));
    assert!(reply.header("server").starts_with("nginx"), "{reply:?}");
    assert!(reply.body.contains("<div id=\"root\">"), "{}", reply.body);
    let script = reply.body.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();
    let script = stack.get(&format!("https://{DOMAIN}{script}")).await;
    assert_eq!(script.status, 200);
    assert!(script.body.contains("wf_demo"), "the build argument is in the page");
}

async fn paths_are_routed_by_the_rules(stack: &Stack) {
    let mut connection = stack.open(443).await;
    let front = connection.get("/api").await;
    assert!(front.body.contains("<div id=\"root\">"), "`/api/*` does not match `/api`: {front:?}");
    let back = connection.get("/api/x").await;
    assert_eq!((back.status, &back.json()["error"]), (404, &json!("GET /api/x: Not Found")));
    assert_eq!(back.header("server"), "uvicorn");
}

async fn a_session_is_created(stack: &Stack) {
    let mut connection = stack.open(443).await;
    let ask = || http::Request::post("/api/create-session").header("Content-Type", "application/json");
    let body = r#"{"workflow": {"id": "wf_demo"}}"#;
    let first = connection.send(ask(), body).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.json()["client_secret"].as_str().unwrap().starts_with("ek_"), "{first:?}");
    assert_eq!(first.json()["returning"], json!(false));
    let cookie = first.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=lax", "Secure"] {
        assert!(cookie.contains(attribute), "no {attribute} in {cookie}");
    }
    let again = ask().header("Cookie", cookie.split(';').next().unwrap());
    assert_eq!(connection.send(again, body).await.json()["returning"], json!(true));
}

async fn the_back_end_sees_the_client(stack: &Stack) {
    let mut connection = stack.open(443).await;
    let request = http::Request::get("/api/whoami?a=b").header("X-Forwarded-For", "203.0.113.7");
    let seen = connection.send(request, "").await.json();
    let header = |name: &str| {
        let headers = seen["headers"].as_array().unwrap();
        let found = headers.iter().find(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
        found.map(|pair| pair[1].as_str().unwrap().to_owned())
    };
    assert_eq!(header("Host").as_deref(), Some(DOMAIN));
    assert_eq!(header("X-Forwarded-For").as_deref(), Some("203.0.113.7, 127.0.0.1"));
    assert_eq!(header("X-Forwarded-Proto").as_deref(), Some("https"));
    assert_eq!(header("X-Forwarded-Port").as_deref(), Some("443"), "the listener's port, wherever it is bound");
    assert!(header("X-Amzn-Trace-Id").unwrap().starts_with("Root=1-"), "{seen}");
    // uvicorn's view of it.
    assert_eq!((&seen["scheme"], &seen["query"]), (&json!("https"), &json!("a=b")));
}

async fn a_websocket_goes_through(stack: &Stack) {
    let request = format!("wss://{DOMAIN}/api/ws");
    let (mut socket, response) = tokio_tungstenite::client_async(request, stack.stream(443).await).await.unwrap();
    assert_eq!(response.status(), 101);
    for text in ["hello", "again"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn the_containers_of_a_task_share_one_address_and_reach_each_other_at_localhost() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = &Chatkit::shared().await.stack;
    let view = stack.view().await;
    let address = view.services[0].tasks[0].private_ipv4_address.clone().unwrap();
    for container in ["frontend", "backend"] {
        let seen = stack.run(&["exec", container, "--", "hostname", "-i"]).await.succeeded();
        assert_eq!(seen.stdout.trim(), address, "{container}");
    }
    let ask = "exec 3<>/dev/tcp/localhost/8000; printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    let answer = stack.run(&["exec", "frontend", "--", "bash", "-c", ask]).await.succeeded();
    assert!(answer.stdout.ends_with(r#"{"status":"ok"}"#), "{answer:?}");
    let ask = "import urllib.request as u; print(u.urlopen('http://localhost:80/').headers['Server'])";
    let answer = stack.run(&["exec", "backend", "--", "python3", "-c", ask]).await.succeeded();
    assert!(answer.stdout.starts_with("nginx"), "{answer:?}");
}
