//! Which image of which container is built, and from what.

use super::dockerfiles;
use crate::pipeline::compose;
use crate::pipeline::found::{Build, Pipeline};
use crate::pipeline::paths::{name, parent};
use crate::pipeline::stage::{Stage, Wanted, stage_of, words};
use crate::pipeline::text::{self, Text, untagged};
use crate::repository::Repository;

/// A container that needs an image.
#[derive(Clone, Debug)]
pub(super) struct Need<'n> {
    pub(super) container: &'n str,
    /// What else tells which part of the application it is: service, family, file of the task definition.
    pub(super) hints: Vec<String>,
    /// The image as it is deployed.
    pub(super) image: Text,
    /// Whether the pipeline put it there.
    pub(super) rendered: bool,
    /// The job that deploys it.
    pub(super) job: Option<usize>,
}

/// What is built for a container, and how that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) build: Build,
    pub(super) why: String,
}

/// Everything that is built in the repository.
pub(super) struct Builds<'b> {
    repository: &'b Repository,
    pipeline: &'b Pipeline,
    wanted: &'b Wanted,
    /// Those whose Dockerfile is there.
    there: Vec<&'b Build>,
    composed: Vec<Build>,
}

impl<'b> Builds<'b> {
    pub(super) fn new(repository: &'b Repository, pipeline: &'b Pipeline, wanted: &'b Wanted) -> Self {
        let there = pipeline.builds.iter().filter(|build| repository.has(&build.dockerfile)).collect();
        let mut files = compose::files(repository);
        files.sort_by_key(|file| (file.matches('/').count(), wanted.rank(name(file))));
        let mut composed: Vec<Build> = files
            .into_iter()
            .flat_map(|file| compose::of_file(repository, file, &|_| None))
            .map(|service| {
                let place = service.place.clone();
                let mut build = service.into_build(place, 0, None);
                // A stage for development is not what is deployed.
                let aside = [Some(Stage::Development), Some(Stage::Test)];
                let meant = |target: &String| wanted.is_meant_by(target) == Some(true);
                build.target = build.target.filter(|target| meant(target) || !aside.contains(&stage_of(target)));
                // Compose files are written for a laptop; what is deployed may have a Dockerfile beside theirs.
                if let Some(better) = dockerfiles::variant_of(repository, &build.dockerfile, wanted) {
                    build.dockerfile = better;
                }
                build
            })
            .filter(|build| repository.has(&build.dockerfile))
            .collect();
        // A service of several files of one folder is one service.
        let mut known: Vec<(String, Vec<String>)> = Vec::new();
        composed.retain(|build| {
            let service = (parent(&build.place.file).to_owned(), build.names.clone());
            let new = !known.contains(&service);
            known.push(service);
            new
        });
        Self { repository, pipeline, wanted, there, composed }
    }

    /// What builds the image of a container; `others` is how many more containers need one.
    pub(super) fn find(&self, need: &Need<'_>, others: usize) -> Option<Found> {
        self.by_image(need)
            .or_else(|| self.by_step(need))
            .or_else(|| self.by_name(need, &self.there, "a build step mentions it"))
            .or_else(|| self.only(need, others))
            .or_else(|| {
                let composed: Vec<&Build> = self.composed.iter().collect();
                self.by_name(need, &composed, "a Compose service mentions it")
            })
            .or_else(|| self.by_dockerfile(need, others))
            .map(|found| self.with_what_it_copies(found))
    }

    /// A pipeline may name a folder from which nothing can be built: it never ran, or something is put there first.
    fn with_what_it_copies(&self, mut found: Found) -> Found {
        if let Some(better) = dockerfiles::better_context(self.repository, &found.build) {
            let shown = if better.is_empty() { "the root" } else { &better };
            found.why = format!("{}; its COPY sources are in {shown}", found.why);
            found.build.context = better;
        }
        found
    }

    /// A build whose tag is the image that is deployed, under this name or one that it got later.
    fn by_image(&self, need: &Need<'_>) -> Option<Found> {
        let (names, loaded) = self.names_of(&need.image);
        let builds = |build: &&&Build, same: fn(&str, &str) -> bool| {
            build.images.iter().any(|image| names.iter().any(|name| same(image, name)))
        };
        let whole: fn(&str, &str) -> bool = |left, right| left == right && !text::known_part(left).is_empty();
        let exact: fn(&str, &str) -> bool = |left, right| {
            let (left, right) = (untagged(left), untagged(right));
            let named = !text::known_part(left).is_empty() || text::unknowns(left).any(|what| what.starts_with("job"));
            left == right && named
        };
        let similar: fn(&str, &str) -> bool = |left, right| same_image(untagged(left), untagged(right));
        let mut found: Vec<&Build> = Vec::new();
        for same in [whole, exact, similar] {
            found = self.there.iter().filter(|build| builds(build, same)).copied().collect();
            if !found.is_empty() {
                break;
            }
        }
        if found.is_empty() && loaded {
            found = self.unclaimed();
        }
        // Of several, the one in the job that deploys, then the one whose names speak of the container.
        found.sort_by_key(|build| (Some(build.job) != need.job, usize::MAX - self.shared(need, build)));
        let first = found.first()?;
        let why =
            if need.rendered { "builds the image that is inserted into it" } else { "builds the image that it names" };
        Some(Found { build: (*first).clone(), why: format!("{} {why}", first.place) })
    }

