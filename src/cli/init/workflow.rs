//! What a GitHub workflow says about images: `docker/build-push-action` and `docker build` steps, the render and
//! deploy actions of ECS.

use crate::config::init_support::yaml;
use crate::config::tree::{Node, Value};

/// What one workflow file says.
#[derive(Default)]
pub(super) struct Workflow {
    /// As one would type it.
    pub(super) path: String,
    /// Images that it builds.
    pub(super) builds: Vec<BuildStep>,
    /// Containers that it gives images.
    pub(super) renders: Vec<RenderStep>,
    /// `cluster` of the deploy step.
    pub(super) cluster: Option<String>,
    /// `service` of the deploy step.
    pub(super) service: Option<String>,
}

/// One image that is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildStep {
    /// `id` of the step: other steps may refer to its output.
    pub(super) id: Option<String>,
    pub(super) context: String,
    /// Relative to the repository, as the action has it.
    pub(super) dockerfile: Option<String>,
    /// Expressions of `vars` and `secrets` as `${NAME}`.
    pub(super) args: Vec<(String, String)>,
    pub(super) target: Option<String>,
    /// Without tags.
    pub(super) images: Vec<String>,
}

/// One container that is given an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RenderStep {
    pub(super) container: String,
    pub(super) image: Image,
    pub(super) environment: Vec<(String, String)>,
}

/// Where the image of a render step comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// A name without tag.
    Named(String),
    /// The output of a step.
    Step(String),
    /// Nobody can tell.
    Unknown,
}

impl Workflow {
    /// Whether it was of any use.
    pub(super) fn says_something(&self) -> bool {
        !self.builds.is_empty() || !self.renders.is_empty() || self.service.is_some()
    }
}

/// Reads a workflow; what it does not understand it skips.
pub(super) fn read(path: &str, text: &str) -> Workflow {
    let mut workflow = Workflow { path: path.to_owned(), ..Workflow::default() };
    let Some(root) = yaml(text) else { return workflow };
    let global = variables(root.get("env"), &[]);
    for job in entries(root.get("jobs")) {
        let mut known = global.clone();
        known.extend(variables(job.get("env"), &global));
        let Some(Node { value: Value::List(steps), .. }) = job.get("steps") else { continue };
        for step in steps {
            let mut env = known.clone();
            env.extend(variables(step.get("env"), &known));
            self::step(step, &env, &mut workflow);
        }
    }
    workflow
}

type Variables = Vec<(String, String)>;

fn entries(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let entries = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|entry| &entry.value)
}

fn variables(node: Option<&Node>, known: &[(String, String)]) -> Variables {
    let Some(Node { value: Value::Map(entries), .. }) = node else { return Vec::new() };
    entries.iter().filter_map(|entry| Some((entry.key.clone(), resolve(entry.value.text()?, known)))).collect()
}

