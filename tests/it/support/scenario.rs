//! Builds small stacks: containers of [`fixtures/target`], each behind its own target group.
//!
//! The first container gets requests that no rule matches; container `api` gets `/api/*`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::stack::{DOMAIN, Stack};

/// The program in all containers.
const SERVER: &str = include_str!("../../../fixtures/target/server.py");
/// The base image of [`container`].
const IMAGE: &str = "python:3.11-slim";

/// The two files of a stack, before they are written, as JSON, which is valid YAML.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) file: Value,
    pub(crate) task: Value,
}

/// A container named `web` on port 80, or any other.
pub(crate) fn container(name: &str, port: u16) -> Value {
    json!({
        "name": name,
        "image": IMAGE,
        "essential": true,
        "command": ["python3", "-c", SERVER],
        "portMappings": [{ "containerPort": port, "protocol": "tcp" }],
        "environment": [{ "name": "NAME", "value": name }, { "name": "PORT", "value": port.to_string() }],
        // A target that does not end by itself must not delay a test.
        "stopTimeout": 2,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "/ecs/scenario",
                "awslogs-region": "us-east-1",
                "awslogs-stream-prefix": "scenario",
            },
        },
    })
}

/// The container with another variable.
pub(crate) fn with(mut container: Value, name: &str, value: &str) -> Value {
    container["environment"].as_array_mut().unwrap().push(json!({ "name": name, "value": value }));
    container
}

impl Scenario {
    /// One service of one task with these containers.
    pub(crate) fn of(containers: Vec<Value>) -> Self {
        let named: Vec<(String, u64)> = containers
            .iter()
            .map(|container| {
                let port = container["portMappings"][0]["containerPort"].as_u64().unwrap();
                (container["name"].as_str().unwrap().to_owned(), port)
            })
            .collect();
        let group = |name: &str| format!("tg-{name}");
        let groups: Map<String, Value> = named
            .iter()
            .map(|(name, port)| {
                let check = json!({ "path": "/health", "interval": 5, "timeout": 2, "unhealthy_threshold": 2 });
                (group(name), json!({ "protocol": "HTTP", "port": port, "target_type": "ip", "health_check": check }))
            })
            .collect();
        let rules: Vec<Value> = named[1..]
            .iter()
            .enumerate()
            .map(|(index, (name, _))| {
                let condition = json!({ "path_pattern": [format!("/{name}/*")] });
                json!({ "priority": index + 1, "conditions": [condition], "action": { "forward": group(name) } })
            })
            .collect();
        let anyone = |port: u16| json!({ "protocol": "tcp", "port": port, "cidr": "0.0.0.0/0" });
        let open: Vec<Value> = named
            .iter()
            .map(|(_, port)| json!({ "protocol": "tcp", "port": port, "security_group": "alb-sg" }))
            .collect();
        let bindings: Vec<Value> = named
            .iter()
            .map(|(name, port)| json!({ "target_group": group(name), "container": name, "port": port }))
            .collect();
        let https = json!({ "redirect": { "protocol": "HTTPS", "port": 443, "status_code": "HTTP_301" } });
        Self {
            file: json!({
                "name": "scenario",
                "domain": DOMAIN,
                "security_groups": {
                    "alb-sg": { "ingress": [anyone(80), anyone(443)] },
                    "fargate-sg": { "ingress": open },
                },
                "target_groups": groups,
                "load_balancer": {
                    "security_groups": ["alb-sg"],
                    "listeners": [
                        { "port": 80, "protocol": "HTTP", "default_action": https },
                        {
                            "port": 443,
                            "protocol": "HTTPS",
                            "default_action": { "forward": group(&named[0].0) },
                            "rules": rules,
                        },
                    ],
                },
                "cluster": "scenario",
                "services": {
                    "service": {
                        "task_definition": "task-definition.json",
                        "desired_count": 1,
                        "security_groups": ["fargate-sg"],
                        "load_balancers": bindings,
                    },
                },
            }),
            task: json!({
                "family": "scenario",
                "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"],
                "cpu": "256",
                "memory": "512",
                "executionRoleArn": "arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
                "containerDefinitions": containers,
            }),
        }
    }

    /// `web` on port 80 and `api` on port 8000.
    pub(crate) fn web_and_api() -> Self {
        Self::of(vec![container("web", 80), container("api", 8000)])
    }

    /// Only the load balancer, with no targets and no engine.
    pub(crate) fn load_balancer_only() -> Self {
        let mut scenario = Self::of(vec![container("web", 80)]);
        let file = scenario.file.as_object_mut().unwrap();
        for part in ["services", "target_groups", "cluster"] {
            file.remove(part);
        }
        let fine = json!({ "status_code": 200, "content_type": "text/plain", "message_body": "fine" });
        scenario.file["load_balancer"]["listeners"][1]["default_action"] = json!({ "fixed_response": fine });
        scenario
    }

    /// The service's settings.
    pub(crate) fn service(&mut self) -> &mut Value {
        &mut self.file["services"]["service"]
    }

    /// The rules of the listener on 443.
    pub(crate) fn rules(&mut self) -> &mut Vec<Value> {
        self.file["load_balancer"]["listeners"][1]["rules"].as_array_mut().unwrap()
    }

    /// A project with these files, not started.
    pub(crate) fn stack(&self) -> Stack {
        Stack::new(|folder| self.write(folder))
    }

    /// Writes the files, replacing existing ones.
    pub(crate) fn write(&self, folder: &Path) {
        let text = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        std::fs::write(folder.join("neargate.yaml"), text(&self.file)).unwrap();
        std::fs::write(folder.join("task-definition.json"), text(&self.task)).unwrap();
    }
}
