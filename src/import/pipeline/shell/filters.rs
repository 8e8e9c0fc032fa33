//! Programs that print: `echo`, `printf`, `cat`; and those that change task definitions on their way: `jq`, `yq`,
//! `sed`, `envsubst`.

use super::state::Shell;
use crate::pipeline::found::{Definition, Edit, Origin, Which};
use crate::pipeline::text;
use crate::pipeline::text::{Text, unknown};

/// Runs one, and gives what it prints. Programs that are not known print what nobody knows; a task definition that goes
/// through them comes out as it was.
pub(super) fn filter(program: &str, arguments: &[Text], input: &Text, shell: &mut Shell<'_, '_>) -> Text {
    match program {
        "echo" => echo(arguments, shell),
        "printf" => printf(arguments),
        "cat" => match arguments.iter().find(|word| !word.starts_with('-')) {
            Some(path) => shell.content(path),
            None => input.clone(),
        },
        "cp" | "mv" => {
            let paths: Vec<&Text> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
            if let [from, to] = paths[..] {
                let content = shell.content(from);
                let to = shell.scope.path(&shell.folder, to);
                shell.scope.files.insert(to, content);
            }
            String::new()
        }
        "tee" => {
            for path in arguments.iter().filter(|word| !word.starts_with('-')) {
                shell.write(path, input);
            }
            input.clone()
        }
        "jq" | "yq" => jq(arguments, input, shell),
        "sed" => sed(arguments, input, shell),
        "envsubst" => {
            let mut variables = shell.scope.env.clone();
            variables.extend(shell.variables.clone());
            edited(input, vec![Edit::Variables(variables)], shell).unwrap_or_else(|| input.clone())
        }
        "dirname" => arguments.first().map_or_else(String::new, |path| crate::pipeline::paths::parent(path).to_owned()),
        "basename" => arguments.first().map_or_else(String::new, |path| crate::pipeline::paths::name(path).to_owned()),
        "tr" | "xargs" | "head" | "tail" | "cut" | "grep" | "python" | "python3" | "node" | "sort"
            if shell.scope.pipeline.definition_in(input).is_some() =>
        {
            input.clone()
        }
        // Which of them is meant may still be told.
        "grep" | "awk" | "head" | "tail" | "cut" | "tr" if text::unknowns(input).next().is_some() => input.clone(),
        "test" | "[" | "[[" | "true" | "false" | ":" | "sleep" | "exit" | "return" | "shift" | "unset" => String::new(),
        _ => unknown(&format!("$({program} …)")),
    }
}

fn echo(arguments: &[Text], shell: &mut Shell<'_, '_>) -> Text {
    let words = arguments.iter().skip_while(|word| matches!(word.as_str(), "-n" | "-e" | "-E" | "-ne" | "-en"));
    let line = words.cloned().collect::<Vec<_>>().join(" ");
    // How steps gave outputs before there was a file for them.
    if let Some((name, value)) = line.strip_prefix("::set-output name=").and_then(|rest| rest.split_once("::")) {
        shell.scope.set_output(name, value.to_owned());
    }
    line + "\n"
}

/// `%s` and `%q` with the arguments, the format again as long as there are some.
fn printf(arguments: &[Text]) -> Text {
    let Some((format, rest)) = arguments.split_first() else { return String::new() };
    let format = format.replace("\\n", "\n").replace("\\\"", "\"");
    let mut values = rest.iter();
    let mut out = String::new();
    for _ in 0..=rest.len() {
        let mut parts = format.split('%');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            match part.chars().next() {
                Some('s' | 'q' | 'd' | 'b') => {
                    out.push_str(values.next().map_or("", String::as_str));
                    out.push_str(&part[1..]);
                }
                _ => {
                    out.push('%');
                    out.push_str(part);
                }
            }
        }
        if values.len() == 0 || !format.contains('%') {
            break;
        }
    }
    out
}

