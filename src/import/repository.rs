//! The files of a repository as one value, so that everything that is guessed from them is a pure function.

use std::collections::BTreeMap;

/// What was found below one folder: every path, and the text of those that may say how the application is built,
/// deployed and reached. Paths are relative, with `/` between their parts and without `./` in front.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    files: BTreeMap<String, Content>,
    cut: bool,
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its text.
    Text(String),
    /// It is there, but is not of a kind that is read.
    NotRead,
    /// It should have been read and could not be: the end of the sentence "`path` …".
    Unreadable(&'static str),
}

impl Repository {
    /// Adds a file.
    pub fn insert(&mut self, path: String, content: Content) {
        self.files.insert(path, content);
    }

    /// Notes that not all files were read.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// Whether not all files were read.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The text of a file, if it is there and was read.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.files.get(path)? {
            Content::Text(text) => Some(text),
            Content::NotRead | Content::Unreadable(_) => None,
        }
    }

    /// What is known of a file; `None` if it is not there.
    pub fn content(&self, path: &str) -> Option<&Content> {
        self.files.get(path)
    }

    /// Whether there is such a file, read or not.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Every path, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every path below a folder (`""` and `.` are the root) whose text was read, with the text, in order.
    pub fn texts_below<'r>(&'r self, folder: &str) -> impl Iterator<Item = (&'r str, &'r str)> + use<'r> {
        let prefix = match folder.trim_end_matches('/') {
            "" | "." => String::new(),
            folder => format!("{folder}/"),
        };
        self.files.range(prefix.clone()..).take_while(move |(path, _)| path.starts_with(&prefix)).filter_map(
            |(path, content)| match content {
                Content::Text(text) => Some((path.as_str(), text.as_str())),
                Content::NotRead | Content::Unreadable(_) => None,
            },
        )
    }
}

#[cfg(test)]
impl Repository {
    /// A repository of these files, for tests.
    pub(super) fn from_files(files: &[(&str, &str)]) -> Self {
        let mut repository = Self::default();
        for (path, text) in files {
            repository.insert((*path).to_owned(), Content::Text((*text).to_owned()));
        }
        repository
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_not_every_path_that_begins_like_it() {
        let repository =
            Repository::from_files(&[("api/a.py", "1"), ("api-old/a.py", "2"), ("api/b/c.py", "3"), ("z", "4")]);
        let below = |folder: &str| repository.texts_below(folder).map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(below("api"), ["api/a.py", "api/b/c.py"]);
        assert_eq!(below("api/"), ["api/a.py", "api/b/c.py"]);
        assert_eq!(below(".").len(), 4);
        assert!(below("nothing").is_empty());
    }
}
