//! The fixture application in a real Chromium, which trusts the stack's authority as a person's browser would, and
//! resolves names with the rules that neargate prints. Each test has the engine to itself: see [`Browser::visit`].

use std::net::SocketAddr;
use std::sync::Arc;

use neargate::admin::view::shape::{ClusterView, TaskView};
use neargate::model::task::TaskStatus;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::chatkit::Chatkit;
use crate::support::browser::Browser;
use crate::support::engine;
use crate::support::stack::{DOMAIN, Stack};

/// A browser as `neargate run -- chromium` would start it.
async fn browser_for(stack: &Stack) -> Browser {
    let print = ["run", "--", "printenv", "NEARGATE_CHROMIUM_HOST_RESOLVER_RULES"];
    let rules = stack.run(&print).await.succeeded().stdout;
    Browser::start(Some(&stack.authority().await), rules.trim()).await
}

/// Result of the session that the page requests, unless its request was aborted.
async fn session(browser: &mut Browser, url: &str) -> String {
    loop {
        browser.visit(url).await.unwrap();
        let session = browser.shown("session", "creating").await;
        if session == "created" || !browser.was_cut_off() {
            return session;
        }
    }
}

#[tokio::test]
async fn plain_http_has_no_random_uuid_and_the_page_says_so() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let view = Chatkit::shared().await.stack.view().await;
    let address = view.services[0].tasks[0].private_ipv4_address.clone().unwrap();
    if TcpStream::connect((address.as_str(), 80)).await.is_err() {
        eprintln!("skipped: the task's own address {address} cannot be reached from here");
        return;
    }
    // The front end itself, without the load balancer, under a name other than localhost.
    let mut browser = Browser::start(None, &format!("MAP {DOMAIN} {address}")).await;
    browser.visit(&format!("http://{DOMAIN}/")).await.unwrap();
    assert_eq!(browser.shown("secure-context", "").await, "no");
    assert_eq!(browser.shown("random-uuid", "").await, "undefined");
    assert_eq!(browser.shown("message-error", "").await, "crypto.randomUUID is not a function");
    assert_eq!(browser.value("typeof crypto.randomUUID").await, json!("undefined"));
    assert_eq!(browser.value("location.href").await, json!(format!("http://{DOMAIN}/")));
}

#[tokio::test]
async fn through_the_load_balancer_the_context_is_secure_and_the_secure_cookie_comes_back() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = &Chatkit::shared().await.stack;
    let mut browser = browser_for(stack).await;
    assert_eq!(session(&mut browser, &format!("http://{DOMAIN}/")).await, "created");
    assert_eq!(browser.shown("secure-context", "").await, "yes");
    assert_eq!(browser.shown("random-uuid", "").await, "available");
    assert_eq!(browser.shown("visit", "").await, "first");
    assert_eq!(browser.value("location.origin").await, json!(format!("https://{DOMAIN}:{}", stack.local_port(443))));
    let redirected = browser.event("Network.requestWillBeSent", |event| !event["redirectResponse"].is_null()).await;
    assert_eq!(redirected["redirectResponse"]["status"], json!(301), "by the load balancer, not by the browser");

    let cookies = browser.cookies(&format!("https://{DOMAIN}/api/")).await;
    let cookie = cookies.iter().find(|cookie| cookie["name"] == "chatkit_session_id").unwrap();
    assert_eq!(
        (&cookie["secure"], &cookie["httpOnly"], &cookie["sameSite"]),
        (&json!(true), &json!(true), &json!("Lax"))
    );
    assert_eq!(browser.cookies(&format!("http://{DOMAIN}/api/")).await, [json!(null); 0], "over http it stays at home");

    assert_eq!(session(&mut browser, &format!("https://{DOMAIN}/")).await, "created");
    assert_eq!(browser.shown("visit", "").await, "returning", "the second visit sends the cookie");
    let message = "document.querySelector('[data-testid=message]').dataset.messageId.length";
    assert_eq!(browser.value(message).await, json!(36), "messages have ids");
}

#[tokio::test]
async fn a_wrong_allowed_origin_is_a_cors_error_and_the_right_one_is_not() {
    let Some(_turn) = engine::turn_alone().await else { return };
    // Its images are already built.
    Chatkit::shared().await;
    let chatkit = Chatkit::new(None, |folder| {
        let file = folder.join("neargate.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let changed = text.replacen("domain: app.domain.com", "domain: [app.domain.com, page.domain.com]", 1);
        assert_ne!(text, changed);
        std::fs::write(file, changed).unwrap();
    })
    .await;
    // The page is on page.domain.com and calls app.domain.com, which allows only its own origin.
    chatkit.allow_origins("https://app.domain.com");
    chatkit.stack.up().await;
    let mut browser = browser_for(&chatkit.stack).await;
    let page = "https://page.domain.com/?api=https://app.domain.com";
    assert_eq!(session(&mut browser, page).await, "failed");
    assert_eq!(browser.shown("session-error", "").await, "Failed to fetch");
    let failed = browser.event("Network.loadingFailed", |event| !event["corsErrorStatus"].is_null()).await;
    let error = failed["corsErrorStatus"]["corsError"].as_str().unwrap().to_owned();
    assert!(error.contains("AllowOrigin") || error == "PreflightInvalidStatus", "{failed}");

    chatkit.allow_origins("https://page.domain.com");
    chatkit.stack.up().await;
    let is_gone = |task: &TaskView| [TaskStatus::Running, TaskStatus::Stopped].iter().any(|at| task.last_status == *at);
    let is_alone = |view: &ClusterView| view.services[0].tasks.iter().all(is_gone);
    chatkit.stack.until("the old task is gone, with its address", is_alone).await;
    assert_eq!(session(&mut browser, page).await, "created");
    chatkit.stack.down().await;
}

#[tokio::test]
async fn certificates_are_good_only_with_the_authority_and_only_for_its_names() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = &Chatkit::shared().await.stack;
    let secure = format!("https://{DOMAIN}:{}/", stack.local_port(443));
    let mut stranger = Browser::start(None, "MAP * 127.0.0.1").await;
    assert_eq!(stranger.visit(&secure).await.unwrap_err(), "net::ERR_CERT_AUTHORITY_INVALID");
    drop(stranger);

    let elsewhere = signed_by_the_stack(stack, "accounts.example.com").await;
    let mut browser = Browser::start(Some(&stack.authority().await), "MAP * 127.0.0.1").await;
    browser.visit(&secure).await.unwrap();
    let beyond = format!("https://accounts.example.com:{}/", elsewhere.port());
    assert_eq!(browser.visit(&beyond).await.unwrap_err(), "net::ERR_CERT_INVALID", "name constraints hold");
}

/// A server for a name outside the stack, with a certificate issued by somebody who obtained the authority's key.
async fn signed_by_the_stack(stack: &Stack, name: &str) -> SocketAddr {
    let key = std::fs::read_to_string(stack.data_folder().join("ca-key.pem")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&stack.authority().await, KeyPair::from_pem(&key).unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2025, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2026, 12, 31);
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read_u8().await;
            }
        }
    });
    address
}
