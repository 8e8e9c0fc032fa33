//! What is asked about a container, what an answer is, and where it was found.

/// What is asked about one container behind the load balancer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'q> {
    /// Its name in the task definition.
    pub(crate) container: &'q str,
    /// The ECS service it runs in, if anything names it.
    pub(crate) service: Option<&'q str>,
    /// The container's port that the target group uses.
    pub(crate) port: u16,
    /// The image as the task definition names it.
    pub(crate) image: &'q str,
    /// The build context, from the root of the repository; `None` when the image is pulled.
    pub(crate) context: Option<&'q str>,
    /// The Dockerfile, from the root of the repository.
    pub(crate) dockerfile: Option<&'q str>,
    /// The stage that is built, if not the last one.
    pub(crate) target: Option<&'q str>,
    /// The task definition's file, from the root of the repository.
    pub(crate) task_definition: &'q str,
    /// Words of its own `healthCheck` there.
    pub(crate) health_command: Option<&'q str>,
    /// Whether no other container is behind the load balancer: then what names no container means this one.
    pub(crate) only: bool,
}

/// An answer, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The path to ask for.
    pub(crate) path: String,
    /// Statuses that count as healthy, if the source says so or 200 would not do.
    pub(crate) matcher: Option<String>,
    /// `file:line`, from the root of the repository.
    pub(crate) place: String,
    /// The end of the sentence "health check /health for `api`: …".
    pub(crate) why: &'static str,
}

impl Evidence {
    pub(super) fn new(path: impl Into<String>, place: String, why: &'static str) -> Self {
        Self { path: path.into(), matcher: None, place, why }
    }
}

/// `file:line` of a byte.
pub(crate) fn place(path: &str, text: &str, at: usize) -> String {
    format!("{path}:{}", text[..at.min(text.len())].matches('\n').count() + 1)
}

/// Words of a name: `web-svc` and `webSvc` both have `web` and `svc`.
pub(crate) fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase());
        if starts && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.push(c.to_ascii_lowercase()));
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

/// Joins and simplifies: `a/b` and `../c` are `a/c`. What leads out of the repository is `None`.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a file; empty for the root.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether the path lies in the folder; the root holds everything.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    matches!(folder, "" | ".") || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
