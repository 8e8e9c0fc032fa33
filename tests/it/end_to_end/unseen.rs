//! Problems that no health check sees, on a stack whose targets are all healthy: `doctor` finds them in the responses
//! that clients got, and in those that a page would get.

use serde_json::json;

use crate::support::engine;
use crate::support::scenario::{Scenario, container, with};
use crate::support::stack::DOMAIN;

#[tokio::test]
async fn requests_that_outlive_the_idle_timeout_are_found_until_it_is_raised() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::web_and_api();
    scenario.file["load_balancer"]["idle_timeout"] = json!(1);
    let stack = scenario.stack();
    stack.up().await;
    stack.run(&["doctor"]).await.succeeded();
    let reply = stack.get(&format!("https://{DOMAIN}/api/slow?ms=3000&token=secret")).await;
    assert_eq!(reply.status, 504);

    let [symptom, cause, fix] = stack.diagnosis("slow responses of target group tg-api").await;
    assert!(symptom.starts_with("HTTPCode_ELB_504_Count: 1 request, the last GET /api/slow at 2"), "{symptom}");
    assert_eq!(cause, "api sent nothing during the load balancer's idle_timeout, 1 s");
    assert!(fix.starts_with("raise `load_balancer.idle_timeout` above what api needs"), "{fix}");
    let doctor = stack.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.stdout.contains("clients get: 504 Gateway Time-out after 1 s"), "{doctor:?}");
    assert!(doctor.stdout.contains("| taking 3000 ms"), "the container's last lines: {doctor:?}");

    // The fix that it names works.
    scenario.file["load_balancer"]["idle_timeout"] = json!(30);
    scenario.write(stack.folder());
    stack.up().await;
    assert_eq!(stack.get(&format!("https://{DOMAIN}/api/slow?ms=2000")).await.status, 200);
    stack.run(&["doctor"]).await.succeeded();
    stack.down().await;
}

#[tokio::test]
async fn a_page_that_the_back_end_refuses_is_found_by_a_request_as_that_page() {
    let Some(_turn) = engine::turn().await else { return };
    let api = with(container("api", 8000), "ALLOWED_ORIGINS", "http://localhost:5173");
    let mut scenario = Scenario::of(vec![container("web", 80), api]);
    let stack = scenario.stack();
    stack.up().await;
    let [symptom, cause, fix] = stack.diagnosis("CORS of container api").await;
    assert_eq!(
        symptom,
        format!(
            "a request for /api/ with Origin: https://{DOMAIN} is answered 200 without Access-Control-Allow-Origin"
        )
    );
    assert_eq!(cause, "ALLOWED_ORIGINS is `http://localhost:5173`: api allows only pages from these origins");
    assert!(
        fix.ends_with(&format!("services.service.environment.api: {{ ALLOWED_ORIGINS: \"https://{DOMAIN}\" }}")),
        "{fix}"
    );
    let doctor = stack.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(1), "{doctor:?}");

    // Placed where doctor's fix says.
    scenario.service()["environment"] = json!({ "api": { "ALLOWED_ORIGINS": format!("https://{DOMAIN}") } });
    scenario.write(stack.folder());
    stack.up().await;
    stack.run(&["doctor"]).await.succeeded();
    stack.down().await;
}
