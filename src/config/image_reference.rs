//! Decides whether an image name in a file can be pulled, or is a placeholder that a pipeline fills in.
//!
//! The grammar is that of the distribution project's `reference` package, which Docker, containerd and ECS's agent use:
//! `[registry/]path[:tag][@digest]`. Names that it refuses can never be pulled; neither can some that it accepts.

use std::sync::LazyLock;

use regex::Regex;

/// Why an image name cannot be pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// The problem, as the end of a sentence.
    pub(crate) why: String,
    /// Whether the name is a template or an example.
    pub(crate) is_placeholder: bool,
    /// The name that was probably intended.
    pub(crate) instead: Option<String>,
}

impl Unusable {
    fn placeholder(why: impl Into<String>) -> Option<Self> {
        Some(Self { why: why.into(), is_placeholder: true, instead: None })
    }

    fn name(why: impl Into<String>) -> Option<Self> {
        Some(Self { why: why.into(), is_placeholder: false, instead: None })
    }
}

/// The path of a repository, its tag and its digest.
static REST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let part = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
    Regex::new(&format!("^{part}(?:/{part})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{digest})?$")).ok()
});

/// A registry: a host's name or address, and a port.
static REGISTRY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
    Regex::new(&format!("^(?:{label}(?:\\.{label})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$")).ok()
});

/// `111122223333.dkr.ecr.us-east-1.amazonaws.com`, with its dual-stack, FIPS and China forms (Amazon ECR user guide,
/// "Private registry").
static ECR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let region = "[a-z]{2,4}(?:-[a-z]+)+-[0-9]";
    Regex::new(&format!("^[0-9]{{12}}\\.dkr[.-]ecr(?:-fips)?\\.{region}\\.(?:amazonaws\\.com(?:\\.cn)?|on\\.aws|on\\.amazonwebservices\\.com\\.cn)$")).ok()
});

fn matches(regex: &Option<Regex>, text: &str) -> bool {
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// Why this name cannot be pulled; `None` if it can.
pub(crate) fn unusable(image: &str) -> Option<Unusable> {
    if image.is_empty() {
        return Unusable::placeholder("it is empty");
    }
    if let Some(found) = page(image) {
        return Some(found);
    }
    let marks = ["<", ">", "{", "}", "$", "%", "[image", "#{"];
    if let Some(mark) = marks.iter().find(|mark| image.to_ascii_lowercase().contains(**mark)) {
        return Unusable::placeholder(format!("`{mark}` is template syntax"));
    }
    if image.chars().any(char::is_whitespace) {
        return Unusable::name("it has a space in it");
    }
    let (registry, rest) = split(image);
    if let Some(registry) = registry {
        let is_ecr = registry.contains(".dkr.ecr") || registry.contains(".dkr-ecr");
        if is_ecr && !matches(&ECR, registry) {
            return Unusable::placeholder(format!(
                "`{registry}` is not a registry of ECR: the 12 digits of an account and a region belong there"
            ));
        }
        if !matches(&REGISTRY, registry) {
            return Unusable::name(format!("`{registry}` is not the name of a registry"));
        }
    }
    let path = rest.split(['@', ':']).next().unwrap_or(rest);
    if path.chars().any(|character| character.is_ascii_uppercase()) {
        return Unusable::placeholder("repository names are lowercase");
    }
    if !matches(&REST, rest) {
        return Unusable::name("it is not the name of an image: [registry/]path[:tag][@digest]");
    }
    None
}

/// Whether a name that could be pulled looks like a placeholder.
pub(crate) fn reads_like_a_placeholder(image: &str) -> bool {
    const WORDS: [&str; 10] = [
        "placeholder",
        "replace-me",
        "replaceme",
        "replace_me",
        "changeme",
        "change-me",
        "your-image",
        "your-repo",
        "image-name",
        "to-be-replaced",
    ];
    let image = image.to_ascii_lowercase();
    WORDS.iter().any(|word| image.contains(word))
}

/// Splits the registry from the rest. A first part is a registry only if it cannot be a Docker Hub user.
fn split(image: &str) -> (Option<&str>, &str) {
    match image.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, image),
    }
}

