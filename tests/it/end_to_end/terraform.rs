//! Terraform with its AWS provider against a stack: it applies, plans nothing afterwards, changes, and destroys.
//!
//! It needs `terraform` and the provider: where the machine has them in a folder, `NEARGATE_TEST_TERRAFORM_PLUGINS` names it
//! (Terraform CLI configuration, "filesystem_mirror").

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::scenario::Scenario;
use crate::support::stack::{Output, Running, Stack, kill};
use crate::support::waiting::until;
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
    async fn of(fixture: &str) -> Option<Self> {
        let mut stack = Scenario::load_balancer_only().stack();
        let folder = stack.folder().join("terraform");
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(top().join("fixtures/terraform").join(fixture).join("main.tf"), folder.join("main.tf")).unwrap();
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
        let printed = self.stack.run(&["env", "--shell", "github"]).await.succeeded().stdout;
        let variables = printed.lines().filter(|line| line.starts_with("AWS_"));
        let program =
            [vec!["-u", "AWS_CA_BUNDLE"], variables.collect(), vec!["terraform", "-chdir=terraform"]].concat();
        self.stack.spawn_program("env", &[program, arguments.to_vec()].concat()).end().await
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
    let Some(mut terraform) = Terraform::of("network").await else { return };
    terraform.apply(&[]).await;
    assert_eq!(terraform.plan(&[]).await, None, "everything came back as it was made");

    kill(terraform.up.id(), Signal::KILL);
    terraform.up = Terraform::up(&terraform.stack).await;
    assert_eq!(terraform.plan(&[]).await, None, "nothing is lost with the process");

    let narrower = ["-var", "range=192.0.2.0/24"];
    let plan = terraform.plan(&narrower).await.expect("a change is seen");
    assert!(plan.contains("0 to add, 1 to change, 0 to destroy"), "{plan}");
    terraform.apply(&narrower).await;
    assert_eq!(terraform.plan(&narrower).await, None);

    terraform.run(&["destroy", "-auto-approve", "-input=false", "-no-color"]).await.succeeded();
    let journal = terraform.stack.state_folder().join("journal");
    assert!(!Path::new(&journal).exists(), "nothing is left of what was destroyed");
    kill(terraform.up.id(), Signal::INT);
    tokio::time::timeout(Duration::from_secs(60), terraform.up.end()).await.expect("it ends");
}
