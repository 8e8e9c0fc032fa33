//! A blue/green deployment on a real engine, under traffic: the test listener leads to the new revision before production
//! does, and no request is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use neargate::admin::view::shape::ClusterView;
use neargate::ecs::service::lifecycle::status::ServiceDeploymentStatus;
use neargate::model::strategy::LifecycleStage;
use serde_json::{Value, json};

use super::assert_fails;
use crate::support::engine;
use crate::support::http::{self, Connection};
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Stack, free_port};

/// The port of the test listener.
const TEST: u16 = 8080;

/// Production traffic on 80, test traffic on 8080; a command is a hook, and so is somebody.
fn scenario() -> Scenario {
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let file = &mut scenario.file;
    let other = file["target_groups"]["tg-web"].clone();
    file["target_groups"]["tg-web-2"] = other;
    let open = json!({ "protocol": "tcp", "port": TEST, "cidr": "0.0.0.0/0" });
    file["security_groups"]["alb-sg"]["ingress"].as_array_mut().unwrap().push(open);
    let forward = json!({ "forward": { "target_groups": [
        { "target_group": "tg-web", "weight": 100 },
        { "target_group": "tg-web-2", "weight": 0 },
    ] } });
    file["load_balancer"]["listeners"] = json!([
        { "port": 80, "protocol": "HTTP", "default_action": forward },
        { "port": TEST, "protocol": "HTTP", "default_action": forward },
    ]);
    let service = scenario.service();
    service["load_balancers"][0]["advanced_configuration"] = json!({
        "alternate_target_group": "tg-web-2",
        "production_listener_rule": { "listener": 80 },
        "test_listener_rule": { "listener": TEST },
    });
    service["deployment_configuration"] = json!({
        "strategy": "BLUE_GREEN",
        "bake_time_in_minutes": 0,
        "lifecycle_hooks": [
            { "command": ["sh", "-c", "cat > event.json"], "lifecycle_stages": ["POST_TEST_TRAFFIC_SHIFT"] },
            { "target_type": "PAUSE", "lifecycle_stages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"] },
        ],
    });
    scenario
}

#[tokio::test]
async fn a_blue_green_deployment_shows_green_to_tests_first_and_loses_no_request() {
    let Some(_turn) = engine::turn().await else { return };
    let ports = BTreeMap::from([(80, free_port()), (TEST, free_port())]);
    let stack = Stack::listening_on(ports, |folder| scenario().write(folder));
    // The first deployment asks its hooks as well.
    stack.run(&["up", "-d"]).await.succeeded();
    let is_paused = |view: &ClusterView| view.services[0].service_deployment.is_paused();
    stack.until("a pause before the first production traffic", is_paused).await;
    stack.run(&["continue-deployment", "service"]).await.succeeded();
    stack.until("a stack that is up", |view| view.ready).await;
    assert_fails(&stack.run(&["continue-deployment", "service"]).await, 2, &["hookId is either completed"]);

    let traffic = Traffic::begin(stack.local_port(80));
    stack.run(&["deploy", "-d", "--env", "web.NAME=green"]).await.succeeded();
    let view = stack.until("a pause before production traffic shifts", is_paused).await;
    let stage = view.services[0].service_deployment.lifecycle_stage.as_ref().unwrap();
    assert_eq!(*stage, LifecycleStage::PreProductionTrafficShift);
    assert_eq!((name_at(&stack, TEST).await, name_at(&stack, 80).await), ("green".into(), "web".into()));
    let event: Value = serde_json::from_slice(&std::fs::read(stack.folder().join("event.json")).unwrap()).unwrap();
    assert_eq!(event["lifecycleStage"], "POST_TEST_TRAFFIC_SHIFT");
    // Whoever applies the same file again changes nothing.
    let applied = stack.run(&["up", "-d", "--wait-timeout", "1"]).await;
    assert_fails(&applied, 3, &["applied neargate.yaml", "PRE_PRODUCTION_TRAFFIC_SHIFT (paused)"]);
    assert_eq!((name_at(&stack, TEST).await, name_at(&stack, 80).await), ("green".into(), "web".into()));
    let ps = stack.run(&["ps"]).await.succeeded().stdout;
    assert!(ps.contains("PRE_PRODUCTION_TRAFFIC_SHIFT") && ps.contains("0 %, tests 100 %"), "{ps}");

    stack.run(&["continue-deployment", "service"]).await.succeeded();
    let is_over = |view: &ClusterView| {
        view.ready && view.services[0].service_deployment.status == ServiceDeploymentStatus::Successful
    };
    stack.until("the end of the deployment", is_over).await;
    assert_eq!(name_at(&stack, 80).await, "green");
    let explained = stack.run(&["explain", &format!("http://{DOMAIN}/")]).await.succeeded().stdout;
    assert!(explained.contains("tg-web-2"), "the weights are the running stack's: {explained}");
    let (answers, failures) = traffic.end().await;
    assert!(failures.is_empty(), "{failures:?}");
    assert!(answers.contains_key("web") && answers.contains_key("green"), "{answers:?}");
    stack.down().await;
}

async fn name_at(stack: &Stack, port: u16) -> String {
    let reply = stack.open(port).await.get("/").await;
    reply.json()["name"].as_str().unwrap().to_owned()
}

/// One request after the other, each on a connection of its own.
struct Traffic {
    is_over: Arc<AtomicBool>,
    sending: tokio::task::JoinHandle<(BTreeMap<String, u32>, Vec<String>)>,
}

impl Traffic {
    fn begin(port: u16) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let sending = tokio::spawn(async move {
            let (mut answers, mut failures) = (BTreeMap::new(), Vec::new());
            while !until.load(Ordering::Relaxed) {
                match request(port).await {
                    Ok(name) => *answers.entry(name).or_default() += 1,
                    Err(why) => failures.push(why),
                }
            }
            (answers, failures)
        });
        Self { is_over, sending }
    }

    /// How often which revision has answered, and what failed.
    async fn end(self) -> (BTreeMap<String, u32>, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        self.sending.await.unwrap()
    }
}

async fn request(port: u16) -> Result<String, String> {
    let stream = http::connect(port, None).await.map_err(|error| error.to_string())?;
    let mut connection = Connection::over(stream, DOMAIN).await;
    let reply = connection.try_send(::http::Request::get("/"), "").await.map_err(|error| error.to_string())?;
    match reply.status {
        200 => Ok(reply.json()["name"].as_str().unwrap_or_default().to_owned()),
        status => Err(format!("{status}: {}", reply.body)),
    }
}