/// A changed task definition, if the text stands for one.
fn edited(text: &str, edits: Vec<Edit>, shell: &mut Shell<'_, '_>) -> Option<Text> {
    let known = shell.scope.pipeline.definition_in(text)?;
    let job = shell.scope.job;
    Some(shell.scope.pipeline.add_definition(Definition { job, origin: Origin::Definition(known), edits }))
}

fn jq(arguments: &[Text], input: &Text, shell: &mut Shell<'_, '_>) -> Text {
    let mut variables: Vec<(String, Text)> = Vec::new();
    let mut others: Vec<Text> = Vec::new();
    let mut in_place = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--arg" | "--argjson" => {
                if let (Some(name), Some(value)) = (words.next(), words.next()) {
                    variables.push((name.clone(), value.clone()));
                }
            }
            "-i" | "--inplace" => in_place = true,
            "--indent" | "-o" | "--output-format" | "-p" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => others.push(word.to_owned()),
        }
    }
    let program = others.first().cloned().unwrap_or_default();
    let program = if program == "eval" { others.remove(0) } else { program };
    let path = others.get(1).cloned();
    let from = match &path {
        Some(path) => shell.content(path),
        None => input.clone(),
    };
    // A file as one line, as matrices are made of.
    if program == "."
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(&from)
    {
        return value.to_string();
    }
    let edits = images_set_by(&program, &variables);
    let Some(out) = edited(&from, edits, shell) else {
        return unknown("$(jq …)");
    };
    if let Some(path) = path.filter(|_| in_place) {
        let path = shell.scope.path(&shell.folder, &path);
        shell.scope.files.insert(path, out.clone());
    }
    out
}

/// `.containerDefinitions[0].image = $IMAGE`, `(… | select(.name == "web")).image |= "…"`, `map(.image = …)`.
fn images_set_by(program: &str, variables: &[(String, Text)]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut rest = program;
    let mut before = String::new();
    while let Some(at) = rest.find(".image") {
        before.push_str(&rest[..at]);
        let after = rest[at + ".image".len()..].trim_start();
        let value = after.strip_prefix('=').or_else(|| after.strip_prefix("|=")).map(str::trim_start);
        rest = &rest[at + ".image".len()..];
        let Some(value) = value.filter(|value| !value.starts_with('=')) else { continue };
        let image = if let Some(name) = value.strip_prefix('$') {
            let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
            variables.iter().find(|(known, _)| *known == name[..end]).map(|(_, value)| value.clone())
        } else {
            value.strip_prefix('"').and_then(|inside| inside.split('"').next()).map(str::to_owned)
        };
        let container = match before.rfind("select(").map(|at| &before[at..]) {
            Some(select) if select.contains(".name") => {
                let named = select.split_once("==").map(|(_, name)| name.trim_start());
                named.and_then(|name| match name.strip_prefix('$') {
                    Some(name) => {
                        let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
                        variables.iter().find(|(known, _)| *known == name[..end]).map(|(_, v)| Which::Name(v.clone()))
                    }
                    None => Some(Which::Name(name.split('"').nth(1)?.to_owned())),
                })
            }
            _ => before.rfind("containerDefinitions[").and_then(|at| {
                let inside = &before[at + "containerDefinitions[".len()..];
                inside.split(']').next()?.trim().parse().ok().map(Which::Index)
            }),
        };
        if let Some(image) = image {
            edits.push(Edit::Image(container.unwrap_or(Which::All), image));
        }
    }
    edits
}

fn sed(arguments: &[Text], input: &Text, shell: &mut Shell<'_, '_>) -> Text {
    let (mut edits, mut paths, mut in_place) = (Vec::new(), Vec::new(), false);
    let mut words = arguments.iter();
    let mut has_script = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "-e" | "--expression" => {
                has_script = true;
                edits.extend(words.next().map(|script| replacements(script)).unwrap_or_default());
            }
            // `-i ''` is what BSD's sed wants.
            "" => {}
            word if word.starts_with("-i") || word == "--in-place" => in_place = true,
            word if word.starts_with('-') => {}
            word if !has_script => {
                has_script = true;
                edits.extend(replacements(word));
            }
            word => paths.push(word.to_owned()),
        }
    }
    let mut out = String::new();
    for path in &paths {
        let from = shell.content(path);
        out = edited(&from, edits.clone(), shell).unwrap_or(from);
        if in_place {
            let path = shell.scope.path(&shell.folder, path);
            shell.scope.files.insert(path, out.clone());
        }
    }
    match (paths.is_empty(), in_place) {
        (true, _) => edited(input, edits, shell).unwrap_or_else(|| unknown("$(sed …)")),
        (false, true) => String::new(),
        (false, false) => out,
    }
}

