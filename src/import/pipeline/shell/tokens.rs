//! Shell scripts as words and signs: quotes, substitutions and documents are seen, so that a sign inside them is none.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Sign(&'static str),
    Here(String, bool),
}

const SIGNS: &[&str] = &[
    "<<<", "&>>", "2>&1", "1>&2", ">&2", "2>>", "&&", "||", ";;", "<<", ">>", "&>", "2>", "1>", "|&", ">|", ";", "|",
    "&", "(", ")", "<", ">", "\n",
];

/// The words and signs of a script.
pub(super) fn tokens(script: &str) -> Vec<Token> {
    let script = script.replace("\r\n", "\n").replace("\\\n", " ");
    let mut tokens = Vec::new();
    let mut pending: Vec<(usize, String, bool)> = Vec::new();
    let mut rest = script.as_str();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return tokens;
        }
        if rest.starts_with('#') {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            let end = word_end(rest);
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
            continue;
        };
        rest = &rest[sign.len()..];
        match *sign {
            "<<" => {
                let word = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
                let end = word_end(word);
                let quoted = word[..end].contains(['\'', '"', '\\']);
                pending.push((tokens.len(), word[..end].replace(['\'', '"', '\\'], ""), !quoted));
                tokens.push(Token::Here(String::new(), !quoted));
                rest = &word[end..];
            }
            "\n" => {
                tokens.push(Token::Sign("\n"));
                for (at, end, replaces) in pending.drain(..) {
                    let (body, after) = here_document(rest, &end);
                    tokens[at] = Token::Here(body, replaces);
                    rest = after;
                }
            }
            sign => tokens.push(Token::Sign(sign)),
        }
    }
}

/// Lines up to the one that is the end word.
fn here_document<'t>(text: &'t str, end: &str) -> (String, &'t str) {
    let mut body = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if line.trim() == end {
            break;
        }
        body.push_str(line);
        body.push('\n');
    }
    (body, rest)
}

/// Where the word ends that begins the text: at a blank or sign outside of quotes, brackets and substitutions.
fn word_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        match c {
            ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' if at > 0 || !"<>&|;()".contains(c) => {
                return at;
            }
            '\\' => at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '\'' => at += quoted_length(rest, '\''),
            '"' => at += double_quoted_length(rest),
            '`' => at += quoted_length(rest, '`'),
            '$' if rest.starts_with("$(") || rest.starts_with("${") => at += substitution_length(rest),
            c => at += c.len_utf8(),
        }
    }
    at
}

fn quoted_length(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

fn double_quoted_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        match c {
            '"' => return at + 1,
            '\\' => at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '$' if rest.starts_with("$(") || rest.starts_with("${") => at += substitution_length(rest),
            c => at += c.len_utf8(),
        }
    }
    at
}

/// Length of `$(…)` or `${…}`, with everything inside it.
pub(super) fn substitution_length(text: &str) -> usize {
    let (open, close) = if text.starts_with("$(") { ('(', ')') } else { ('{', '}') };
    let mut depth = 0_usize;
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        match c {
            '\\' => at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '\'' if open == '(' => at += quoted_length(rest, '\''),
            '"' => at += double_quoted_length(rest),
            c => {
                at += c.len_utf8();
                if c == open {
                    depth += 1;
                } else if c == close {
                    depth -= 1;
                    if depth == 0 {
                        return at;
                    }
                }
            }
        }
    }
    at
}
