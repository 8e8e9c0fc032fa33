//! The texts that were read, and positions in them for diagnostics.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A range of bytes in one of the files that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    file: u16,
    start: u32,
    end: u32,
}

impl Span {
    /// `range` of the file that [`Sources::add`] numbered `file`.
    pub(crate) fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file: file.0, start: clamp(range.start), end: clamp(range.end.max(range.start)) }
    }

    /// The bytes it covers.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Which file it is in.
    pub(crate) fn file(self) -> FileId {
        FileId(self.file)
    }

    /// Whether the other lies within it.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// A part of it, in bytes from its start; never reaches past its end.
    pub(crate) fn slice(self, part: Range<usize>) -> Self {
        let start = self.range().start + part.start;
        let end = self.range().start + part.end;
        Self::new(self.file(), start.min(self.range().end)..end.min(self.range().end))
    }
}

/// Identifies one of the files that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u16);

/// Line and column, both from 1, as editors count them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// As the user would type it.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", show_path(&self.path), self.line, self.column)
    }
}

/// Every file that was read: `neargate.yaml`, the task definitions, `.env`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

#[derive(Clone, Debug)]
struct SourceFile {
    path: PathBuf,
    text: String,
    line_starts: Vec<usize>,
    /// How many characters begin before each multiple of [`STRIDE`] bytes, so that the column of a place far into a long
    /// line is found without reading the line.
    characters: Vec<usize>,
    /// Values of secrets: always shown as asterisks.
    secret: Vec<Range<usize>>,
}

/// How many bytes are read at most to find a column.
const STRIDE: usize = 1024;

impl Sources {
    /// Adds a text. `path` is its name in messages.
    pub(crate) fn add(&mut self, path: &Path, text: &str) -> FileId {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let strides = text.as_bytes().chunks(STRIDE).scan(0, |sum, stride| {
            *sum += characters_in(stride);
            Some(*sum)
        });
        let characters = std::iter::once(0).chain(strides).collect();
        let (path, text) = (path.to_owned(), text.to_owned());
        self.files.push(SourceFile { path, text, line_starts, characters, secret: Vec::new() });
        FileId(u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX))
    }

    /// Hides these bytes in everything that is shown.
    pub(crate) fn hide(&mut self, span: Span) {
        if let Some(file) = self.files.get_mut(usize::from(span.file)) {
            file.secret.push(span.range());
        }
    }

    /// The files in the order in which they were read; a change to any of them changes the topology.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// The file's name in messages.
    pub(crate) fn path(&self, file: FileId) -> &Path {
        self.files.get(usize::from(file.0)).map_or(Path::new("?"), |file| &file.path)
    }

    /// The original text.
    pub(crate) fn text(&self, file: FileId) -> &str {
        self.files.get(usize::from(file.0)).map_or("", |file| &file.text)
    }

    /// Line and column of the span's first character.
    pub fn location(&self, span: Span) -> Location {
        let text = self.text(span.file());
        let start = floor_char_boundary(text, span.range().start);
        let line = self.line(span.file(), start);
        let line_start = self.line_start(span.file(), line);
        let before = |offset| self.files.get(usize::from(span.file)).map_or(0, |file| file.characters_before(offset));
        let column = before(start) - before(line_start) + 1;
        Location { path: self.path(span.file()).to_owned(), line: line + 1, column }
    }

    /// Number of the line (from 0) that holds the byte.
    pub(crate) fn line(&self, file: FileId, offset: usize) -> usize {
        self.files
            .get(usize::from(file.0))
            .map_or(0, |file| file.line_starts.partition_point(|start| *start <= offset).saturating_sub(1))
    }

    /// First byte of a line (from 0); the end of the text when there is no such line.
    pub(crate) fn line_start(&self, file: FileId, line: usize) -> usize {
        self.files
            .get(usize::from(file.0))
            .map_or(0, |file| file.line_starts.get(line).copied().unwrap_or(file.text.len()))
    }

    /// The bytes of the range in a form that can be shown: same length, secrets as asterisks.
    pub(crate) fn shown(&self, file: FileId, range: Range<usize>) -> String {
        let Some(source) = self.files.get(usize::from(file.0)) else { return String::new() };
        let mut shown = source.text.get(range.clone()).unwrap_or_default().to_owned();
        for secret in &source.secret {
            let start = secret.start.clamp(range.start, range.end) - range.start;
            let end = secret.end.clamp(range.start, range.end) - range.start;
            if let Some(covered) = shown.get(start..end) {
                let stars: String = covered.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
                shown.replace_range(start..end, &stars);
            }
        }
        shown
    }
}

impl SourceFile {
    fn characters_before(&self, offset: usize) -> usize {
        let (known, rest) = self.count_to(offset);
        known + characters_in(rest)
    }

    /// How many characters are known to begin before an offset, and the bytes that are still to be counted.
    fn count_to(&self, offset: usize) -> (usize, &[u8]) {
        let stride = offset / STRIDE;
        (self.characters[stride], &self.text.as_bytes()[stride * STRIDE..offset])
    }
}

/// How many characters begin in these bytes of a text.
fn characters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

/// A path with `/` everywhere, so that messages are the same on every system.
pub fn show_path(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

/// The largest character boundary that is not after `offset`.
pub(crate) fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_counts_characters_not_bytes() {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("a.yaml"), "a: b\nä: ö\n");
        let at = sources.text(file).find('ö').unwrap();
        assert_eq!(sources.location(Span::new(file, at..at + 2)).to_string(), "a.yaml:2:4");
    }

    #[test]
    fn a_column_far_into_a_long_line_is_found_without_reading_the_line() {
        let mut sources = Sources::default();
        let line = "{\"straße\": \"→ 10 €\"}, ".repeat(40_000);
        let text = format!("ä\n{line}\nö");
        let file = sources.add(Path::new("a.json"), &text);
        for (column, (at, character)) in (1..).zip(line.char_indices()) {
            let at = at + "ä\n".len();
            if column % 97 == 0 {
                let location = sources.location(Span::new(file, at..at + 1));
                assert_eq!((location.line, location.column), (2, column), "at byte {at}, {character:?}");
            }
            assert!(sources.files[0].count_to(at).1.len() < STRIDE, "at byte {at}");
        }
        assert_eq!(sources.location(Span::new(file, text.len()..text.len())).to_string(), "a.json:3:2");
    }

    #[test]
    fn hidden_bytes_are_shown_as_asterisks() {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("a.yaml"), "key: hunter2\n");
        sources.hide(Span::new(file, 5..12));
        assert_eq!(sources.shown(file, 0..12), "key: *******");
    }
}
