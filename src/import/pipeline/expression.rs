//! Expressions of GitHub workflows, as far as their values can be known: contexts, literals, `&&`, `||`, comparisons,
//! a few functions (GitHub docs, "Evaluate expressions in workflows and actions").
//!
//! A comparison of something unknown with the name of a branch or a stage is true for the stage that is wanted, so
//! `github.ref == 'refs/heads/main' && 'prod' || 'dev'` is `prod` unless another one was asked for.

use super::stage::Wanted;
use super::text::{self, Text, unknown};

/// What names stand for.
pub(super) struct Names<'n> {
    /// The value of a context such as `env.X`; `None` if only the runner knows it.
    pub(super) lookup: &'n dyn Fn(&str) -> Option<Text>,
    pub(super) wanted: &'n Wanted,
}

/// The text with every `${{ … }}` replaced by its value.
pub(super) fn substitute(text: &str, names: &Names<'_>) -> Text {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        out.push_str(&rest[..start]);
        let after = &rest[start + 3..];
        let Some(end) = after.find("}}") else {
            out.push_str(&rest[start..]);
            return out;
        };
        out.push_str(&evaluate(&after[..end], names));
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    out
}

/// The value of one expression.
pub(super) fn evaluate(expression: &str, names: &Names<'_>) -> Text {
    let tokens = tokens(expression);
    let mut parser = Parser { tokens: &tokens, at: 0, names, depth: 0 };
    match parser.or() {
        Some(value) if parser.at == tokens.len() => value,
        _ => unknown(expression.trim()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Literal(String),
    Sign(&'static str),
}

const SIGNS: &[&str] = &["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", ","];

fn tokens(expression: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let mut literal = String::new();
            let mut after = &rest[1..];
            loop {
                let end = after.find('\'').unwrap_or(after.len());
                literal.push_str(&after[..end]);
                after = after.get(end + 1..).unwrap_or_default();
                // Two quotes are one.
                let Some(more) = after.strip_prefix('\'') else { break };
                literal.push('\'');
                after = more;
            }
            tokens.push(Token::Literal(literal));
            rest = after.trim_start();
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = rest[sign.len()..].trim_start();
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "&|=!<>(),'".contains(c)).unwrap_or(rest.len());
            let mut name = rest[..end].to_owned();
            rest = &rest[end..];
            // `inputs['name']` is `inputs.name`.
            while name.ends_with('[') && rest.starts_with('\'') {
                let Some((key, after)) = rest[1..].split_once("']") else { break };
                name.pop();
                name.push('.');
                name.push_str(key);
                let end = after.find(|c: char| c.is_whitespace() || "&|=!<>(),'".contains(c)).unwrap_or(after.len());
                name.push_str(&after[..end]);
                rest = &after[end..];
            }
            if name.is_empty() {
                // A quote in the wrong place: give up on what follows.
                break;
            }
            tokens.push(Token::Name(name));
            rest = rest.trim_start();
        }
    }
    tokens
}

struct Parser<'p> {
    tokens: &'p [Token],
    at: usize,
    names: &'p Names<'p>,
    depth: usize,
}

fn boolean(value: bool) -> Text {
    value.to_string()
}

/// `None` if it cannot be known.
fn truth(value: &str) -> Option<bool> {
    text::is_known(value).then_some(!matches!(value, "" | "false" | "0" | "null"))
}

