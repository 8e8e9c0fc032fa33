//! Lines of a step's output: workflow commands, and everything else.

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing to the runner: it is shown.
    Text(String),
    /// `::debug::`, shown if asked for.
    Debug(String),
    /// `::notice::`, `::warning::`, `::error::`
    Annotation(Annotation),
    /// `::group::`
    Group(String),
    /// `::endgroup::`
    EndGroup,
    /// `::add-mask::`
    Mask(String),
    /// `::set-output name=…::`, deprecated and still used.
    Output(String, String),
    /// `::save-state name=…::`, likewise.
    State(String, String),
    /// Something for GitHub's own page, such as a problem matcher.
    Ignored,
    /// Refused, in GitHub's words; the step fails.
    Refused(String),
}

/// A message with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// How bad it is.
    pub level: Level,
    /// The message.
    pub message: String,
    /// `title=`
    pub title: Option<String>,
    /// `file=`
    pub file: Option<String>,
    /// `line=`
    pub line: Option<String>,
    /// `col=`
    pub column: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `::notice::`
    Notice,
    /// `::warning::`
    Warning,
    /// `::error::`
    Error,
}

/// Reads the lines of one step.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// Commands are not processed until this token comes.
    stopped: Option<String>,
}

impl Commands {
    /// What the line says.
    pub fn read(&mut self, line: &str) -> Line {
        let text = || Line::Text(line.to_owned());
        let Some(Command { name, properties, data }) = parse(line) else { return text() };
        if let Some(token) = &self.stopped {
            if *token == name {
                self.stopped = None;
                return Line::Ignored;
            }
            return text();
        }
        let property = |key: &str| {
            let found = properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
            found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let annotation = |level| {
            Line::Annotation(Annotation {
                level,
                message: data.clone(),
                title: property("title"),
                file: property("file"),
                line: property("line"),
                column: property("col"),
            })
        };
        let named = |to: fn(String, String) -> Line| match property("name") {
            Some(name) => to(name, data.clone()),
            None => Line::Refused(format!("Required field 'name' is missing in ##[{name}] command.")),
        };
        match name.to_lowercase().as_str() {
            "debug" => Line::Debug(data),
            "notice" => annotation(Level::Notice),
            "warning" => annotation(Level::Warning),
            "error" => annotation(Level::Error),
            "group" => Line::Group(data),
            "endgroup" => Line::EndGroup,
            "add-mask" if data.trim().is_empty() => {
                Line::Refused("Can't add secret mask for empty string in ##[add-mask] command.".to_owned())
            }
            "add-mask" => Line::Mask(data),
            "set-output" => named(Line::Output),
            "save-state" => named(Line::State),
            "stop-commands" => {
                self.stopped = Some(data);
                Line::Ignored
            }
            "echo" | "add-matcher" | "remove-matcher" => Line::Ignored,
            // Of old: a line of the output of any program could set the variables of later steps.
            "set-env" | "add-path" => Line::Refused(format!(
                "The `{name}` command is disabled. Please upgrade to using Environment Files or opt into unsecure \
                 command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`."
            )),
            _ => text(),
        }
    }
}

struct Command {
    name: String,
    properties: Vec<(String, String)>,
    data: String,
}

/// `::name key=value,key=value::data`
fn parse(line: &str) -> Option<Command> {
    let inside = line.trim_start().strip_prefix("::")?;
    let (head, data) = inside.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    if name.is_empty() {
        return None;
    }
    let properties = properties.split(',').filter_map(|pair| pair.trim().split_once('='));
    let properties = properties.map(|(key, value)| (key.to_owned(), unescaped(value, true))).collect();
    Some(Command { name: name.to_owned(), properties, data: unescaped(data, false) })
}

/// As the toolkit escapes data, and properties, which also must not hold what separates them.
fn unescaped(text: &str, is_property: bool) -> String {
    let mut text = text.replace("%0D", "\r").replace("%0A", "\n");
    if is_property {
        text = text.replace("%3A", ":").replace("%2C", ",");
    }
    text.replace("%25", "%")
}
