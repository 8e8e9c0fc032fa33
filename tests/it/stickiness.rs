//! Which target gets a request, on the wire: cookies that a browser would keep and where they lead, and slow start.

use std::time::Duration;

use neargate::model::rule::{Action, Forward, WeightedTargetGroup};
use neargate::model::target_group::Stickiness;
use neargate::model::target_health::{TargetHealth, UnhealthyReason};

use crate::alb::{Alb, ScriptedTarget, Setup, healthy};

const HOUR: Duration = Duration::from_secs(3600);

/// Three targets that name themselves, in one group.
async fn start(stickiness: Stickiness) -> Alb {
    let mut targets = Vec::new();
    for answer in ["one", "two", "six"] {
        targets.push(ScriptedTarget::answering(target_saying(answer)).await.address);
    }
    let mut setup = Setup::forwarding(&targets);
    let group = setup.topology.target_groups.get_mut("web").unwrap();
    group.attributes.stickiness = Some(stickiness);
    setup.start().await
}

fn target_saying(word: &str) -> &'static str {
    match word {
        "one" => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: session=1\r\n\r\none",
        "two" => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: session=2\r\n\r\ntwo",
        _ => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: session=6\r\n\r\nsix",
    }
}

/// The body, and the cookies that a browser would send back.
async fn ask(alb: &Alb, cookies: &str) -> (String, String) {
    let answer =
        alb.exchange(&format!("GET / HTTP/1.1\r\nHost: e.com\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let kept = head.lines().filter_map(|line| line.strip_prefix("Set-Cookie: ")?.split(';').next());
    (body.to_owned(), kept.collect::<Vec<_>>().join("; "))
}

#[tokio::test]
async fn a_client_stays_with_its_target_and_its_cookies_change_every_time() {
    let alb = start(Stickiness::LbCookie { duration: HOUR }).await;
    let (first, mut cookies) = ask(&alb, "a=b").await;
    for _ in 0..5 {
        let (again, refreshed) = ask(&alb, &cookies).await;
        assert_eq!(again, first);
        assert_ne!(refreshed, cookies, "a new end, sealed anew");
        cookies = refreshed;
    }
}

#[tokio::test]
async fn the_lines_are_those_of_a_load_balancer() {
    let alb = start(Stickiness::LbCookie { duration: HOUR }).await;
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    let lines: Vec<_> = answer.lines().filter(|line| line.starts_with("Set-Cookie: AWS")).collect();
    let date = "[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT";
    let value = "[A-Za-z0-9+/]{124}";
    for (line, pattern) in lines.iter().zip([
        format!("^Set-Cookie: AWSALB={value}; Expires={date}; Path=/$"),
        format!("^Set-Cookie: AWSALBCORS={value}; Expires={date}; Path=/; SameSite=None$"),
    ]) {
        assert!(regex::Regex::new(&pattern).unwrap().is_match(line), "{line}");
    }
    assert_eq!(lines.len(), 2);
    // Before those that the target sent.
    assert!(answer.find("AWSALB=").unwrap() < answer.find("session=").unwrap());
}

#[tokio::test]
async fn a_tampered_cookie_leads_to_some_target_and_is_counted() {
    let mut alb = start(Stickiness::LbCookie { duration: HOUR }).await;
    let (_, cookies) = ask(&alb, "a=b").await;
    assert!(alb.settled().await.non_sticky, "a new client");
    ask(&alb, &cookies).await;
    assert!(!alb.settled().await.non_sticky);
    let broken = cookies.replace("AWSALB=", "AWSALB=AAAA").replace("AWSALBCORS=", "AWSALBCORS=AAAA");
    let (_, renewed) = ask(&alb, &broken).await;
    assert!(renewed.contains("AWSALB="));
    assert!(alb.settled().await.non_sticky);
}

#[tokio::test]
async fn an_unhealthy_target_loses_its_clients_for_good() {
    let mut alb = start(Stickiness::LbCookie { duration: HOUR }).await;
    let (first, cookies) = ask(&alb, "a=b").await;
    let index = ["one", "two", "six"].iter().position(|word| *word == first).unwrap();
    let targets = alb.targets.get_mut("web").unwrap();
    targets[index].health = TargetHealth::Unhealthy(UnhealthyReason::Timeout);
    alb.publish().await;
    let (second, cookies) = ask(&alb, &cookies).await;
    assert_ne!(second, first);
    alb.targets.get_mut("web").unwrap()[index].health = TargetHealth::Healthy;
    alb.publish().await;
    assert_eq!(ask(&alb, &cookies).await.0, second);
}

#[tokio::test]
async fn the_applications_cookie_binds_together_with_a_second_one() {
    let alb = start(Stickiness::AppCookie { cookie_name: "session".into(), duration: HOUR }).await;
    let (first, cookies) = ask(&alb, "a=b").await;
    assert!(cookies.contains("AWSALBAPP-0=AAAAAAAAAA") && cookies.contains("AWSALBAPP-3=_remove_"), "{cookies}");
    for _ in 0..4 {
        assert_eq!(ask(&alb, &cookies).await.0, first);
    }
}

#[tokio::test]
async fn a_group_is_kept_whatever_the_weights_say() {
    let blue = ScriptedTarget::answering(target_saying("one")).await;
    let green = ScriptedTarget::answering(target_saying("two")).await;
    let target_groups = ["blue", "green"].map(|name| WeightedTargetGroup { target_group: name.into(), weight: 1 });
    let forward = Forward { target_groups: target_groups.to_vec(), stickiness_seconds: Some(60) };
    let mut setup = Setup::answering(Action::Forward(forward));
    setup.group("blue", vec![healthy(blue.address)]);
    setup.group("green", vec![healthy(green.address)]);
    let mut alb = setup.start().await;
    let (first, cookies) = ask(&alb, "a=b").await;
    for _ in 0..8 {
        assert_eq!(ask(&alb, &cookies).await.0, first);
    }
    let _ = alb.settled().await;
    ask(&alb, "AWSALBTG=%41").await;
    let mut reasons = Vec::new();
    for _ in 0..9 {
        reasons.extend(alb.settled().await.error_reason);
    }
    assert_eq!(reasons, ["AWSALBTGCookieInvalid"]);
}

#[tokio::test]
async fn a_newcomer_warms_up_but_the_first_targets_of_a_group_do_not() {
    let old = ScriptedTarget::answering(target_saying("one")).await;
    let new = ScriptedTarget::answering(target_saying("two")).await;
    let mut setup = Setup::forwarding(&[old.address]);
    setup.workers = 1;
    let group = setup.topology.target_groups.get_mut("web").unwrap();
    group.attributes.slow_start = Duration::from_secs(900);
    let mut alb = setup.start().await;
    ask(&alb, "a=b").await;
    assert_eq!(old.heads().len(), 1, "alone, it takes everything at once");
    alb.targets.get_mut("web").unwrap().push(healthy(new.address));
    alb.publish().await;
    for _ in 0..100 {
        ask(&alb, "a=b").await;
    }
    // The test takes a few of the 900 seconds: the newcomer's share stays far below half.
    assert!(new.heads().len() < 25, "{} of 100 in the first seconds", new.heads().len());
}