impl Parser<'_> {
    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(known)) if *known == sign);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Option<Text> {
        self.depth += 1;
        // Brackets within brackets: nothing that people write.
        if self.depth > 40 {
            return None;
        }
        let mut left = self.and()?;
        while self.takes("||") {
            let right = self.and()?;
            left = match truth(&left) {
                Some(true) => left,
                Some(false) => right,
                // What the repository's settings may override has a default here.
                None if text::known(&right).is_some() => right,
                None => left,
            };
        }
        self.depth -= 1;
        Some(left)
    }

    fn and(&mut self) -> Option<Text> {
        let mut left = self.equality()?;
        while self.takes("&&") {
            let right = self.equality()?;
            left = if truth(&left) == Some(false) { left } else { right };
        }
        Some(left)
    }

    fn equality(&mut self) -> Option<Text> {
        let left = self.unary()?;
        for (sign, same) in [("==", true), ("!=", false)] {
            if self.takes(sign) {
                let right = self.unary()?;
                let equal = self.equal(&left, &right);
                return Some(equal.map_or_else(|| unknown("a comparison"), |equal| boolean(equal == same)));
            }
        }
        if ["<=", ">=", "<", ">"].iter().any(|sign| self.takes(sign)) {
            self.unary()?;
            return Some(unknown("a comparison"));
        }
        Some(left)
    }

    fn equal(&self, left: &str, right: &str) -> Option<bool> {
        match (text::is_known(left), text::is_known(right)) {
            (true, true) => Some(left.eq_ignore_ascii_case(right)),
            (false, true) => self.names.wanted.is_meant_by_branch(right),
            (true, false) => self.names.wanted.is_meant_by_branch(left),
            (false, false) => None,
        }
    }

    fn unary(&mut self) -> Option<Text> {
        if self.takes("!") {
            let value = self.unary()?;
            return Some(truth(&value).map_or_else(|| unknown("a condition"), |value| boolean(!value)));
        }
        if self.takes("(") {
            let value = self.or()?;
            return self.takes(")").then_some(value);
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        match token {
            Token::Literal(text) => Some(text),
            Token::Name(name) if self.takes("(") => self.call(&name),
            Token::Name(name) if matches!(name.as_str(), "true" | "false") || name.parse::<f64>().is_ok() => Some(name),
            Token::Name(name) if name == "null" => Some(String::new()),
            Token::Name(name) => Some((self.names.lookup)(&name).unwrap_or_else(|| unknown(&name))),
            Token::Sign(_) => None,
        }
    }

    fn call(&mut self, name: &str) -> Option<Text> {
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.or()?);
            self.takes(",");
        }
        let known = arguments.iter().all(|argument| text::is_known(argument));
        let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
        let speaks = |holds: fn(&str, &str) -> bool| {
            let holds = known.then(|| holds(&argument(0).to_lowercase(), &argument(1).to_lowercase()));
            let holds = holds.or_else(|| self.names.wanted.is_meant_by_branch(text::known(&arguments[1])?));
            holds.map_or_else(|| unknown("a comparison"), boolean)
        };
        Some(match name.to_lowercase().as_str() {
            "format" => {
                let mut out = argument(0);
                for (index, value) in arguments.iter().enumerate().skip(1) {
                    out = out.replace(&format!("{{{}}}", index - 1), value);
                }
                out
            }
            "contains" if arguments.len() == 2 => speaks(|all, part| all.contains(part)),
            "startswith" if arguments.len() == 2 => speaks(|all, part| all.starts_with(part)),
            "endswith" if arguments.len() == 2 => speaks(|all, part| all.ends_with(part)),
            "fromjson" | "tojson" => argument(0),
            "always" | "success" => boolean(true),
            "failure" | "cancelled" => boolean(false),
            _ => unknown(&format!("{name}(…)")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, stage: Option<&str>) -> String {
        let wanted = Wanted::new(stage);
        let lookup = |name: &str| match name {
            "env.REPO" => Some("app".to_owned()),
            "inputs.empty" => Some(String::new()),
            "inputs.a-b" => Some("dash".to_owned()),
            _ => None,
        };
        text::show(&substitute(text, &Names { lookup: &lookup, wanted: &wanted }))
    }

    #[test]
    fn expressions_have_the_value_that_can_be_known() {
        for (written, read) in [
            ("ghcr.io/${{ env.REPO }}:${{github.sha}}", "ghcr.io/app:${{ github.sha }}"),
            ("${{ inputs.empty || 'default' }}", "default"),
            ("${{ vars.CLUSTER || 'main' }}", "main"),
            ("${{ inputs['a-b'] }}-${{ 'it''s' }}", "dash-it's"),
            ("${{ github.ref == 'refs/heads/main' && 'prod' || 'dev' }}", "prod"),
            ("${{ github.ref_name == 'develop' && 'dev' || 'prod' }}", "prod"),
            ("${{ startsWith(github.ref, 'refs/tags/') && 'x' || 'y' }}", "x"),
            ("${{ format('{0}/{1}', env.REPO, 'b') }}", "app/b"),
            ("${{ !inputs.empty && (env.REPO != 'app' || env.REPO) }}", "app"),
            ("${{ hashFiles('**/lock') }}", "${{ hashFiles(…) }}"),
            ("${{ ) broken }}", "${{ ) broken }}"),
            ("${{ never closed", "${{ never closed"),
        ] {
            assert_eq!(value(written, None), read, "{written}");
        }
        assert_eq!(value("${{ github.ref == 'refs/heads/main' && 'prod' || 'dev' }}", Some("dev")), "dev");
    }
}