fn step(step: &Node, env: &Variables, workflow: &mut Workflow) {
    let id = step.get("id").and_then(Node::text).map(str::to_owned);
    let with =
        |key: &str| step.get("with").and_then(|with| with.get(key)).and_then(Node::text).map(|t| resolve(t, env));
    let uses = step.get("uses").and_then(Node::text).unwrap_or_default();
    let action = uses.split('@').next().unwrap_or_default();
    match action {
        "docker/build-push-action" => workflow.builds.push(BuildStep {
            id,
            context: with("context").unwrap_or_else(|| ".".to_owned()),
            dockerfile: with("file"),
            args: pairs(&with("build-args").unwrap_or_default()),
            target: with("target"),
            images: with("tags").unwrap_or_default().split(['\n', ',']).filter_map(image_name).collect(),
        }),
        "aws-actions/amazon-ecs-render-task-definition" => {
            let image = with("image").map_or(Image::Unknown, |image| image_of(&image));
            let environment = pairs(&with("environment-variables").unwrap_or_default());
            for container in with("container-name").unwrap_or_default().split(',') {
                workflow.renders.push(RenderStep {
                    container: container.trim().to_owned(),
                    image: image.clone(),
                    environment: environment.clone(),
                });
            }
        }
        "aws-actions/amazon-ecs-deploy-task-definition" => {
            workflow.cluster = with("cluster").filter(|name| is_plain(name)).or(workflow.cluster.take());
            workflow.service = with("service").filter(|name| is_plain(name)).or(workflow.service.take());
        }
        _ => {
            if let Some(run) = step.get("run").and_then(Node::text) {
                workflow.builds.extend(docker_build(&resolve(run, env), env, id));
            }
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains("${")
}

/// `${{ env.X }}` as its value; `${{ vars.X }}` and `${{ secrets.X }}` as `${X}`; other expressions as they are.
fn resolve(text: &str, env: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        out.push_str(&rest[..start]);
        let after = &rest[start + 3..];
        let Some(end) = after.find("}}") else {
            out.push_str(&rest[start..]);
            return out;
        };
        let expression = after[..end].trim();
        // `vars.X || 'default'`: the name is what counts.
        let name = expression.split("||").next().unwrap_or_default().trim();
        let known = name.strip_prefix("env.").and_then(|name| env.iter().rev().find(|(key, _)| key == name));
        match (known, name.strip_prefix("vars.").or_else(|| name.strip_prefix("secrets."))) {
            (Some((_, value)), _) => out.push_str(value),
            (None, Some(variable)) => out.push_str(&format!("${{{variable}}}")),
            (None, None) => out.push_str(&format!("${{{{{expression}}}}}")),
        }
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    out
}

/// Lines of `NAME=value`.
fn pairs(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        .filter(|(name, _)| !name.is_empty() && !name.starts_with('#'))
        .collect()
}

fn image_of(text: &str) -> Image {
    if let Some(rest) = text.strip_prefix("${{steps.") {
        return Image::Step(rest.split('.').next().unwrap_or_default().to_owned());
    }
    image_name(text).map_or(Image::Unknown, Image::Named)
}

/// Without tag and digest; `None` when an expression hides the name itself.
fn image_name(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("type=raw,value=");
    let text = text.split('@').next().unwrap_or_default();
    let tag = text.rfind(':').filter(|colon| !text[*colon..].contains('/'));
    let name = &text[..tag.unwrap_or(text.len())];
    (!name.is_empty() && !name.contains("${{steps.")).then(|| name.to_owned())
}

/// `docker build` and `docker buildx build` lines of a script.
fn docker_build(script: &str, env: &Variables, id: Option<String>) -> Vec<BuildStep> {
    let joined = script.replace("\\\n", " ");
    let mut steps = Vec::new();
    for line in joined.lines() {
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
        let build = words
            .windows(2)
            .position(|pair| pair == ["docker", "build"])
            .map(|at| at + 2)
            .or_else(|| words.windows(3).position(|pair| pair == ["docker", "buildx", "build"]).map(|at| at + 3));
        let Some(build) = build else { continue };
        let mut step = BuildStep {
            id: id.clone(),
            context: ".".to_owned(),
            dockerfile: None,
            args: Vec::new(),
            target: None,
            images: Vec::new(),
        };
        let mut words = words[build..].iter().take_while(|word| !matches!(**word, "&&" | "||" | ";" | "|"));
        while let Some(word) = words.next() {
            let (flag, attached) = word.split_once('=').map_or((*word, None), |(flag, value)| (flag, Some(value)));
            let mut value = || attached.map(str::to_owned).or_else(|| words.next().map(|word| (*word).to_owned()));
            match flag {
                "-t" | "--tag" => step.images.extend(value().and_then(|tag| image_name(&shell(&tag, env)))),
                "-f" | "--file" => step.dockerfile = value().map(|file| shell(&file, env)),
                "--target" => step.target = value().map(|target| shell(&target, env)),
                "--build-arg" => step.args.extend(value().map(|pair| pairs(&shell(&pair, env))).unwrap_or_default()),
                "--platform" | "--cache-from" | "--cache-to" | "--label" | "--secret" | "--progress" | "-o"
                | "--output" => {
                    let _ = value();
                }
                flag if flag.starts_with('-') => {}
                context => step.context = shell(context, env),
            }
        }
        steps.push(step);
    }
    steps
}

/// `$NAME` and `${NAME}` of the step's own environment.
fn shell(text: &str, env: &Variables) -> String {
    let mut out = text.to_owned();
    for (name, value) in env.iter().rev() {
        out = out.replace(&format!("${{{name}}}"), value);
        // Only whole names: `$APP` must not eat the start of `$APP_URL`.
        let mut from = 0;
        while let Some(at) = out[from..].find(&format!("${name}")).map(|at| at + from) {
            let end = at + 1 + name.len();
            if out[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                from = end;
            } else {
                out.replace_range(at..end, value);
                from = at + value.len();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_become_values_or_variables() {
        let env = vec![("IMAGE".to_owned(), "ghcr.io/t/app".to_owned())];
        assert_eq!(resolve("${{ env.IMAGE }}:${{ github.sha }}", &env), "ghcr.io/t/app:${{github.sha}}");
        assert_eq!(resolve("${{ vars.A || 'x' }}-${{secrets.B}}", &env), "${A}-${B}");
    }

    #[test]
    fn images_lose_their_tags() {
        assert_eq!(image_name("ghcr.io/t/app:${{github.sha}}"), Some("ghcr.io/t/app".to_owned()));
        assert_eq!(image_name("localhost:5000/app"), Some("localhost:5000/app".to_owned()));
        assert_eq!(image_name("${{steps.meta.outputs.tags}}"), None);
        assert_eq!(image_of("${{steps.build-image.outputs.image}}"), Image::Step("build-image".to_owned()));
    }

    #[test]
    fn a_docker_build_line_is_a_build() {
        let env = vec![("REPO".to_owned(), "app".to_owned())];
        let steps = docker_build(
            "docker build -t $REGISTRY/$REPO:$TAG \\\n  --build-arg A=1 -f docker/Dockerfile . && docker push x",
            &env,
            None,
        );
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].context, ".");
        assert_eq!(steps[0].dockerfile.as_deref(), Some("docker/Dockerfile"));
        assert_eq!(steps[0].args, [("A".to_owned(), "1".to_owned())]);
        assert_eq!(steps[0].images, ["$REGISTRY/app"]);
    }
}
