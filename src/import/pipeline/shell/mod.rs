//! Scripts, followed: variables and the folder change as they would; commands that build, tag and deploy are noted,
//! and what commands print is known as far as it can be.

mod aws;
mod docker;
mod expand;
mod filters;
pub(crate) mod state;
mod syntax;
mod tokens;

use std::collections::BTreeMap;

use super::paths::{WORKSPACE, parent};
use super::scope::MAX_DEPTH;
use super::scope::Scope;
use super::text::{self, Text, from_file, unknown};
pub(super) use filters::make_script;
use state::Shell;
use syntax::{Command, Item};

/// Rounds of one loop that are followed.
const MAX_ROUNDS: usize = 40;

/// Runs a script in a folder of the repository, and gives its variables and its folder as they are at its end.
pub(super) fn run(script: &str, folder: &str, scope: &mut Scope<'_>) -> (Vec<(String, Text)>, String) {
    let mut shell = Shell {
        folder: folder.to_owned(),
        before: folder.to_owned(),
        variables: BTreeMap::new(),
        functions: BTreeMap::new(),
        scope,
    };
    shell.items(&syntax::parse(script));
    (shell.variables.into_iter().collect(), shell.folder)
}

/// Commands that run another one.
const PREFIXES: &[&str] = &["sudo", "time", "exec", "command", "nohup", "env", "eval", "!", "then", "do", "else"];

impl Shell<'_, '_> {
    /// Runs them all, and gives what they print.
    fn items(&mut self, items: &[Item]) -> Text {
        let mut printed = String::new();
        let mut piped: Option<Text> = None;
        for item in items {
            let input = piped.take();
            match item {
                Item::Command { command, pipes } => {
                    let out = self.command(command, input);
                    if *pipes { piped = Some(out) } else { printed.push_str(&out) }
                }
                Item::Group { body, pipes } => {
                    let folder = self.folder.clone();
                    let out = self.items(body);
                    self.folder = folder;
                    if *pipes { piped = Some(out) } else { printed.push_str(&out) }
                }
                Item::For { name, words, body } => {
                    let words: Vec<Text> = words.iter().flat_map(|word| self.expand(word)).take(MAX_ROUNDS).collect();
                    for word in words {
                        self.variables.insert(name.clone(), word);
                        printed.push_str(&self.items(body));
                    }
                }
                Item::Choice(branches) => printed.push_str(&self.choice(branches)),
                Item::Function { name, body } => {
                    self.functions.insert(name.clone(), body.clone());
                }
            }
        }
        printed
    }

    /// The branch for the wanted stage; if no condition speaks of stages, all of them, the first one last.
    fn choice(&mut self, branches: &[(String, Vec<Item>)]) -> Text {
        let meant: Vec<Option<bool>> = branches
            .iter()
            .map(|(condition, _)| self.scope.wanted.is_meant_by_branch(&text::known_part(condition)))
            .collect();
        if meant.iter().any(Option::is_some) {
            let chosen = meant.iter().position(|meant| *meant == Some(true));
            let chosen = chosen.or_else(|| meant.iter().position(Option::is_none));
            return chosen.map_or_else(String::new, |index| self.items(&branches[index].1));
        }
        branches.iter().rev().map(|(_, body)| self.items(body)).collect()
    }

    fn command(&mut self, command: &Command, input: Option<Text>) -> Text {
        if !self.scope.may_go_on() {
            return String::new();
        }
        let here =
            command.here.as_ref().map(|(text, replaces)| if *replaces { self.quoted(text) } else { text.clone() });
        let read = command.from.as_ref().map(|path| {
            let path = self.expand(path).concat();
            self.content(&path)
        });
        let input = here.or(read).or(input).unwrap_or_default();
        let assigned = command.words.iter().take_while(|word| expand::assignment(word).is_some()).count();
        for word in &command.words[..assigned] {
            if let Some((name, value)) = expand::assignment(word) {
                let value = self.quoted_word(value);
                self.variables.insert(name.to_owned(), value);
            }
        }
        let mut words: Vec<Text> = command.words[assigned..].iter().flat_map(|word| self.expand(word)).collect();
        while words.first().is_some_and(|word| PREFIXES.contains(&word.as_str()) || word.starts_with("-E")) {
            words.remove(0);
        }
        let out = match words.split_first() {
            Some((name, arguments)) => self.program(name, arguments, &input),
            None => String::new(),
        };
        for target in &command.into {
            let target = self.expand(target).concat();
            self.write(&target, &out);
        }
        if command.into.is_empty() { out } else { String::new() }
    }