/// Recognises the address of a page, as copied from a browser.
fn page(image: &str) -> Option<Unusable> {
    let without_scheme = image.split_once("://").map(|(_, rest)| rest);
    let rest = without_scheme.unwrap_or(image);
    let hub = ["hub.docker.com/r/", "hub.docker.com/_/", "hub.docker.com/repository/docker/"];
    let name = hub.iter().find_map(|start| rest.strip_prefix(start));
    if name.is_none() && without_scheme.is_none() {
        return None;
    }
    let words: Vec<&str> = name.unwrap_or(rest).split(['/', '?', '#']).take(2).collect();
    let instead = match (name, words.as_slice()) {
        (Some(_), [user, repository]) if *repository != "tags" && !repository.is_empty() => {
            Some(format!("{user}/{repository}"))
        }
        (Some(_), [name, ..]) => Some((*name).to_owned()),
        _ => without_scheme.map(|rest| rest.trim_end_matches('/').to_owned()),
    };
    let why = if name.is_some() { "it is the address of a Docker Hub page" } else { "it is the address of a web page" };
    let instead = instead.filter(|name| unusable(name).is_none());
    Some(Unusable { why: why.to_owned(), is_placeholder: false, instead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_pulled_are_taken() {
        for image in [
            "nginx",
            "nginx:1.27-alpine",
            "me/app",
            "ghcr.io/org/app:main",
            "localhost/app",
            "localhost:5000/app",
            "[::1]:5000/app",
            "public.ecr.aws/docker/library/nginx:stable",
            "111122223333.dkr.ecr.eu-north-1.amazonaws.com/app:1",
            "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app",
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/app",
            "111122223333.dkr-ecr.us-west-2.on.aws/app",
            "app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "ghcr.io/o/app:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "Registry.Example.com/app:TAG_1",
            "gcr.io/a-b/c__d/e.f",
        ] {
            assert_eq!(unusable(image), None, "{image}");
        }
    }

    #[test]
    fn what_a_pipeline_fills_in_is_known() {
        for image in [
            "",
            "<IMAGE1_NAME>",
            "<IMAGE>",
            "PLACEHOLDER",
            "IMAGE_PLACEHOLDER",
            "REPLACE_WITH_IMAGE_URL",
            "OWNER/REPO",
            "ghcr.io/OWNER/REPO-backend:master",
            "ACCOUNT_ID.dkr.ecr.REGION.amazonaws.com/x:latest",
            "xxxxxxxxxxxx.dkr.ecr.us-east-1.amazonaws.com/app:latest",
            "111122223333.dkr.ecr.region.amazonaws.com/app",
            "${ECR_REGISTRY}/x",
            "$IMAGE",
            "{{image}}",
            "%IMAGE%",
            "[IMAGE_URL]",
        ] {
            assert!(unusable(image).is_some_and(|found| found.is_placeholder), "{image:?}: {:?}", unusable(image));
        }
        assert!(reads_like_a_placeholder("image-placeholder:latest") && !reads_like_a_placeholder("nginx:stable"));
    }

    #[test]
    fn what_is_no_name_of_an_image_is_said_to_be_none() {
        for image in ["my image", "app:", "app:-1", "a//b", "-app", "app@sha256:ab", "ht!tp/app", "a.b_c/app:1"] {
            assert!(unusable(image).is_some_and(|found| !found.is_placeholder), "{image:?}: {:?}", unusable(image));
        }
    }

    #[test]
    fn the_address_of_a_page_leads_to_the_name() {
        for (image, name) in [
            ("https://hub.docker.com/r/me/app", Some("me/app")),
            ("https://hub.docker.com/r/me/app/tags", Some("me/app")),
            ("https://hub.docker.com/_/nginx", Some("nginx")),
            ("hub.docker.com/r/me/app", Some("me/app")),
            ("https://hub.docker.com/repository/docker/me/app/general", Some("me/app")),
            ("https://ghcr.io/me/app:1", Some("ghcr.io/me/app:1")),
            ("https://example.com/A B", None),
        ] {
            assert_eq!(unusable(image).unwrap().instead.as_deref(), name, "{image}");
        }
    }
}
