//! Whatever `init` writes, `check` accepts once the variables are set that it lists: over repositories with names, build
//! arguments, environments and secrets of all kinds.

use std::io;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pipeline::paths::join;
use super::pipeline::stage::Wanted;
use super::repository::Repository;
use super::{plan, write};
use neargate_config::{Source, Style, Tasks};

/// One part of an application: a service of one task definition.
#[derive(Clone, Debug)]
struct Part {
    family: String,
    service: String,
    container: String,
    sidecar: bool,
    port: u16,
    image: String,
    environment: Vec<(String, String)>,
    secrets: Vec<(String, Option<String>)>,
    args: Vec<(String, String, usize)>,
    rendered: Vec<(String, String)>,
    style: usize,
}

fn part() -> impl Strategy<Value = Part> {
    let name = "[a-zA-Z][a-zA-Z0-9_-]{0,12}";
    let value = "[ -~éß\u{2028}]{0,14}";
    let names = (
        "[a-zA-Z0-9_-]{1,80}",
        "[a-zA-Z0-9_.${}-]{1,30}",
        name,
        any::<bool>(),
        prop::sample::select(vec![80_u16, 443, 3000, 8000, 5432, 1883, 9000]),
        prop::sample::select(vec![
            "",
            "<IMAGE>",
            "app:latest",
            "1.dkr.ecr.eu-west-1.amazonaws.com/a/b:c",
            "${REGISTRY}/x",
        ]),
    );
    let lists = (
        prop::collection::vec(("[A-Z_]{1,5}", value), 0..3),
        prop::collection::vec(("[A-Z]{6,8}", prop::option::of("[a-z\"$]{1,4}")), 0..3),
        prop::collection::vec(("[A-Za-z_.]{1,6}", value, 0..6_usize), 0..4),
        prop::collection::vec(("[A-Za-z_]{1,5}", "[ -~]{0,10}"), 0..3),
        0..4_usize,
    );
    (names, lists).prop_map(
        |((family, service, container, sidecar, port, image), (environment, secrets, args, rendered, style))| Part {
            family,
            service,
            container,
            sidecar,
            port,
            image: image.to_owned(),
            environment,
            secrets,
            args,
            rendered,
            style,
        },
    )
}