    /// Runs one program, and gives what it prints.
    fn program(&mut self, name: &str, arguments: &[Text], input: &Text) -> Text {
        if let Some(body) = self.functions.get(name).cloned()
            && self.scope.depth < MAX_DEPTH
        {
            for (index, argument) in arguments.iter().enumerate() {
                self.variables.insert((index + 1).to_string(), argument.clone());
            }
            self.scope.depth += 1;
            let out = self.items(&body);
            self.scope.depth -= 1;
            return out;
        }
        let program = name.rsplit('/').next().unwrap_or_default();
        match program {
            "cd" | "pushd" => self.change_folder(arguments.first().map_or("", String::as_str)),
            "popd" => std::mem::swap(&mut self.folder, &mut self.before),
            "export" | "declare" | "local" | "readonly" | "typeset" | "set" => {
                for (name, value) in arguments.iter().filter_map(|argument| argument.split_once('=')) {
                    self.variables.insert(name.to_owned(), value.to_owned());
                }
            }
            "pwd" => return format!("{WORKSPACE}/{}", self.folder),
            "docker" | "podman" | "nerdctl" | "finch" => docker::docker(arguments, self),
            "docker-compose" | "podman-compose" => docker::compose(arguments, self),
            "buildah" => docker::buildah(arguments, self),
            "executor" => docker::kaniko(arguments, self),
            "aws" => return aws::aws(arguments, input, self),
            "ecs-deploy" | "ecs" => aws::other_tools(program, arguments, self),
            "make" => self.make(arguments),
            "npm" | "pnpm" | "yarn" | "bun" => return self.package_script(arguments),
            "bash" | "sh" | "source" | "." | "zsh" => {
                let arguments = match arguments.iter().position(|word| !word.starts_with('-')) {
                    Some(first) => &arguments[first..],
                    None => arguments,
                };
                return match arguments.split_first() {
                    Some((script, rest)) => self.script(script, rest),
                    None => self.nested(input),
                };
            }
            _ if program.ends_with(".sh") || (name.contains('/') && self.is_script(name)) => {
                return self.script(name, arguments);
            }
            _ => return filters::filter(program, arguments, input, self),
        }
        String::new()
    }

    fn nested(&mut self, script: &str) -> Text {
        if self.scope.depth >= MAX_DEPTH || !text::is_known(script) {
            return String::new();
        }
        self.scope.depth += 1;
        let out = self.items(&syntax::parse(script));
        self.scope.depth -= 1;
        out
    }

    fn change_folder(&mut self, path: &str) {
        let to = if path == "-" { self.before.clone() } else { self.scope.path(&self.folder, path) };
        self.before = std::mem::replace(&mut self.folder, to);
    }

    fn is_script(&self, path: &str) -> bool {
        self.scope.repository.text(&self.scope.path(&self.folder, path)).is_some_and(|text| text.starts_with("#!"))
    }

    /// A script of the repository, and what it prints.
    fn script(&mut self, path: &str, arguments: &[Text]) -> Text {
        let path = self.scope.path(&self.folder, path);
        let Some(script) = self.scope.repository.text(&path).map(from_file) else { return String::new() };
        if self.scope.depth >= MAX_DEPTH
            || script.contains("/usr/bin/env python")
            || script.contains("/usr/bin/env node")
        {
            return String::new();
        }
        self.scope.depth += 1;
        let outer = std::mem::take(&mut self.variables);
        self.variables.extend(
            outer.iter().filter(|(name, _)| name.parse::<usize>().is_err()).map(|(n, v)| (n.clone(), v.clone())),
        );
        for (index, argument) in arguments.iter().enumerate() {
            self.variables.insert((index + 1).to_string(), argument.clone());
        }
        // The usual first line of a script: `cd "$(dirname "$0")"`.
        self.variables.insert("0".to_owned(), format!("{WORKSPACE}/{path}"));
        let folder = self.folder.clone();
        let out = self.items(&syntax::parse(&script));
        self.folder = folder;
        self.variables = outer;
        self.scope.depth -= 1;
        out
    }

