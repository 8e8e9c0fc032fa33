//! The command of a `run` (GitHub docs, "Workflow syntax", `jobs.<job_id>.steps[*].shell`).

/// A program, the words that it gets, and the end of the script's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    /// The program, and its words; `{0}` is the file of the script.
    pub words: Vec<String>,
    /// `.sh`, `.py`
    pub extension: &'static str,
}

const NAMED: &[(&str, &str, &str)] = &[
    ("bash", "bash --noprofile --norc -eo pipefail {0}", ".sh"),
    ("sh", "sh -e {0}", ".sh"),
    ("python", "python {0}", ".py"),
    ("pwsh", "pwsh -command \". '{0}'\"", ".ps1"),
];

impl Shell {
    /// The one that is named, by a name or as a command of its own; without a name "bash -e {0}".
    pub fn of(name: Option<&str>) -> Result<Self, String> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(Self { words: words("bash -e {0}"), extension: ".sh" });
        };
        if let Some((_, command, extension)) = NAMED.iter().find(|(known, ..)| *known == name) {
            return Ok(Self { words: words(command), extension });
        }
        if name.contains("{0}") {
            let program = name.split(' ').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            let known = NAMED.iter().find(|(known, ..)| *known == program);
            return Ok(Self { words: words(name), extension: known.map_or("", |(_, _, extension)| extension) });
        }
        Err(format!(
            "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string \
             containing '{{0}}': '{name}'"
        ))
    }

    /// The words of the command, with the file of the script.
    pub fn command(&self, script: &str) -> Vec<String> {
        self.words.iter().map(|word| word.replace("{0}", script)).collect()
    }
}

/// At spaces, except within double quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
