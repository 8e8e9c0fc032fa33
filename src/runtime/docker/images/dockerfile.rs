//! Reads from a Dockerfile only its base images and whether it needs BuildKit. The builder checks the rest.

use std::collections::BTreeMap;

/// What a Dockerfile needs from its builder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The instruction that only BuildKit understands, as written.
    pub(crate) buildkit_for: Option<String>,
    /// Base images, with known arguments filled in.
    pub(crate) images: Vec<String>,
}

/// Arguments that BuildKit sets and the classic builder does not.
const AUTOMATIC: [&str; 8] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
];

/// Instruction flags that only BuildKit understands.
const FLAGS: [(&str, &[&str]); 3] = [
    ("RUN", &["--mount", "--network", "--security"]),
    ("COPY", &["--link", "--parents", "--exclude", "--chmod"]),
    ("ADD", &["--link", "--checksum", "--keep-git-dir", "--exclude", "--chmod"]),
];

/// Reads a Dockerfile.
pub(crate) fn read(text: &str, args: &BTreeMap<String, String>) -> Needs {
    let mut found = Needs::default();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: Vec<String> = Vec::new();
    for instruction in instructions(text) {
        let (keyword, rest) = instruction.split_once(char::is_whitespace).unwrap_or((&instruction, ""));
        let keyword = keyword.to_ascii_uppercase();
        let words: Vec<&str> = rest.split_whitespace().collect();
        let flags = words.iter().take_while(|word| word.starts_with("--"));
        found.note(needs_buildkit(&keyword, &words));
        match keyword.as_str() {
            "ARG" => {
                for word in &words {
                    let (name, default) = word.split_once('=').unwrap_or((word, ""));
                    let value = args.get(name).cloned().unwrap_or_else(|| fill_in(unquoted(default), &known));
                    known.insert(name.to_owned(), value);
                }
            }
            "FROM" => {
                let mut operands = words.iter().filter(|word| !word.starts_with("--"));
                let image = fill_in(operands.next().unwrap_or(&""), &known);
                found.image(image, &stages);
                let is_named = operands.next().is_some_and(|word| word.eq_ignore_ascii_case("as"));
                stages.push(operands.next().filter(|_| is_named).unwrap_or(&"").to_ascii_lowercase());
            }
            "COPY" => {
                for from in flags.filter_map(|flag| flag.strip_prefix("--from=")) {
                    if from.parse::<usize>().is_err() {
                        found.image(fill_in(from, &known), &stages);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

impl Needs {
    fn note(&mut self, reason: Option<String>) {
        self.buildkit_for = self.buildkit_for.take().or(reason);
    }

    fn image(&mut self, image: String, stages: &[String]) {
        let is_stage = stages.contains(&image.to_ascii_lowercase());
        if !is_stage && !image.is_empty() && image != "scratch" && !image.contains('$') && !self.images.contains(&image)
        {
            self.images.push(image);
        }
    }
}

fn needs_buildkit(keyword: &str, words: &[&str]) -> Option<String> {
    let flags: Vec<&&str> = words.iter().take_while(|word| word.starts_with("--")).collect();
    let known = FLAGS.iter().find(|(name, _)| *name == keyword).map_or(&[][..], |(_, flags)| flags);
    for flag in &flags {
        let name = flag.split('=').next().unwrap_or(flag);
        if known.contains(&name) {
            return Some(format!("{keyword} {name}"));
        }
        if keyword == "FROM" && AUTOMATIC.iter().any(|argument| flag.contains(argument)) {
            return Some(format!("FROM {flag}"));
        }
    }
    if matches!(keyword, "RUN" | "COPY" | "ADD") {
        let opens_heredoc = |word: &&&str| {
            word.strip_prefix("<<").is_some_and(|rest| {
                rest.trim_start_matches(['-', '"', '\''])
                    .starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            })
        };
        if let Some(word) = words.iter().find(opens_heredoc) {
            return Some(format!("{keyword} {word}"));
        }
    }
    let automatic = words.iter().find(|word| AUTOMATIC.contains(*word));
    automatic.filter(|_| keyword == "ARG").map(|name| format!("ARG {name}"))
}

/// Logical lines: continuations are joined, comments omitted, here-documents skipped.
fn instructions(text: &str) -> Vec<String> {
    let escape = if text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .any(|line| line.trim_start_matches('#').replace(' ', "").eq_ignore_ascii_case("escape=`"))
    {
        '`'
    } else {
        '\\'
    };
    let mut instructions = Vec::new();
    let mut current = String::new();
    let mut heredocs: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(end) = heredocs.first() {
            if line.trim_start_matches('\t') == end {
                heredocs.remove(0);
            }
            continue;
        }
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(start) = trimmed.strip_suffix(escape) {
            current.push_str(start);
            current.push(' ');
            continue;
        }
        current.push_str(trimmed);
        let instruction = std::mem::take(&mut current);
        let keyword = instruction.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        if matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
            heredocs = instruction
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("<<"))
                .map(|word| word.trim_matches(['-', '"', '\'']).to_owned())
                .filter(|word| word.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'))
                .collect();
        }
        instructions.push(instruction);
    }
    if !current.is_empty() {
        instructions.push(current);
    }
    instructions
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

/// `$NAME`, `${NAME}` and `${NAME:-default}`; unknown variables stay unchanged.
fn fill_in(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (name, default, behind) = if let Some(braced) = after.strip_prefix('{') {
            let Some((inside, behind)) = braced.split_once('}') else { break };
            let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, text)| (name, Some(text)));
            (name, default, behind)
        } else {
            let end = after.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(after.len());
            (&after[..end], None, &after[end..])
        };
        match known.get(name).filter(|value| !value.is_empty()).map(String::as_str).or(default) {
            Some(value) => filled.push_str(value),
            None => {
                filled.push('$');
                filled.push_str(name);
            }
        }
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str) -> Vec<String> {
        read(text, &BTreeMap::from([("TAG".to_owned(), "2".to_owned())])).images
    }

    #[test]
    fn images_are_those_of_other_makers() {
        let text = "# syntax=docker/dockerfile:1\nARG BASE=node\nARG TAG=1\nFROM --platform=linux/amd64 ${BASE}:$TAG AS build\n\
            RUN a \\\n  # in between\n  FROM b\nFROM build AS test\nFROM nginx:stable\nCOPY --from=build /a /a\n\
            COPY --from=0 /a /a\nCOPY --chown=a --from=busybox:1 /a /a\nFROM scratch\nFROM ${X:-alpine}\nFROM $UNKNOWN";
        assert_eq!(images(text), ["node:2", "nginx:stable", "busybox:1", "alpine"]);
    }

    #[test]
    fn what_only_buildkit_understands_is_found() {
        let cases = [
            ("FROM a\nRUN --mount=type=cache,target=/c make", Some("RUN --mount")),
            ("FROM a\nrun --network=none make", Some("RUN --network")),
            ("FROM a\nCOPY --link a b", Some("COPY --link")),
            ("FROM a\nCOPY --chown=u --chmod=755 a b", Some("COPY --chmod")),
            ("FROM a\nRUN <<EOF\nFROM b\nEOF\nRUN true", Some("RUN <<EOF")),
            ("FROM --platform=$BUILDPLATFORM a", Some("FROM --platform=$BUILDPLATFORM")),
            ("FROM a\nARG TARGETARCH", Some("ARG TARGETARCH")),
            ("# syntax=docker/dockerfile:1\nFROM a\nRUN echo --mount\nCOPY --chown=u a b\nRUN x << y; cat <<< z", None),
        ];
        for (text, reason) in cases {
            assert_eq!(read(text, &BTreeMap::new()).buildkit_for.as_deref(), reason, "{text}");
        }
    }

    #[test]
    fn a_here_document_hides_what_is_in_it() {
        assert_eq!(images("FROM a\nRUN <<EOF cat\nFROM b\nEOF\nFROM c"), ["a", "c"]);
    }
}
