//! Headers that a listener changes, and URLs and hosts that a rule rewrites.

use neargate::engine::transform::TransformStatus;
use neargate::model::listener::HeaderModification;
use neargate::model::rule::{Condition, Patterns, Rewrite, Rule, Transforms};

use crate::alb::{ScriptedTarget, Setup, fixed, forward, healthy, page, stable};
use crate::http2;

const OK: &str = "HTTP/1.1 200 OK\r\nServer: mine\r\nx-frame-options: ALLOWALL\r\nContent-Length: 2\r\n\r\nok";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n";

fn hardened() -> HeaderModification {
    HeaderModification {
        server: false,
        response: vec![("Strict-Transport-Security", "max-age=1".to_owned()), ("X-Frame-Options", "DENY".to_owned())],
        ..HeaderModification::default()
    }
}

#[tokio::test]
async fn a_targets_response_has_the_listeners_headers_instead_of_its_own() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.topology.load_balancer.listeners[0].headers = hardened();
    let alb = setup.start().await;
    assert_eq!(
        alb.exchange(REQUEST).await,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nServer: mine\r\n\
         Strict-Transport-Security: max-age=1\r\nX-Frame-Options: DENY\r\n\r\nok"
    );
}

#[tokio::test]
async fn the_load_balancers_own_responses_have_them_too_and_need_not_name_it() {
    let mut setup = Setup::answering(fixed(200, "hi"));
    setup.topology.load_balancer.listeners[0].headers = hardened();
    let alb = setup.start().await;
    assert_eq!(
        stable(&alb.exchange(REQUEST).await),
        "HTTP/1.1 200 OK\r\nDate: <date>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\
         Connection: close\r\nStrict-Transport-Security: max-age=1\r\nX-Frame-Options: DENY\r\n\r\nhi"
    );
    let answer = stable(&alb.exchange("nonsense\r\n\r\n").await);
    let body = page("400 Bad Request");
    assert_eq!(
        answer,
        format!(
            "HTTP/1.1 400 Bad Request\r\nDate: <date>\r\nContent-Type: text/html\r\nContent-Length: 122\r\n\
             Connection: close\r\nStrict-Transport-Security: max-age=1\r\nX-Frame-Options: DENY\r\n\r\n{body}"
        )
    );
}

#[tokio::test]
async fn a_rewritten_request_reaches_the_target_and_the_log_keeps_both() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::answering(fixed(404, ""));
    setup.group("web", vec![healthy(target.address)]);
    let rewrite = |regex: &str, replace: &str| Some(Rewrite { regex: regex.into(), replace: replace.into() });
    setup.rules(vec![Rule {
        priority: 1,
        conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/dp/*".into()]))],
        action: forward(&["web"]),
        transforms: Transforms {
            host_header: rewrite("^mywebsite-(.+).com$", "internal.dev.$1.myweb.com"),
            url: rewrite("^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1"),
        },
    }]);
    let mut alb = setup.start().await;
    alb.exchange("GET /dp/B09G3HRMW HTTP/1.1\r\nHost: mywebsite-example.com\r\nConnection: close\r\n\r\n").await;
    let head = &target.heads()[0];
    assert!(head.starts_with("GET /product.php?id=B09G3HRMW HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nHost: internal.dev.example.myweb.com\r\n"), "{head}");
    let transaction = alb.settled().await;
    assert_eq!(transaction.transform_status, Some(TransformStatus::Success));
    let text = transaction.text.unwrap();
    assert_eq!(text.path_and_query(), b"/dp/B09G3HRMW");
    assert_eq!(text.transformed.uri.as_deref(), Some(&b"/product.php?id=B09G3HRMW"[..]));
}

#[tokio::test]
async fn a_transform_that_matches_and_fails_is_a_500() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::answering(fixed(404, ""));
    setup.group("web", vec![healthy(target.address)]);
    setup.rules(vec![Rule {
        priority: 1,
        conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/*".into()]))],
        action: forward(&["web"]),
        transforms: Transforms {
            host_header: None,
            url: Some(Rewrite { regex: "^/bad".into(), replace: "no slash".into() }),
        },
    }]);
    let mut alb = setup.start().await;
    let answer = alb.exchange("GET /bad HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\nServer: awselb/2.0\r\n"), "{answer}");
    assert_eq!(alb.settled().await.transform_status, Some(TransformStatus::InvalidPath));
    let answer = alb.exchange("GET /good HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("ok"), "{answer}");
    assert!(target.heads()[0].starts_with("GET /good HTTP/1.1\r\n"));
}

#[tokio::test]
async fn over_http_2_the_target_is_told_of_tls_and_the_client_gets_headers_and_cookies() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    setup.attributes().tls_headers = true;
    let headers = HeaderModification { tls_cipher_suite_name: "X-Cipher".to_owned(), ..hardened() };
    setup.topology.load_balancer.listeners[0].headers = headers;
    let duration = std::time::Duration::from_secs(60);
    let group = setup.topology.target_groups.get_mut("web").unwrap();
    group.attributes.stickiness = Some(neargate::model::target_group::Stickiness::LbCookie { duration });
    let alb = setup.start().await;
    let mut client = http2::http2(&alb).await;
    let mut request = http2::get("/");
    request.headers_mut().insert("x-cipher", "none".parse().unwrap());
    let (response, _) = http2::send(&mut client, request).await;
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    assert_eq!(response.headers().get_all("x-frame-options").iter().count(), 1);
    assert_eq!(response.headers()["strict-transport-security"], "max-age=1");
    let cookies: Vec<_> =
        response.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("AWSALB=") && cookies[1].starts_with("AWSALBCORS="), "{cookies:?}");
    assert!(cookies[1].ends_with("; SameSite=None; Secure"), "{cookies:?}");
    let head = &target.heads()[0];
    assert!(head.contains("\r\nX-Amzn-Tls-Version: TLSv1.3\r\nX-Cipher: TLS_AES_256_GCM_SHA384\r\n"), "{head}");
    assert!(!head.contains("none"), "{head}");
}
