//! A real Chromium, driven over its DevTools protocol.
//!
//! Why no crate for it: `chromiumoxide` generates and compiles the whole protocol (minutes on two cores) and brings an
//! HTTP client of its own; `fantoccini` needs chromedriver on the machine, and WebDriver shows neither console
//! messages nor why a request failed, which is what a test about CORS asserts on; `headless_chrome` blocks. What these
//! tests need is five commands over a WebSocket, and a WebSocket client is here already.
//!
//! The browser verifies certificates as usual: the stack's root is added to the NSS database of a home folder made for
//! the test, and no option tells Chromium to ignore errors.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::waiting::until;

/// A browser on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Chromium's error for a connection that it aborted by itself.
const NETWORK_CHANGED: &str = "net::ERR_NETWORK_CHANGED";

/// Options for an independent instance; none makes it lenient.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox", // Tests run as root in containers, where its sandbox does not work.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    // It would try https first by itself, and never see the load balancer's redirect.
    "--disable-features=HttpsUpgrades",
    "--remote-debugging-port=0",
];

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    folder: PathBuf,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    number: u64,
    /// Everything that the browser has reported since the last visit began, oldest first.
    events: Vec<Value>,
}

impl Browser {
    /// Starts Chromium with a profile of its own. `resolver_rules` is the value of `--host-resolver-rules`.
    pub(crate) async fn start(authority_pem: Option<&str>, resolver_rules: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("neargate-browser-").tempdir().unwrap().keep();
        if let Some(pem) = authority_pem {
            trust(&folder, pem);
        }
        let profile = folder.join("profile");
        let mut command = Command::new(std::env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into()));
        command.args(FLAGS).env("HOME", &folder).process_group(0);
        command.arg(format!("--user-data-dir={}", profile.display()));
        command.arg(format!("--host-resolver-rules={resolver_rules}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("Chromium; docker/setup browser installs it");
        let address = debugger(&profile.join("DevToolsActivePort")).await;
        let (socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
        let mut browser = Self { process, folder, socket, session: String::new(), number: 0, events: Vec::new() };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    /// Goes to a URL and waits until the page is there; the error is Chromium's, e.g. `net::ERR_CERT_INVALID`.
    ///
    /// Chromium aborts loading whenever an address of the machine appears or disappears, as with every container that
    /// starts or stops. Other programs may start containers at any time, so in that case it tries again.
    pub(crate) async fn visit(&mut self, url: &str) -> Result<(), String> {
        loop {
            self.events.clear();
            let answer = self.call("Page.navigate", json!({ "url": url })).await;
            match answer["errorText"].as_str().filter(|error| !error.is_empty()) {
                Some(NETWORK_CHANGED) => continue,
                Some(error) => return Err(error.to_owned()),
                None => {}
            }
            self.event("Page.loadEventFired", |_| true).await;
            if !self.was_cut_off() {
                return Ok(());
            }
        }
    }

    /// Whether Chromium has aborted anything since the last visit began because an address appeared or disappeared.
    pub(crate) fn was_cut_off(&self) -> bool {
        self.events.iter().any(|event| event["params"]["errorText"] == NETWORK_CHANGED)
    }

    /// The value of a JavaScript expression on the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let evaluate = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", evaluate).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// The text of the element with this `data-testid`, once the page shows one other than `but`.
    pub(crate) async fn shown(&mut self, test_id: &str, but: &str) -> String {
        // With the whole page, for the message of a failing test.
        let expression = format!(
            "[document.querySelector('[data-testid=\"{test_id}\"]')?.innerText ?? '', \
             location.href + ' ' + document.body?.innerText]"
        );
        let look = async || {
            let texts = self.value(&expression).await;
            let text = |index: usize| texts[index].as_str().unwrap_or_default().trim().to_owned();
            Some((text(0), text(1)))
        };
        until(&format!("{test_id} on the page"), look, |(text, _)| !text.is_empty() && text != but).await.0
    }

    /// Waits for an event of this name, since the last visit began, that satisfies the predicate.
    pub(crate) async fn event(&mut self, method: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let find = |events: &[Value]| {
            events.iter().find(|event| event["method"] == method && is_wanted(&event["params"])).cloned()
        };
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(event) = find(&self.events) {
                return event["params"].clone();
            }
            let Ok(message) = tokio::time::timeout_at(deadline, self.receive()).await else {
                panic!("no {method} as wanted; reported: {:#?}", self.events);
            };
            self.events.push(message);
        }
    }

    /// The cookies that the browser would send to this URL.
    pub(crate) async fn cookies(&mut self, url: &str) -> Vec<Value> {
        let answer = self.call("Network.getCookies", json!({ "urls": [url] })).await;
        answer["cookies"].as_array().unwrap().clone()
    }

    /// A command of the protocol, and its result. Events in the meantime are kept.
    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut command = json!({ "id": number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(command.to_string())).await.unwrap();
        let deadline = Instant::now() + DEADLINE;
        let answer = loop {
            let message = tokio::time::timeout_at(deadline, self.receive()).await;
            let message = message.unwrap_or_else(|_| panic!("the browser does not answer {method}"));
            if message["id"] == number {
                break message;
            }
            self.events.push(message);
        };
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    async fn receive(&mut self) -> Value {
        loop {
            let message = self.socket.next().await.expect("the browser is there").unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The address that Chromium writes down once it listens.
async fn debugger(file: &Path) -> String {
    let look = async || {
        let text = std::fs::read_to_string(file).ok()?;
        let (port, path) = text.split_once('\n').filter(|(_, path)| !path.is_empty())?;
        Some(format!("ws://127.0.0.1:{port}{path}"))
    };
    until("Chromium listens", look, |_| true).await
}

/// Adds a root to the database in which Chromium on Linux looks for its user's roots.
fn trust(home: &Path, pem: &str) {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let file = home.join("authority.pem");
    std::fs::write(&file, pem).unwrap();
    let certutil = |arguments: &[&str]| {
        let mut command = Command::new("certutil");
        command.arg("-d").arg(format!("sql:{}", database.display())).args(arguments);
        let output = command.output().expect("certutil; docker/setup browser installs it");
        assert!(output.status.success(), "certutil {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    certutil(&["-N", "--empty-password"]);
    certutil(&["-A", "-t", "C,,", "-n", "neargate", "-i", file.to_str().unwrap()]);
}
