//! Shell scripts, taken apart: commands with words as they are written, loops over words, branches. Enough of the
//! grammar to follow scripts of pipelines; what is not understood becomes a command that does nothing.

use super::tokens::{Token, tokens};

/// One thing that a script does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A command, and whether the next one reads what it writes.
    Command { command: Command, pipes: bool },
    /// `for name in words; do …; done`
    For { name: String, words: Vec<String>, body: Vec<Item> },
    /// `( … )`, and whether the next one reads what it writes.
    Group { body: Vec<Item>, pipes: bool },
    /// `if …; elif …; else …; fi` and `case`: each branch with its condition; `else` has none.
    Choice(Vec<(String, Vec<Item>)>),
    /// `name() { … }`
    Function { name: String, body: Vec<Item> },
}

/// Words with quotes and references in them, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<String>,
    /// Files that are written to.
    pub(super) into: Vec<String>,
    /// File that is read.
    pub(super) from: Option<String>,
    /// Text that stands in the script, and whether references in it are replaced.
    pub(super) here: Option<(String, bool)>,
}

/// What a script says.
pub(super) fn parse(script: &str) -> Vec<Item> {
    let tokens = tokens(script);
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let mut items = Vec::new();
    while parser.at < tokens.len() {
        items.extend(parser.list(&[]));
        // A word that closes what was never opened.
        parser.at += 1;
    }
    items
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at)? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at)? {
            Token::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    fn skip(&mut self, signs: &[&str]) {
        while self.sign().is_some_and(|sign| signs.contains(&sign)) {
            self.at += 1;
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word() == Some(word);
        self.at += usize::from(found);
        found
    }

    /// Items up to one of the closing words, which is not taken.
    fn list(&mut self, ends: &[&str]) -> Vec<Item> {
        let mut items = Vec::new();
        self.depth += 1;
        loop {
            self.skip(&["\n", ";", "&", "&&", "||", "|"]);
            let closed = self.word().is_some_and(|word| ends.contains(&word));
            let bracket = self.sign().is_some_and(|sign| sign == ")" || sign == ";;");
            if closed || bracket || self.at >= self.tokens.len() || self.depth > 60 {
                break;
            }
            let before = self.at;
            items.extend(self.item());
            if self.at == before {
                self.at += 1;
            }
        }
        self.depth -= 1;
        items
    }

    fn item(&mut self) -> Option<Item> {
        if self.sign() == Some("(") {
            self.at += 1;
            let body = self.list(&[]);
            self.skip(&[")"]);
            let pipes = self.ends_in_pipe();
            return Some(Item::Group { body, pipes });
        }
        match self.word() {
            Some("for") => self.for_loop(),
            Some("if") => Some(self.choice()),
            Some("case") => self.case(),
            Some("while" | "until") => {
                self.at += 1;
                let mut body = self.list(&["do"]);
                self.take_word("do");
                body.extend(self.list(&["done"]));
                self.take_word("done");
                Some(Item::Group { body, pipes: false })
            }
            Some("{") => {
                self.at += 1;
                let body = self.list(&["}"]);
                self.take_word("}");
                let pipes = self.ends_in_pipe();
                Some(Item::Group { body, pipes })
            }
            Some("then" | "do" | "else" | "!" | "time" | "function") => {
                self.at += 1;
                None
            }
            _ => self.command(),
        }
    }

    fn for_loop(&mut self) -> Option<Item> {
        self.at += 1;
        let name = self.word()?.to_owned();
        self.at += 1;
        let mut words = Vec::new();
        if self.take_word("in") {
            while let Some(word) = self.word() {
                words.push(word.to_owned());
                self.at += 1;
            }
        }
        self.skip(&["\n", ";"]);
        self.take_word("do");
        let body = self.list(&["done"]);
        self.take_word("done");
        Some(Item::For { name, words, body })
    }

    fn choice(&mut self) -> Item {
        let mut branches = Vec::new();
        loop {
            // `if`, `elif` or `else`
            let is_else = self.word() == Some("else");
            self.at += 1;
            let mut condition = String::new();
            if !is_else {
                let start = self.at;
                self.list(&["then"]);
                let words = self.tokens[start..self.at].iter().filter_map(|token| match token {
                    Token::Word(word) => Some(word.as_str()),
                    _ => None,
                });
                condition = words.collect::<Vec<_>>().join(" ");
                self.take_word("then");
            }
            branches.push((condition, self.list(&["elif", "else", "fi"])));
            if self.take_word("fi") || self.at >= self.tokens.len() || !matches!(self.word(), Some("elif" | "else")) {
                return Item::Choice(branches);
            }
        }
    }

    fn case(&mut self) -> Option<Item> {
        self.at += 2;
        self.take_word("in");
        let mut branches = Vec::new();
        loop {
            self.skip(&["\n", ";;", ";", "("]);
            if self.take_word("esac") || self.at >= self.tokens.len() {
                return Some(Item::Choice(branches));
            }
            let mut pattern = String::new();
            while let Some(token) = self.tokens.get(self.at).filter(|token| **token != Token::Sign(")")) {
                if let Token::Word(word) = token {
                    pattern.push_str(word);
                    pattern.push(' ');
                }
                self.at += 1;
            }
            self.at += 1;
            branches.push((pattern, self.list(&["esac"])));
        }
    }

    fn ends_in_pipe(&self) -> bool {
        matches!(self.sign(), Some("|" | "|&"))
    }

    fn command(&mut self) -> Option<Item> {
        let mut command = Command::default();
        loop {
            match self.tokens.get(self.at) {
                Some(Token::Word(word)) => {
                    command.words.push(word.clone());
                    self.at += 1;
                }
                Some(Token::Here(text, replaces)) => {
                    command.here = Some((text.clone(), *replaces));
                    self.at += 1;
                }
                Some(Token::Sign(sign @ (">" | ">>" | ">|" | "1>" | "2>" | "2>>" | "&>" | "&>>" | "<" | "<<<"))) => {
                    self.at += 1;
                    let Some(target) = self.word().map(str::to_owned) else { continue };
                    self.at += 1;
                    match *sign {
                        "<" => command.from = Some(target),
                        "<<<" => command.here = Some((target, true)),
                        "2>" | "2>>" => {}
                        _ => command.into.push(target),
                    }
                }
                Some(Token::Sign("2>&1" | "1>&2" | ">&2")) => self.at += 1,
                // `name() {`
                Some(Token::Sign("(")) if command.words.len() == 1 => {
                    self.at += 1;
                    self.skip(&[")", "\n"]);
                    if self.take_word("{") {
                        let body = self.list(&["}"]);
                        self.take_word("}");
                        return Some(Item::Function { name: command.words.remove(0), body });
                    }
                }
                Some(Token::Sign("(")) => self.at += 1,
                _ => break,
            }
        }
        let pipes = self.ends_in_pipe();
        let empty = command.words.is_empty() && command.into.is_empty();
        (!empty).then_some(Item::Command { command, pipes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<Vec<String>> {
        parse(script)
            .into_iter()
            .filter_map(|item| match item {
                Item::Command { command, .. } => Some(command.words),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn words_end_where_the_shell_ends_them() {
        let script =
            "docker build -t \"$A/b c:$(git rev-parse \"x y\")\" \\\n  --build-arg 'K=v w' . && echo ${X:-a b} # no\n";
        assert_eq!(
            words(script),
            [
                vec!["docker", "build", "-t", "\"$A/b c:$(git rev-parse \"x y\")\"", "--build-arg", "'K=v w'", "."],
                vec!["echo", "${X:-a b}"]
            ]
        );
    }

    #[test]
    fn loops_branches_and_documents_are_seen() {
        let items =
            parse("for s in a b; do\n docker build $s\ndone\nif [ x = y ]; then A=1; else A=2; fi\n(cd x && make)\n");
        assert!(
            matches!(&items[0], Item::For { name, words, body } if name == "s" && words.len() == 2 && body.len() == 1)
        );
        assert!(matches!(&items[1], Item::Choice(branches) if branches.len() == 2 && branches[0].0 == "[ x = y ]"));
        assert!(matches!(&items[2], Item::Group { body, .. } if body.len() == 2));

        let items = parse("cat > f <<'EOF' && next\n$not { here\nEOF\nlast\n");
        let Item::Command { command, .. } = &items[0] else { panic!("{items:?}") };
        assert_eq!(command.here, Some(("$not { here\n".to_owned(), false)));
        assert_eq!((items.len(), command.into.as_slice()), (3, &["f".to_owned()][..]));
    }

    #[test]
    fn nonsense_ends() {
        for script in
            ["if", "fi fi )", "case x in", "for", "((", "$(", "\"", "a() {", "<<", "<<EOF", "} done ;; )", "`"]
        {
            parse(script);
        }
    }
}
