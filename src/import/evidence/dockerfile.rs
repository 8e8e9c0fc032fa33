//! What a Dockerfile tells of the container that it makes: its health check, and which files become part of it.

use super::command::{self, Scripts};
use super::question::{Evidence, Question, join};
use crate::repository::Repository;

/// The path of the stage's `HEALTHCHECK`.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let path = question.dockerfile?;
    let text = repository.text(path)?;
    let stages = stages(text);
    let check = health_check(&stages, question.target)?;
    let asked = command::path(&check.rest, question.port, &Scripts::new(repository, question))?;
    Some(Evidence::new(asked, format!("{path}:{}", check.line), "from the HEALTHCHECK of its Dockerfile"))
}

/// The files and folders of the context that the image is made of, from the root of the repository; the context itself
/// when everything is copied.
pub(super) fn sources(repository: &Repository, question: &Question<'_>) -> Vec<String> {
    let context = question.context.unwrap_or_default();
    let Some(text) = question.dockerfile.and_then(|path| repository.text(path)) else {
        return vec![join("", context).unwrap_or_default()];
    };
    let mut found = Vec::new();
    for instruction in stages(text).into_iter().flat_map(|stage| stage.instructions) {
        if !matches!(instruction.keyword.as_str(), "COPY" | "ADD") {
            continue;
        }
        let words: Vec<String> = words(&instruction.rest);
        if words.iter().any(|word| word.starts_with("--from")) {
            continue;
        }
        let operands: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
        for source in operands.iter().take(operands.len().saturating_sub(1)) {
            let plain = source.split(['*', '$', '?']).next().unwrap_or_default();
            found.extend(join(context, plain));
        }
    }
    if found.is_empty() {
        found.extend(join("", context));
    }
    found
}

/// The final image's base, as the Dockerfile names it, and its command.
pub(super) fn base_and_command(text: &str, target: Option<&str>) -> (String, String) {
    let stages = stages(text);
    let mut chain = chain(&stages, target);
    let command = chain
        .iter()
        .flat_map(|stage| stage.instructions.iter().rev())
        .filter(|instruction| matches!(instruction.keyword.as_str(), "CMD" | "ENTRYPOINT"))
        .map(|instruction| instruction.rest.clone())
        .collect::<Vec<_>>()
        .join(" ");
    (chain.pop().map(|stage| stage.base.clone()).unwrap_or_default(), command)
}

/// The TCP ports that the built stage, or one that it starts from, exposes; `EXPOSE $PORT` with what `ENV` and `ARG` say.
pub(crate) fn exposed(text: &str, target: Option<&str>) -> Vec<u16> {
    let stages = stages(text);
    let chain = chain(&stages, target);
    let all = || chain.iter().flat_map(|stage| stage.instructions.iter());
    let value = |name: &str| {
        let set = all().filter(|instruction| matches!(instruction.keyword.as_str(), "ENV" | "ARG"));
        set.flat_map(|instruction| {
            let pairs = words(&instruction.rest);
            // `ENV PORT 8080` is the old form.
            match pairs.as_slice() {
                [name, value] if !name.contains('=') => vec![(name.clone(), value.clone())],
                _ => pairs.iter().filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect(),
            }
        })
        .find_map(|(known, value): (String, String)| (known == name).then_some(value))
    };
    let mut ports = Vec::new();
    for word in all().filter(|instruction| instruction.keyword == "EXPOSE").flat_map(|found| words(&found.rest)) {
        let (port, protocol) = word.split_once('/').unwrap_or((&word, "tcp"));
        let number = match port.strip_prefix('$') {
            Some(reference) => {
                let reference = reference.trim_start_matches('{').trim_end_matches('}');
                let (name, default) = reference.split_once(":-").unwrap_or((reference, ""));
                value(name).unwrap_or_else(|| default.to_owned())
            }
            None => port.to_owned(),
        };
        if let (true, Ok(number)) = (protocol.eq_ignore_ascii_case("tcp"), number.parse())
            && !ports.contains(&number)
        {
            ports.push(number);
        }
    }
    ports
}

struct Stage {
    base: String,
    name: String,
    instructions: Vec<Instruction>,
}

struct Instruction {
    keyword: String,
    rest: String,
    line: usize,
}

/// The health check that the built stage has or inherits from the stage it starts from.
fn health_check<'s>(stages: &'s [Stage], target: Option<&str>) -> Option<&'s Instruction> {
    let checks = |stage: &&'s Stage| stage.instructions.iter().rfind(|found| found.keyword == "HEALTHCHECK");
    let found = chain(stages, target).iter().find_map(checks)?;
    let operand = found.rest.split_whitespace().find(|word| !word.starts_with("--"))?;
    (!operand.eq_ignore_ascii_case("NONE")).then_some(found)
}

/// The built stage, the stage it starts from, and so on.
fn chain<'s>(stages: &'s [Stage], target: Option<&str>) -> Vec<&'s Stage> {
    let named = |name: &str| stages.iter().rposition(|stage| stage.name.eq_ignore_ascii_case(name));
    let mut next = target.and_then(named).or(stages.len().checked_sub(1));
    let mut chain: Vec<&Stage> = Vec::new();
    while let Some(at) = next {
        let stage = &stages[at];
        chain.push(stage);
        // Only an earlier stage can be one's base.
        next = named(&stage.base).filter(|base| *base < at && !stage.base.is_empty());
    }
    chain
}

fn stages(text: &str) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions(text) {
        if instruction.keyword == "FROM" {
            let words = words(&instruction.rest);
            let mut operands = words.iter().filter(|word| !word.starts_with("--"));
            let base = operands.next().cloned().unwrap_or_default();
            let name = operands.nth(1).cloned().unwrap_or_default();
            stages.push(Stage { base, name, instructions: Vec::new() });
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.push(instruction);
        }
    }
    stages
}

/// Continued lines are one instruction; comments between them do not count.
fn instructions(text: &str) -> Vec<Instruction> {
    let mut found: Vec<Instruction> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let continues = trimmed.ends_with('\\') || trimmed.ends_with('`');
        let part = trimmed.trim_end_matches(['\\', '`']).trim_end();
        match found.last_mut().filter(|_| open) {
            Some(instruction) => {
                instruction.rest.push(' ');
                instruction.rest.push_str(part);
            }
            None => {
                let (keyword, rest) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
                let keyword = keyword.to_ascii_uppercase();
                found.push(Instruction { keyword, rest: rest.trim().to_owned(), line: index + 1 });
            }
        }
        open = continues;
    }
    found
}

/// Words of an instruction, in shell or JSON form.
fn words(rest: &str) -> Vec<String> {
    rest.split(|c: char| c.is_whitespace() || "[],\"".contains(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