impl Part {
    fn task_definition(&self, index: usize) -> String {
        let mut taken: Vec<String> = Vec::new();
        let mut new = |name: &String| {
            let is_new = !taken.contains(name);
            taken.push(name.clone());
            is_new
        };
        let environment: Vec<Value> = self
            .environment
            .iter()
            .filter(|(name, _)| new(name))
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        let secrets: Vec<Value> = self
            .secrets
            .iter()
            .filter(|(name, _)| new(name))
            .map(|(name, key)| {
                let key = key.as_ref().map(|key| format!(":{key}::")).unwrap_or_default();
                json!({ "name": name, "valueFrom": format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:s{index}-AbCdEf{key}") })
            })
            .collect();
        let mut containers = vec![json!({
            "name": self.container, "image": self.image, "portMappings": [{ "containerPort": self.port }],
            "environment": environment, "secrets": secrets,
        })];
        if self.sidecar {
            containers.push(json!({ "name": format!("{}-cache", self.container), "image": "redis:7", "portMappings": [{ "containerPort": 6379 }] }));
        }
        json!({
            "family": self.family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::111122223333:role/r", "containerDefinitions": containers,
        })
        .to_string()
    }

    /// The steps of the job that builds and deploys it; `service` may be a matrix's.
    fn steps(&self, index: usize) -> Value {
        let quoted = |(name, value, style): &(String, String, usize)| {
            let shell = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`");
            match style {
                0 => format!("--build-arg {name}=\"{shell}\""),
                1 => format!("--build-arg \"{name}={shell}\""),
                2 => format!("--build-arg=\"{name}={shell}\""),
                3 => format!("--build-arg '{name}={}'", value.replace('\'', "")),
                4 => format!("--build-arg {name}=$UNSET_{index}"),
                _ => format!("--build-arg {name}=${{{{ vars.SETTING || github.sha }}}}-$(date)"),
            }
        };
        let folder = format!("part{index}");
        let tag = format!("registry.example.com/part{index}:${{{{ github.sha }}}}");
        let build = match self.style {
            0 => {
                let args: Vec<String> = self.args.iter().map(quoted).collect();
                json!({ "id": "build", "run": format!("docker build {} -t {tag} ./{folder}\necho \"image={tag}\" >> $GITHUB_OUTPUT", args.join(" ")) })
            }
            1 => {
                let args: Vec<String> = self.args.iter().map(quoted).collect();
                json!({ "id": "build", "working-directory": folder, "run": format!("docker buildx build {} --tag={tag} \\\n  . \necho \"::set-output name=image::{tag}\"", args.join(" ")) })
            }
            _ => {
                let args: Vec<String> = self.args.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
                json!({ "id": "build", "uses": "docker/build-push-action@v6", "with": { "context": folder, "tags": tag, "build-args": args.join("\n") } })
            }
        };
        let image = if self.style < 2 { "${{ steps.build.outputs.image }}".to_owned() } else { tag };
        let rendered: Vec<String> = self.rendered.iter().map(|(name, value)| format!("{name}={value}")).collect();
        json!([
            build,
            { "id": "render", "uses": "aws-actions/amazon-ecs-render-task-definition@v1", "with": {
                "task-definition": format!(".aws/part{index}.json"), "container-name": self.container, "image": image,
                "environment-variables": rendered.join("\n") } },
            { "uses": "aws-actions/amazon-ecs-deploy-task-definition@v2", "with": {
                "task-definition": "${{ steps.render.outputs.task-definition }}", "service": self.service, "cluster": "c" } },
        ])
    }
}

fn repository(parts: &[Part], with_workflow: bool) -> Repository {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut jobs = serde_json::Map::new();
    for (index, part) in parts.iter().enumerate() {
        files.push((format!(".aws/part{index}.json"), part.task_definition(index)));
        files.push((format!("part{index}/Dockerfile"), "FROM scratch\n".to_owned()));
        jobs.insert(format!("job{index}"), json!({ "runs-on": "ubuntu-latest", "steps": part.steps(index) }));
    }
    if with_workflow {
        let workflow = json!({ "on": "push", "env": { "A": "b" }, "jobs": jobs });
        files.push((".github/workflows/deploy.yml".to_owned(), workflow.to_string()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Repository::from_files(&files)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_accepted(parts in prop::collection::vec(part(), 1..4), with_workflow in any::<bool>()) {
        let repository = repository(&parts, with_workflow);
        let plan = plan::plan(&repository, "folder", &Wanted::new(None)).expect("there is a task definition");
        let text = write::yaml(&plan);
        let read_file = |path: &Path| {
            let inside = path.strip_prefix("/p").unwrap_or(path).to_string_lossy().into_owned();
            repository.text(&join("", &inside)).map(str::to_owned).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        // Only what it lists is set.
        let env = |name: &str| plan.variables.iter().any(|(known, _)| known == name).then(|| "set".to_owned());
        let loaded = neargate_config::load(Source {
            path: Path::new("neargate.yaml"),
            folder: Path::new("/p"),
            text: &text,
            overrides: &[],
            env_files: None,
            read_file: &read_file,
            unusable_certificate: &|_, _| None,
            env: &env,
            tasks: Tasks::Run,
        });
        if let Err(mistakes) = loaded {
            // A container that is pulled and has no image cannot be helped.
            let helpless = mistakes.items().iter().all(|mistake| mistake.message().contains("image"));
            prop_assert!(helpless, "{}\n{text}", mistakes.render(Style::Plain));
        }
        if with_workflow {
            prop_assert_eq!(plan.services.iter().map(|service| service.builds.len()).sum::<usize>(), plan.services.len());
        }
    }

    #[test]
    fn scripts_of_all_kinds_end(script in "[a-z $(){}\"'`\\\\;&|<>=\n#]{0,80}") {
        let workflow = json!({ "jobs": { "a": { "steps": [{ "run": script }] } } }).to_string();
        let repository = Repository::from_files(&[(".github/workflows/a.yml", &workflow), ("Jenkinsfile", &script), ("Makefile", &script)]);
        let _ = plan::plan(&repository, "folder", &Wanted::new(None));
    }
}
