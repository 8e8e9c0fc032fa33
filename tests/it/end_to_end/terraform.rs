//! Terraform with its AWS provider against a stack: it applies, plans nothing afterwards, changes, and destroys.
//!
//! It needs `terraform` and the provider: where the machine has them in a folder, `NEARGATE_TEST_TERRAFORM_PLUGINS` names it
//! (Terraform CLI configuration, "filesystem_mirror").

use std::time::Duration;

use rustix::process::Signal;

use crate::support::engine;
use crate::support::scenario::Scenario;
use crate::support::stack::{DOMAIN, Output, Running, Stack, kill, targets};
use crate::support::waiting::until;
use neargate::admin::view::shape::ClusterView;
use neargate::model::target_health::TargetHealthState;
use neargate_fixture::top;

/// What a plan exits with that would change something (`-detailed-exitcode`).
const CHANGES: i32 = 2;

/// A folder of Terraform's beside a stack that serves the APIs.
struct Terraform {
    stack: Stack,
    up: Running,
}

impl Terraform {
    /// With this fixture. `None` where Terraform or its provider is missing.
    async fn of(fixture: &str, mut stack: Stack) -> Option<Self> {
        let folder = stack.folder().join("terraform");
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(top().join("fixtures/terraform").join(fixture).join("main.tf"), folder.join("main.tf")).unwrap();
        std::fs::copy(top().join("fixtures/target/server.py"), folder.join("server.py")).unwrap();
        // The provider repeats a call 25 times by default, which is minutes while nobody answers.
        stack.set("AWS_MAX_ATTEMPTS", "3");
        if let Ok(plugins) = std::env::var("NEARGATE_TEST_TERRAFORM_PLUGINS") {
            let mirror = format!("provider_installation {{ filesystem_mirror {{ path = {plugins:?} }} }}\n");
            std::fs::write(folder.join("terraform.rc"), mirror).unwrap();
            stack.set("TF_CLI_CONFIG_FILE", folder.join("terraform.rc").to_str().unwrap());
        }
        let is_there = std::process::Command::new("terraform").arg("version").output();
        if !is_there.is_ok_and(|version| version.status.success()) {
            eprintln!("skipped: there is no terraform");
            return None;
        }
        let up = Self::up(&stack).await;
        let terraform = Self { stack, up };
        let init = terraform.run(&["init", "-input=false"]).await;
        if init.code != Some(0) {
            eprintln!("skipped: terraform has no provider (NEARGATE_TEST_TERRAFORM_PLUGINS): {init:?}");
            return None;
        }
        Some(terraform)
    }

    async fn up(stack: &Stack) -> Running {
        let up = stack.spawn(&["up", "--aws=127.0.0.1:0"]);
        let served = async || {
            let printed = stack.run(&["env", "--shell", "github"]).await;
            (printed.code == Some(0)).then_some(printed)
        };
        until("the APIs are served", served, |_| true).await;
        up
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).await.end().await
    }

    async fn spawn(&self, arguments: &[&str]) -> Running {
        let printed = self.stack.run(&["env", "--shell", "github"]).await.succeeded().stdout;
        let variables = printed.lines().filter(|line| line.starts_with("AWS_"));
        let program =
            [vec!["-u", "AWS_CA_BUNDLE"], variables.collect(), vec!["terraform", "-chdir=terraform"]].concat();
        self.stack.spawn_program("env", &[program, arguments.to_vec()].concat())
    }

    /// The stack's process is killed and started again.
    async fn crash(&mut self) {
        kill(self.up.id(), Signal::KILL);
        self.up = Self::up(&self.stack).await;
    }

    /// Destroys everything, looks at what is left, and ends the stack's process.
    async fn destroy(self, variables: &[&str], look: impl AsyncFnOnce(&Stack)) {
        let arguments = [&["destroy", "-auto-approve", "-input=false", "-no-color"], variables].concat();
        self.run(&arguments).await.succeeded();
        look(&self.stack).await;
        kill(self.up.id(), Signal::INT);
        tokio::time::timeout(Duration::from_secs(60), self.up.end()).await.expect("it ends");
    }

    async fn apply(&self, variables: &[&str]) {
        self.run(&[&["apply", "-auto-approve", "-input=false", "-no-color"], variables].concat()).await.succeeded();
    }

    /// What a plan would change, in Terraform's words; nothing if that is nothing.
    async fn plan(&self, variables: &[&str]) -> Option<String> {
        let arguments = [&["plan", "-detailed-exitcode", "-input=false", "-no-color"], variables].concat();
        let planned = self.run(&arguments).await;
        match planned.code {
            Some(0) => None,
            Some(CHANGES) => Some(planned.stdout),
            _ => panic!("{planned:?}"),
        }
    }
}