/// `s|from|to|g` commands of a script.
fn replacements(script: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    for part in script.split([';', '\n']) {
        let Some(rest) = part.trim().strip_prefix('s') else { continue };
        let Some(separator) = rest.chars().next().filter(|c| c.is_ascii_punctuation()) else { continue };
        let pieces: Vec<&str> = rest[1..].split(separator).collect();
        if let [from, to, ..] = pieces[..] {
            let from = from.replace('\\', "").trim_start_matches('^').trim_end_matches('$').to_owned();
            if !from.is_empty() {
                edits.push(Edit::Replace(from, to.replace('\\', "")));
            }
        }
    }
    edits
}

/// `[{"name":"web","imageUri":"…"}]`, which CodePipeline's ECS action reads.
pub(super) fn image_definitions(text: &str, shell: &mut Shell<'_, '_>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("\"name\"") {
        let mut quoted = after.split('"').skip(1).step_by(2);
        let (name, key, image) = (quoted.next(), quoted.next(), quoted.next());
        if let (Some(name), Some("imageUri"), Some(image)) = (name, key, image)
            && text::is_known(name)
        {
            shell.scope.pipeline.images.push((name.to_owned(), image.to_owned()));
        }
        rest = after;
    }
}

/// The lines of the rules of these targets and of what they need, with make's variables as the shell's.
pub(in crate::pipeline) fn make_script(makefile: &str, targets: &[String]) -> Vec<String> {
    let mut assignments = Vec::new();
    let mut rules: Vec<(&str, Vec<&str>, Vec<&str>)> = Vec::new();
    let joined = makefile.replace("\\\n", " ");
    for line in joined.lines() {
        if let Some(recipe) = line.strip_prefix('\t') {
            if let Some((_, _, lines)) = rules.last_mut() {
                lines.push(recipe.trim_start_matches(['@', '-', '+', ' ']));
            }
        } else if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.contains(['#', '\t'])) {
            let name = name.trim_end_matches([':', '?', '+', ' ']).trim_start_matches("export ").trim();
            if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty() {
                assignments.push(format!("{name}=\"{}\"", value.trim().replace('"', "")));
            }
        } else if let Some((name, needs)) = line.split_once(':').filter(|(name, _)| !name.starts_with(['#', '.'])) {
            rules.push((name.trim(), needs.split_whitespace().collect(), Vec::new()));
        }
    }
    let mut script = assignments;
    let mut waiting: Vec<&str> = targets.iter().map(String::as_str).rev().collect();
    if waiting.is_empty() {
        waiting.extend(rules.first().map(|(name, ..)| *name));
    }
    let mut done: Vec<&str> = Vec::new();
    while let Some(target) = waiting.pop() {
        let Some((name, needs, lines)) = rules.iter().find(|(name, ..)| name.split_whitespace().any(|n| n == target))
        else {
            continue;
        };
        if done.contains(name) {
            continue;
        }
        done.push(name);
        script.extend(lines.iter().map(|line| (*line).to_owned()));
        waiting.extend(needs.iter().rev());
    }
    script.iter().map(|line| line.replace("$(shell ", "$(").replace("$$", "$")).map(|line| braces(&line)).collect()
}

/// `$(NAME)` as `${NAME}`.
fn braces(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("$(") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        if end > 0 && inside[end..].starts_with(')') {
            out.push_str(&format!("${{{}}}", &inside[..end]));
            rest = &inside[end + 1..];
        } else {
            out.push_str("$(");
            rest = inside;
        }
    }
    out + rest
}
