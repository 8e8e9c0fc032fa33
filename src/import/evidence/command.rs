//! A command that asks whether a container is well (`curl -f http://localhost:8000/health`): the path it asks for.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::question::{Question, folder_of, is_below};
use crate::repository::Repository;

/// Scripts of the repository, which a command may call.
pub(super) struct Scripts<'r> {
    /// Path and text.
    files: Vec<(&'r str, &'r str)>,
}

impl<'r> Scripts<'r> {
    /// Those that can be in the container's image; beside the Dockerfile first.
    pub(super) fn new(repository: &'r Repository, question: &Question<'_>) -> Self {
        let beside = question.dockerfile.map(folder_of);
        let context = question.context.unwrap_or("");
        let mut files: Vec<(&str, &str)> =
            repository.texts_below(context).filter(|(path, _)| Self::is_script(path)).collect();
        files
            .sort_by_key(|(path, _)| (!beside.is_some_and(|folder| is_below(path, folder)), path.matches('/').count()));
        Self { files }
    }

    fn is_script(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.rsplit_once('.')
            .is_some_and(|(_, extension)| matches!(extension, "sh" | "js" | "mjs" | "cjs" | "ts" | "py" | "rb" | "php"))
    }

    /// The script that a word of a command names.
    fn named(&self, word: &str) -> Option<&'r str> {
        let name = word.rsplit('/').next().filter(|name| Self::is_script(name))?;
        self.files.iter().find(|(path, _)| path.rsplit('/').next() == Some(name)).map(|(_, text)| *text)
    }
}

/// `http://localhost:8000/health`, in its many spellings.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix) (?: (?<scheme>https?) :// )? \b
        (?: localhost | 127\.0\.0\.1 | 0\.0\.0\.0 | \[::1?\] | host\.docker\.internal )
        (?: : (?: (?<port>\d{2,5}) \b | \$\{[^}]*\} | \$\w+ | \{\w+\} | ['"`]\s*[+.]\s*[^'"`]{1,60}?\s*[+.]\s*['"`] ) )?
        (?<path> / [^\s"'`|;)&<>\\,]* )?"#,
    )
    .expect("a constant pattern that compiles")
});

/// `$HOSTNAME:8000/health` and `$(hostname):8000/health`.
static OWN_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix) (?: (?<scheme>https?) :// ) (?: \$\{?HOSTNAME\}? | \$\(hostname[^)]*\) | `hostname[^`]*` )
        (?: : (?: (?<port>\d{2,5}) \b | \$\{[^}]*\} | \$\w+ ) )? (?<path> / [^\s"'`|;)&<>\\,]* )?"#,
    )
    .expect("a constant pattern that compiles")
});

/// Options of Node's `http.request`.
static NODE_PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\bpath\s*:\s*["'`](?<path>/[^"'`]*)["'`]"#).expect("a constant pattern that compiles")
});
/// The port beside them.
static NODE_PORT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bport\s*:\s*(?<port>\d{2,5})\b").expect("a constant pattern that compiles"));

/// The path that the command asks the container's port for; a script that it calls is read.
pub(super) fn path(command: &str, port: u16, scripts: &Scripts<'_>) -> Option<String> {
    asked(command, port).or_else(|| {
        let called = command.split(|c: char| c.is_whitespace() || "\"'[],".contains(c));
        called.filter_map(|word| scripts.named(word)).find_map(|text| asked(text, port))
    })
}

/// The first path that a text asks this port of its own host for.
pub(super) fn asked(text: &str, port: u16) -> Option<String> {
    let fetches = ["curl", "wget", "httpie", "xh "].iter().any(|tool| text.contains(tool));
    let urls = URL.captures_iter(text).chain(OWN_NAME.captures_iter(text));
    let found = urls
        .filter(|url| url.name("scheme").is_some() || fetches)
        .filter(|url| asks_port(url, port))
        .map(|url| url.name("path").map_or("/", |path| path.as_str()).to_owned())
        .find(|path| !path.contains(['$', '{', '*']));
    found.or_else(|| {
        let there = NODE_PORT.captures(text).is_none_or(|found| found["port"].parse() == Ok(port));
        let node = text.contains("http.request") || text.contains("http.get") || text.contains("require('http')");
        NODE_PATH.captures(text).filter(|_| there && node).map(|found| found["path"].to_owned())
    })
}

fn asks_port(url: &Captures<'_>, port: u16) -> bool {
    if let Some(asked) = url.name("port") {
        return asked.as_str().parse() == Ok(port);
    }
    let whole = &url[0];
    let authority = whole.split("://").last().unwrap_or(whole);
    // A variable stands for the port that the process listens on.
    if authority.replace("[::1]", "").replace("[::]", "").contains(':') {
        return true;
    }
    let default =
        if url.name("scheme").is_some_and(|scheme| scheme.as_str().eq_ignore_ascii_case("https")) { 443 } else { 80 };
    default == port
}