    /// `npm run deploy`: what `package.json` says that it is.
    fn package_script(&mut self, arguments: &[Text]) -> Text {
        let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
        let (name, rest) = match words.as_slice() {
            ["run" | "run-script", name, rest @ ..] | [name, rest @ ..] => (*name, rest),
            [] => return String::new(),
        };
        let package = self.scope.path(&self.folder, "package.json");
        let script = self.scope.repository.text(&package).and_then(|text| {
            let package: serde_json::Value = serde_json::from_str(text).ok()?;
            package.get("scripts")?.get(name)?.as_str().map(from_file)
        });
        let Some(script) = script else { return String::new() };
        // What follows is not read as options; all of it goes to the script.
        let folder = self.folder.clone();
        let out = match arguments.iter().all(|argument| text::is_known(argument)) {
            true => self.nested(&format!("{script} {}", rest.join(" "))),
            false => self.nested(&script),
        };
        self.folder = folder;
        out
    }

    /// `make target`: the lines of its rule.
    fn make(&mut self, arguments: &[Text]) {
        let mut words = arguments.iter();
        let (mut folder, mut targets) = (self.folder.clone(), Vec::new());
        while let Some(word) = words.next() {
            match word.as_str() {
                "-C" => folder = words.next().map_or(folder, |path| self.scope.path(&self.folder, path)),
                word => match word.split_once('=') {
                    Some((name, value)) => drop(self.variables.insert(name.to_owned(), value.to_owned())),
                    None if !word.starts_with('-') => targets.push(word.to_owned()),
                    None => {}
                },
            }
        }
        let file = ["Makefile", "makefile", "GNUmakefile"].map(|name| self.scope.path(&folder, name));
        let Some(makefile) = file.iter().find_map(|file| self.scope.repository.text(file)).map(from_file) else {
            return;
        };
        if self.scope.depth >= MAX_DEPTH {
            return;
        }
        self.scope.depth += 1;
        let before = std::mem::replace(&mut self.folder, folder);
        for line in filters::make_script(&makefile, &targets) {
            self.items(&syntax::parse(&line));
        }
        self.folder = before;
        self.scope.depth -= 1;
    }

    /// What a file holds, or what stands for it if it is a task definition.
    fn content(&mut self, path: &str) -> Text {
        let full = self.scope.path(&self.folder, path);
        if let Some(written) = self.scope.files.get(&full) {
            return written.clone();
        }
        match self.scope.repository.text(&full) {
            Some(text) if text.contains("containerDefinitions") => self.definition_of_file(full),
            Some(text) if text.len() < 4096 && text::is_known(text) => text.to_owned(),
            _ => unknown(&format!("$(cat {path})")),
        }
    }

    fn definition_of_file(&mut self, path: String) -> Text {
        let job = self.scope.job;
        self.scope.pipeline.add_definition(super::found::Definition {
            job,
            origin: super::found::Origin::Path(path),
            edits: Vec::new(),
        })
    }

    /// Writes what was printed: outputs, variables of the job, files that stand for something.
    fn write(&mut self, target: &str, text: &Text) {
        if text::unknowns(target).any(|what| what.contains("GITHUB_OUTPUT")) {
            for (name, value) in super::actions::pairs(text) {
                self.scope.set_output(&name, value);
            }
        } else if text::unknowns(target).any(|what| what.contains("GITHUB_ENV") || what.contains("BASH_ENV")) {
            self.scope.env.extend(super::actions::pairs(text));
        } else {
            if parent(target) == "/dev" {
                return;
            }
            filters::image_definitions(text, self);
            let path = self.scope.path(&self.folder, target);
            self.scope.files.insert(path, text.clone());
        }
    }
}
