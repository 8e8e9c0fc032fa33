//! Jenkinsfiles: variables of `environment`, scripts of `sh`, folders of `dir`, images of `docker.build`.

use super::found::{Build, line_of};
use super::paths::join;
use super::scope::Scope;
use super::shell;
use super::text::{Text, from_file, unknown};

/// Follows a Jenkinsfile from top to bottom: stages run in that order.
pub(super) fn follow(text: &str, scope: &mut Scope<'_>) {
    let text = from_file(text);
    // Braces that `dir('x') {` opened, with the folder before.
    let mut folders: Vec<(usize, String)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let starts_word = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if starts_word && let Some((keyword, value, length)) = step(rest) {
            scope.line = line_of(&text, at);
            match keyword {
                "sh" => {
                    let folder = scope.folder.clone();
                    shell::run(&interpolated(&value, scope), &folder, scope);
                }
                "dir" => {
                    folders.push((depth, scope.folder.clone()));
                    scope.folder = join(&scope.folder.clone(), &interpolated(&value, scope));
                }
                _ => docker_build(&value, &rest[length..], scope),
            }
            at += length;
            continue;
        }
        if starts_word && let Some((name, value, length)) = assignment(rest) {
            let value = interpolated(&value, scope);
            scope.env.insert(name, value);
            at += length;
            continue;
        }
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                while let Some((_, folder)) = folders.pop_if(|(opened, _)| *opened >= depth) {
                    scope.folder = folder;
                }
            }
            _ => {}
        }
        at += c.len_utf8();
    }
}

/// `sh '…'`, `sh(script: "…")`, `dir("…")`, `docker.build("…"`: the keyword, the text, the length.
fn step(text: &str) -> Option<(&'static str, String, usize)> {
    for keyword in ["sh", "dir", "docker.build"] {
        let Some(rest) = text.strip_prefix(keyword) else { continue };
        let after = rest.trim_start_matches([' ', '(']);
        if after.len() == rest.len() {
            continue;
        }
        let after = after.strip_prefix("script:").map_or(after, str::trim_start);
        let (value, length) = literal(after)?;
        return Some((keyword, value, text.len() - after.len() + length));
    }
    None
}

/// A text in quotes of any kind, and its length.
fn literal(text: &str) -> Option<(String, usize)> {
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let Some(inside) = text.strip_prefix(quote) else { continue };
        let mut at = 0;
        while at < inside.len() {
            let rest = &inside[at..];
            if rest.starts_with(quote) {
                let value = inside[..at].replace("\\$", "$").replace("\\\"", "\"");
                return Some((value, at + 2 * quote.len()));
            }
            let escaped = rest.starts_with('\\');
            let mut characters = rest.chars();
            let first = characters.next().map_or(1, char::len_utf8);
            at += if escaped { first + characters.next().map_or(0, char::len_utf8) } else { first };
        }
        return None;
    }
    None
}

/// `NAME = 'value'`, with `def` before it or not.
fn assignment(text: &str) -> Option<(String, String, usize)> {
    let rest = text.strip_prefix("def ").unwrap_or(text);
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let after = rest[length..].trim_start().strip_prefix('=')?.trim_start_matches(' ');
    if length == 0 || after.starts_with('=') {
        return None;
    }
    let (value, end) = literal(after)?;
    Some((rest[..length].to_owned(), value, text.len() - after.len() + end))
}

/// `${NAME}`, `${env.NAME}` and `${params.NAME}`, of Groovy or of the shell: values are the same.
fn interpolated(text: &str, scope: &Scope<'_>) -> Text {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let Some((inside, after)) = rest[at + 2..].split_once('}') else { break };
        let name = inside.trim_start_matches("env.").trim_start_matches("params.");
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match scope.env.get(name) {
            Some(value) => out.push_str(value),
            None if is_name => out.push_str(&format!("${{{name}}}")),
            None => out.push_str(&unknown(inside)),
        }
        rest = after;
    }
    out + rest
}

/// `docker.build("name:tag", "-f file context")`
fn docker_build(image: &str, rest: &str, scope: &mut Scope<'_>) {
    let arguments = rest.trim_start().strip_prefix(',').and_then(|rest| literal(rest.trim_start()));
    let image = interpolated(image, scope);
    match arguments {
        Some((arguments, _)) => {
            let folder = scope.folder.clone();
            let script = format!("docker build -t \"{image}\" {}", interpolated(&arguments, scope));
            shell::run(&script, &folder, scope);
        }
        None => {
            let context = scope.folder.clone();
            let (place, job) = (scope.place(), scope.job);
            scope.pipeline.builds.push(Build {
                place,
                job,
                step: None,
                dockerfile: join(&context, "Dockerfile"),
                context,
                args: Vec::new(),
                target: None,
                images: vec![image],
                names: Vec::new(),
            });
        }
    }
}