    /// The names that an image had before it got this one, and whether one of them is only known to the engine
    /// (`docker load`, `docker images | grep …`).
    fn names_of(&self, image: &str) -> (Vec<String>, bool) {
        let mut names: Vec<String> = vec![image.to_owned()];
        let mut loaded = false;
        for _ in 0..4 {
            // The very tag says more than the name without it.
            let whole: Vec<&(Text, Text)> =
                self.pipeline.tags.iter().filter(|(_, to)| names.iter().any(|name| name == to)).collect();
            let tags = if whole.is_empty() {
                let similar = |to: &str| names.iter().any(|name| same_image(untagged(to), untagged(name)));
                self.pipeline.tags.iter().filter(|(_, to)| similar(to)).collect()
            } else {
                whole
            };
            for (from, _) in tags {
                loaded |= text::known_part(from).is_empty();
                if !names.contains(from) {
                    names.push(from.clone());
                }
            }
        }
        (names, loaded)
    }

    /// Builds whose image gets no other name, if they are all the same.
    fn unclaimed(&self) -> Vec<&'b Build> {
        let claimed = |build: &Build| {
            build.images.iter().any(|image| {
                let claims = |(from, _): &(Text, Text)| {
                    !text::known_part(from).is_empty() && same_image(untagged(from), untagged(image))
                };
                self.pipeline.tags.iter().any(claims)
            })
        };
        let left: Vec<&Build> = self.there.iter().filter(|build| !claimed(build)).copied().collect();
        let alike = left.iter().all(|build| same_build(build, left[0]));
        if alike { left } else { Vec::new() }
    }

    /// The image is what a step gives, and that step builds one.
    fn by_step(&self, need: &Need<'_>) -> Option<Found> {
        let origin = text::unknowns(&need.image).find(|what| what.starts_with("job") && what.contains(".steps."))?;
        let (job, rest) = origin.strip_prefix("job")?.split_once(".steps.")?;
        let step = rest.split('.').next()?;
        let job: usize = job.parse().ok()?;
        let build = self.there.iter().find(|build| build.job == job && build.step.as_deref() == Some(step))?;
        let why = format!("{} is the step whose image the workflow inserts into it", build.place);
        Some(Found { build: (*build).clone(), why })
    }

    /// The build that shares most words with the container; none if two share as many.
    fn by_name(&self, need: &Need<'_>, builds: &[&Build], why: &str) -> Option<Found> {
        let mut ranked: Vec<(usize, &Build)> = builds.iter().map(|build| (self.shared(need, build), *build)).collect();
        ranked.sort_by_key(|(shared, build)| (usize::MAX - shared, Some(build.job) != need.job));
        let (shared, best) = *ranked.first()?;
        let rival = ranked.iter().any(|(other, build)| *other == shared && !same_build(build, best));
        (shared > 0 && !rival).then(|| Found { build: best.clone(), why: format!("{why} ({})", best.place) })
    }

    fn shared(&self, need: &Need<'_>, build: &Build) -> usize {
        let mut theirs: Vec<String> = words(&text::known_part(&build.context));
        theirs.extend(words(&text::known_part(&build.dockerfile)));
        theirs.extend(build.names.iter().flat_map(|name| words(name)));
        theirs.extend(build.images.iter().flat_map(|image| words(name(&text::known_part(untagged(image))))));
        theirs.extend(build.step.iter().flat_map(|step| words(step)));
        let mut own = words(need.container);
        own.extend(words(name(&text::known_part(untagged(&need.image)))));
        own.sort();
        own.dedup();
        let hints: Vec<String> = need.hints.iter().flat_map(|hint| words(hint)).collect();
        let telling = |word: &&String| !EMPTY_WORDS.contains(&word.as_str()) && theirs.contains(word);
        own.iter().filter(telling).count() * 3 + hints.iter().filter(telling).count().min(2)
    }

    /// The only image that is built, for the only container that needs one.
    fn only(&self, need: &Need<'_>, others: usize) -> Option<Found> {
        let in_job: Vec<&Build> = self.there.iter().filter(|build| Some(build.job) == need.job).copied().collect();
        for builds in [&in_job, &self.there] {
            let Some(first) = builds.first() else { continue };
            if others == 0 && builds.iter().all(|build| same_build(build, first)) {
                let why = format!("{} builds the only image", first.place);
                return Some(Found { build: (*first).clone(), why });
            }
        }
        None
    }

    /// For the only container that is left: what builds none of the others.
    pub(super) fn left_over(&self, taken: &[Build]) -> Option<Found> {
        let free = |build: &Build| !taken.iter().any(|other| same_build(other, build));
        let built: Vec<&Build> = self.there.iter().copied().filter(|build| free(build)).collect();
        if let Some(first) = built.first().filter(|first| built.iter().all(|build| same_build(build, first))) {
            let why = format!("{} builds the only remaining image", first.place);
            return Some(Found { build: (*first).clone(), why });
        }
        let all = dockerfiles::find(self.repository, self.wanted);
        let root = all.into_iter().find(|path| parent(path).is_empty())?;
        let build = dockerfiles::build(self.repository, root);
        free(&build)
            .then(|| Found { build, why: "no pipeline builds it, but this Dockerfile is the only one left".to_owned() })
    }

    /// A Dockerfile that no pipeline mentions.
    fn by_dockerfile(&self, need: &Need<'_>, others: usize) -> Option<Found> {
        let mut spoken = words(need.container);
        spoken.extend(need.hints.iter().flat_map(|hint| words(hint)));
        let all = dockerfiles::usual(dockerfiles::find(self.repository, self.wanted), &spoken);
        let builds: Vec<Build> = all.iter().map(|path| dockerfiles::build(self.repository, path)).collect();
        let references: Vec<&Build> = builds.iter().collect();
        if let Some(found) = self.by_name(need, &references, "its folder or name mentions it") {
            return Some(found);
        }
        let usual = builds
            .iter()
            .find(|build| parent(&build.dockerfile).is_empty() && dockerfiles::subject(&build.dockerfile).is_empty());
        match (usual, builds.as_slice()) {
            (Some(usual), _) if others == 0 => Some(Found {
                build: usual.clone(),
                why: "no pipeline builds it, but this Dockerfile is in its folder".to_owned(),
            }),
            (_, [only]) if others == 0 => Some(Found {
                build: only.clone(),
                why: "no pipeline builds it, but this is the only Dockerfile".to_owned(),
            }),
            _ => None,
        }
    }
}

