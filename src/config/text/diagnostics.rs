//! Mistakes and warnings for people: what is wrong, where, the rule behind it, and how to fix it.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use neargate_alb::violation::Violation;

use super::source::{FileId, Location, Sources, Span, floor_char_boundary, show_path};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing starts before it is corrected.
    Error,
    /// It starts, and probably does not do what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// One mistake or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    /// The first is the place itself, the others explain it.
    labels: Vec<(Span, String)>,
    notes: Vec<String>,
    helps: Vec<String>,
}

impl Diagnostic {
    /// A mistake at `span`; `label` is printed beside the caret and may be empty.
    pub(crate) fn error(message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self::new(Severity::Error, message, span, label)
    }

    /// A warning at `span`.
    pub(crate) fn warning(message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message, span, label)
    }

    /// Something worth knowing at `span`.
    pub(crate) fn remark(message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self::new(Severity::Note, message, span, label)
    }

    fn new(severity: Severity, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            labels: vec![(span, label.into())],
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// Adds a second position that explains the first.
    pub(crate) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    /// Adds the rule behind it.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds AWS's own words, and the page that has them.
    pub(crate) fn aws(self, words: &str, page: &str) -> Self {
        self.note(format!("AWS answers \"{words}\" ({page})"))
    }

    /// The answer of ELBv2 to the action that the file stands for.
    pub(crate) fn refused(self, violation: &Violation, action: &str) -> Self {
        self.aws(&format!("{}: {violation}", violation.code()), &format!("ELBv2 API reference, {action}"))
    }

    /// Adds a way to fix it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.helps.push(help.into());
        self
    }

    /// Adds a way to fix it, if there is one.
    pub(crate) fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The problem, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The rules behind it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The ways to fix it.
    pub fn helps(&self) -> &[String] {
        &self.helps
    }

    /// The position.
    pub fn span(&self) -> Span {
        self.labels[0].0
    }

    /// The position as line and column.
    pub fn location(&self, sources: &Sources) -> Location {
        sources.location(self.span())
    }

    /// Draws it in rustc's style.
    pub fn render(&self, sources: &Sources, style: Style) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(&*self.message));
        let mut files: Vec<FileId> = Vec::new();
        for (span, _) in &self.labels {
            if !files.contains(&span.file()) {
                files.push(span.file());
            }
        }
        for file in files {
            group = group.element(self.snippet(sources, file));
        }
        let notes = self.notes.iter().map(|note| Level::NOTE.message(&**note));
        let helps = self.helps.iter().map(|help| Level::HELP.message(&**help));
        let report = [group.elements(notes.chain(helps))];
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Coloured => Renderer::styled(),
        };
        // ASCII, so that a log viewer without a good font shows it too; wide, because the terminal wraps better.
        renderer.decor_style(DecorStyle::Ascii).term_width(240).render(&report)
    }

    /// The relevant lines of one file. Only these are passed to the renderer, so that a caret in a file of ten thousand
    /// lines does not cost ten thousand lines of work.
    fn snippet<'s>(&'s self, sources: &Sources, file: FileId) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
        let text = sources.text(file);
        let spans: Vec<_> = self
            .labels
            .iter()
            .enumerate()
            .filter(|(_, (span, _))| span.file() == file)
            .map(|(index, (span, label))| (index, first_line(text, span.range()), label))
            .collect();
        let first = spans.iter().map(|(_, range, _)| sources.line(file, range.start)).min().unwrap_or(0);
        let last = spans.iter().map(|(_, range, _)| sources.line(file, range.end)).max().unwrap_or(0);
        let window = sources.line_start(file, first)..sources.line_start(file, last + 1);
        let mut snippet = Snippet::source(sources.shown(file, window.clone()))
            .line_start(first + 1)
            .path(show_path(sources.path(file)))
            .fold(true);
        for (index, range, label) in spans {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let local = range.start - window.start..range.end - window.start;
            let annotation = kind.span(local);
            snippet = snippet.annotation(if label.is_empty() { annotation } else { annotation.label(&**label) });
        }
        snippet
    }
}

/// The part of the range on its first line: a caret under a whole block does not help.
fn first_line(text: &str, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let start = floor_char_boundary(text, range.start);
    let end = floor_char_boundary(text, range.end).max(start);
    let covered = text.get(start..end).unwrap_or_default();
    let line = covered.split('\n').next().unwrap_or_default().trim_end();
    start..start + line.len()
}

/// Whether to draw in colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI escapes; print through `anstream`, which removes them if the output is not a terminal.
    Coloured,
}

/// All mistakes and warnings, with the texts that they refer to.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    sources: Sources,
}

impl Diagnostics {
    pub(crate) fn new(mut items: Vec<Diagnostic>, sources: Sources) -> Self {
        items.sort_by_key(|item| (item.span(), item.severity));
        items.dedup();
        Self { items, sources }
    }

    /// With a note for each one of which `note` knows more, by its position.
    #[must_use]
    pub fn noted(mut self, note: &dyn Fn(&Location) -> Option<String>) -> Self {
        for item in &mut self.items {
            item.notes.extend(note(&self.sources.location(item.span())));
        }
        self
    }

    /// In the order of the files.
    pub fn items(&self) -> &[Diagnostic] {
        &self.items
    }

    /// The texts.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The number of mistakes.
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|item| item.severity == Severity::Error).count()
    }

    /// All of them, and a last line with their number.
    pub fn render(&self, style: Style) -> String {
        let mut text = render_all(&self.items, &self.sources, style);
        let errors = self.errors();
        let warnings = self.items.len() - errors;
        let mut summary = format!("{} found", count(errors, "mistake"));
        if warnings > 0 {
            summary.push_str(&format!(", and {}", count(warnings, "warning")));
        }
        text.push_str(&summary);
        text.push('\n');
        text
    }
}

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}

/// Each one followed by an empty line.
pub fn render_all(items: &[Diagnostic], sources: &Sources, style: Style) -> String {
    items.iter().map(|item| format!("{}\n\n", item.render(sources, style))).collect()
}

/// `1 mistake`, `2 mistakes`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