#[tokio::test]
async fn a_network_is_applied_survives_a_crash_changes_and_is_destroyed() {
    let stack = Scenario::load_balancer_only().stack();
    let Some(mut terraform) = Terraform::of("network", stack).await else { return };
    terraform.apply(&[]).await;
    assert_eq!(terraform.plan(&[]).await, None, "everything came back as it was made");

    terraform.crash().await;
    assert_eq!(terraform.plan(&[]).await, None, "nothing is lost with the process");

    let narrower = ["-var", "range=192.0.2.0/24"];
    let plan = terraform.plan(&narrower).await.expect("a change is seen");
    assert!(plan.contains("0 to add, 1 to change, 0 to destroy"), "{plan}");
    terraform.apply(&narrower).await;
    assert_eq!(terraform.plan(&narrower).await, None);
    let look = async |stack: &Stack| {
        assert!(!stack.state_folder().join("journal").exists(), "nothing is left of what was destroyed");
    };
    terraform.destroy(&[], look).await;
}

#[tokio::test]
async fn an_application_is_applied_despite_a_crash_answers_changes_and_is_destroyed() {
    let Some(_turn) = engine::turn().await else { return };
    let Some(mut terraform) = Terraform::of("chatkit", Stack::new(|_| {})).await else { return };
    let first = terraform.spawn(&["apply", "-auto-approve", "-input=false"]).await;
    terraform.stack.until("something is made", |view| !view.target_groups.is_empty()).await;
    terraform.crash().await;
    first.end().await;
    terraform.apply(&[]).await;
    assert_eq!(terraform.plan(&[]).await, None, "the next apply converges");

    let serves = |name: &'static str| {
        move |view: &ClusterView| targets(view, name).iter().any(|target| target.state == TargetHealthState::Healthy)
    };
    terraform.stack.until("the back end is healthy", serves("tg-backend")).await;
    terraform.stack.until("the front end is healthy", serves("tg-frontend")).await;
    let answers = async |path: &str| terraform.stack.get(&format!("https://{DOMAIN}{path}")).await;
    assert_eq!(answers("/").await.json()["name"], "frontend");
    assert_eq!(answers("/api/x").await.json()["name"], "backend-1");
    assert_eq!(terraform.stack.get(&format!("http://{DOMAIN}/x")).await.status, 301);

    let hosts = terraform.stack.run(&["hosts"]).await.succeeded().stdout;
    assert!(hosts.contains(&format!("127.0.0.1 {DOMAIN}\n")), "the name of the zone leads here: {hosts}");

    let closed = ["-var", "backend_port=8001"];
    terraform.apply(&closed).await;
    assert_eq!(terraform.plan(&closed).await, None, "a modified rule is the same rule");
    assert_eq!(answers("/api/x").await.status, 504, "its security group lets nobody in");

    let second = ["-var", "release=2", "-var", "api_path=/v2/*"];
    terraform.apply(&second).await;
    assert_eq!(terraform.plan(&second).await, None);
    let name = async || Some(answers("/v2/x").await).filter(|reply| reply.status == 200).map(|reply| reply.json());
    until("the second release answers", name, |reply| reply["name"] == "backend-2").await;
    assert_eq!(answers("/api/x").await.json()["name"], "frontend", "the rule has another path");
    // Of a call that the crash interrupted, Terraform does not know that it was carried out; revisions stay INACTIVE.
    let look = async |stack: &Stack| {
        let view = stack.until("no task is left", |view| view.at_rest).await;
        assert!(view.listeners.is_empty() && view.services.is_empty(), "{view:?}");
    };
    terraform.destroy(&second, look).await;
}
