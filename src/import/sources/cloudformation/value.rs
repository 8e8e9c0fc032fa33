//! What a node becomes when its functions are evaluated.

use super::tree::At;

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evaluated {
    pub(super) at: At,
    pub(super) what: What,
    /// From a parameter with `NoEcho`, or a reference to a secret.
    pub(super) secret: bool,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// `AWS::NoValue`: the property or the element goes away.
    Removed,
    /// Text, and whether it stands without quotes.
    Text(String, bool),
    /// Text with attributes of resources in it.
    Rope(Vec<Piece>),
    List(Vec<Evaluated>),
    Map(Vec<(String, Evaluated)>),
    /// Not known: why, as a sentence without a full stop.
    Missing(String),
}

/// A piece of a rope.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Token(Token),
}

/// An attribute of a resource, or `Ref`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) stack: usize,
    pub(super) id: String,
    pub(super) attribute: String,
}

impl Evaluated {
    pub(super) fn new(at: At, what: What) -> Self {
        Self { at, what, secret: false }
    }

    pub(super) fn text(at: At, text: impl Into<String>) -> Self {
        Self::new(at, What::Text(text.into(), false))
    }

    pub(super) fn missing(at: At, why: impl Into<String>) -> Self {
        Self::new(at, What::Missing(why.into()))
    }

    pub(super) fn secret(mut self, secret: bool) -> Self {
        self.secret |= secret;
        self
    }

    /// At another place: a value that comes from another template stands here where it is used.
    pub(super) fn moved(mut self, at: At) -> Self {
        self.at = at;
        match &mut self.what {
            What::List(items) => items.iter_mut().for_each(|item| *item = item.clone().moved(at)),
            What::Map(entries) => entries.iter_mut().for_each(|(_, item)| *item = item.clone().moved(at)),
            _ => {}
        }
        self
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text, _) => Some(text),
            _ => None,
        }
    }

    pub(super) fn token(&self) -> Option<&Token> {
        match &self.what {
            What::Rope(pieces) => match &pieces[..] {
                [Piece::Token(token)] => Some(token),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match &self.what {
            What::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.what {
            What::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Its pieces, if it is text; otherwise why not.
    pub(super) fn pieces(&self) -> Result<Vec<Piece>, String> {
        match &self.what {
            What::Text(text, _) => Ok(vec![Piece::Text(text.clone())]),
            What::Rope(pieces) => Ok(pieces.clone()),
            What::Missing(why) => Err(why.clone()),
            What::Removed => Ok(Vec::new()),
            What::List(_) | What::Map(_) => Err("a list stands where text is wanted".to_owned()),
        }
    }

    /// Text again if no token is in it.
    pub(super) fn rope(at: At, pieces: Vec<Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
                (_, piece) => joined.push(piece),
            }
        }
        joined.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        match &joined[..] {
            [] => Self::text(at, ""),
            [Piece::Text(text)] => Self::text(at, text.clone()),
            _ => Self::new(at, What::Rope(joined)),
        }
    }
}