/// Words that every build may have.
const EMPTY_WORDS: &[&str] = &[
    "app",
    "apps",
    "aws",
    "build",
    "container",
    "definition",
    "deploy",
    "docker",
    "dockerfile",
    "ecr",
    "ecs",
    "fargate",
    "image",
    "images",
    "json",
    "latest",
    "packages",
    "prod",
    "production",
    "repo",
    "repository",
    "service",
    "services",
    "src",
    "task",
    "dev",
    "staging",
];

fn same_build(left: &Build, right: &Build) -> bool {
    left.context == right.context && left.dockerfile == right.dockerfile
}

/// The same repository in registries of which one is not known, or is another account's.
fn same_image(left: &str, right: &str) -> bool {
    let (left, right) = (repository_of(left), repository_of(right));
    if !text::is_known(left) || !text::is_known(right) || left.is_empty() || right.is_empty() {
        return left == right && !text::known_part(left).is_empty();
    }
    left.eq_ignore_ascii_case(right)
}

/// An image's name without its registry.
fn repository_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((registry, rest))
            if registry.contains(['.', ':']) || registry == "localhost" || !text::is_known(registry) =>
        {
            rest
        }
        _ => image,
    }
}

/// Images that are pulled wherever the application runs.
pub(super) fn is_public(image: &str) -> bool {
    if !text::is_known(image) {
        return false;
    }
    let name = untagged(image);
    let official = [
        "adminer",
        "alpine",
        "busybox",
        "caddy",
        "cassandra",
        "consul",
        "debian",
        "elasticsearch",
        "envoyproxy",
        "haproxy",
        "httpd",
        "kibana",
        "mariadb",
        "memcached",
        "mongo",
        "mysql",
        "nats",
        "neo4j",
        "nginx",
        "phpmyadmin",
        "node",
        "php",
        "postgres",
        "python",
        "rabbitmq",
        "redis",
        "registry",
        "ruby",
        "solr",
        "sonarqube",
        "tomcat",
        "traefik",
        "ubuntu",
        "vault",
        "wordpress",
        "zookeeper",
    ];
    let vendors = [
        "amazon/",
        "bitnami/",
        "datadog/",
        "fluent/",
        "grafana/",
        "hashicorp/",
        "jaegertracing/",
        "library/",
        "minio/",
        "newrelic/",
        "opensearchproject/",
        "otel/",
        "prom/",
        "public.ecr.aws/",
        "quay.io/",
        "mcr.microsoft.com/",
        "gcr.io/datadoghq/",
        "docker.io/library/",
        "docker.elastic.co/",
        "confluentinc/",
        "phpmyadmin/",
        "eclipse-mosquitto",
    ];
    let own_public = name.strip_prefix("public.ecr.aws/").is_some_and(|rest| {
        // A public registry of one's own has an alias that is a letter and six more.
        let alias = rest.split('/').next().unwrap_or_default();
        alias.len() == 8 && alias.chars().any(|c| c.is_ascii_digit()) && alias != "docker"
    });
    official.contains(&name) || (vendors.iter().any(|vendor| name.starts_with(vendor)) && !own_public)
}
