//! Decides which image a container runs on this machine: its origin and its local name.
//!
//! The name in a task definition belongs to AWS: it is in a registry, or a pipeline fills it in. Images that are built
//! here never use it. Otherwise any image with that name (an older build, another project's, a pulled one) could be
//! mistaken for the image that the file describes.

use neargate_model::arn::fingerprint;
use neargate_model::service::{Build, Service};
use neargate_model::task_definition::ContainerDefinition;
use neargate_model::{ContainerName, ProjectName, ServiceName};

/// The maximum length of a part that is used unchanged. Three of them stay below the 255 characters of a repository's
/// name.
const LONGEST_PART: usize = 60;

/// The origin of a container's image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    /// Built here.
    Build {
        /// The container for which the file defines the build.
        container: &'a ContainerName,
        /// How to build it.
        build: &'a Build,
    },
    /// Pulled under this name if it is missing.
    Registry(&'a str),
}

/// The origin of a container's image: its own `build`, its own `image` in the file, the build of another container of
/// the task with the same image (on AWS they run the same one), or the registry.
pub fn source<'a>(service: &'a Service, container: &'a ContainerDefinition) -> Source<'a> {
    if let Some((container, build)) = service.builds.get_key_value(&container.name) {
        return Source::Build { container, build };
    }
    if let Some(image) = service.images.get(&container.name) {
        return Source::Registry(image);
    }
    let shares = |other: &&ContainerDefinition| !container.image.is_empty() && other.image == container.image;
    let built = service.task_definition.containers.iter().filter(shares);
    match built.filter_map(|other| service.builds.get_key_value(&other.name)).next() {
        Some((container, build)) => Source::Build { container, build },
        None => Source::Registry(&container.image),
    }
}

/// Whether the image is pulled with the task definition's `repositoryCredentials`, which are only for the image named
/// there.
pub fn uses_credentials(service: &Service, container: &ContainerDefinition) -> bool {
    matches!(source(service, container), Source::Registry(_)) && !service.images.contains_key(&container.name)
}

/// The image's name on this machine.
pub fn reference(
    project: &ProjectName,
    service_name: &ServiceName,
    service: &Service,
    container: &ContainerDefinition,
) -> String {
    match source(service, container) {
        Source::Build { container, .. } => {
            let parts = [project.as_str(), service_name.as_str(), container.as_str()].map(part);
            format!("{REPOSITORY}/{}:latest", parts.join("/"))
        }
        Source::Registry(image) => image.to_owned(),
    }
}

/// The beginning of the names of images that are built here. Three more parts follow. No image that can be pulled has
/// such a name: a repository on Docker Hub has two parts in all, and on any other registry its name begins with a host,
/// which contains a dot or a colon or is `localhost`. The slashes tell `a` and `b-c` from `a-b` and `c`.
pub const REPOSITORY: &str = "neargate";

/// The project's part of a name, to find all its images.
pub fn project_part(project: &ProjectName) -> String {
    part(project.as_str())
}

/// A name as part of a repository's name: lower-case letters and digits with single separators between them (OCI
/// distribution specification, "Pulling manifests"). Other names are adapted, with a hash of the original.
fn part(name: &str) -> String {
    let is_letter = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let fits = name.len() <= LONGEST_PART
        && name.chars().all(|character| is_letter(character) || matches!(character, '-' | '_'))
        && name.split(['-', '_']).all(|word| !word.is_empty());
    if fits {
        return name.to_owned();
    }
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|character| !is_letter(character)).filter(|word| !word.is_empty()).collect();
    let mut text = words.join("-");
    text.truncate(LONGEST_PART);
    format!("{text}-{:08x}", fingerprint(&[name]) as u32).trim_start_matches('-').replace("--", "-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fits_stays_and_what_does_not_keeps_what_tells_it_apart() {
        assert_eq!(part("chatkit-service"), "chatkit-service");
        assert_eq!(part("a_b"), "a_b");
        for (name, other) in [("Web", "web"), ("a--b", "a-b"), ("a_-b", "a-b"), ("web-", "web"), ("_", "-")] {
            assert_ne!(part(name), part(other));
        }
        assert!(part("Web").starts_with("web-"), "{}", part("Web"));
    }

    proptest! {
        #[test]
        fn a_part_is_always_one_that_a_registry_would_take(name in "[a-zA-Z0-9_-]{1,255}") {
            let part = part(&name);
            let grammar = regex::Regex::new("^[a-z0-9]+([-_][a-z0-9]+)*$").unwrap();
            prop_assert!(grammar.is_match(&part) && part.len() <= LONGEST_PART + 9, "{name:?} became {part:?}");
        }
    }
}
