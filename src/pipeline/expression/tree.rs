//! An expression as a tree. Operators bind as in JavaScript: `!`, then comparisons of order, of equality, `&&`, `||`.

use super::function::{self, Function};
use super::tokens::{Kind, Token, tokens};
use super::value::Value;

/// Brackets within brackets, beyond what people write: GitHub's limit on the depth of an expression.
const MAX_DEPTH: usize = 50;

/// An expression.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A literal.
    Literal(Value),
    /// A context, and where its name stands.
    Context(String, usize),
    /// `a.b`, `a['b']`
    Index(Box<Tree>, Box<Tree>),
    /// `a.*`
    All(Box<Tree>),
    /// `!a`
    Not(Box<Tree>),
    /// `a == b` and its like.
    Compare(&'static str, Box<Tree>, Box<Tree>),
    /// `a && b`
    And(Box<Tree>, Box<Tree>),
    /// `a || b`
    Or(Box<Tree>, Box<Tree>),
    /// `f(a, b)`
    Call(Function, Vec<Tree>),
}

impl Tree {
    /// Calls the visitor with this and everything in it.
    pub fn visit<'t>(&'t self, visitor: &mut dyn FnMut(&'t Self)) {
        visitor(self);
        match self {
            Self::Literal(_) | Self::Context(..) => {}
            Self::All(one) | Self::Not(one) => one.visit(visitor),
            Self::Index(left, right)
            | Self::Compare(_, left, right)
            | Self::And(left, right)
            | Self::Or(left, right) => {
                left.visit(visitor);
                right.visit(visitor);
            }
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.visit(visitor)),
        }
    }

    /// Whether it asks for a status: otherwise GitHub asks for `success()` as well.
    pub fn asks_status(&self) -> bool {
        let mut asks = false;
        self.visit(&mut |part| asks |= matches!(part, Self::Call(function, _) if function.is_status()));
        asks
    }
}

/// Reads an expression; a mistake is told in GitHub's words.
pub fn parse(expression: &str) -> Result<Tree, String> {
    let expression = expression.trim();
    let tokens = tokens(expression)?;
    let mut parser = Parser { expression, tokens: &tokens, at: 0, depth: 0 };
    let tree = parser.or()?;
    match parser.tokens.get(parser.at) {
        None => Ok(tree),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'p> {
    expression: &'p str,
    tokens: &'p [Token],
    at: usize,
    depth: usize,
}

type Parsed = Result<Tree, String>;

impl Parser<'_> {
    fn located(&self, what: &str, at: usize) -> String {
        format!("{what}. Located at position {at} within expression: {}", self.expression)
    }

    /// What is wrong with the token that comes next.
    fn unexpected(&self) -> String {
        let Some(token) = self.tokens.get(self.at) else {
            return format!("Unexpected end of expression: '{}'", self.expression);
        };
        let text = match &token.kind {
            Kind::Name(name) => name.clone(),
            Kind::Literal(value) => value.to_text(),
            Kind::Sign(sign) => (*sign).to_owned(),
        };
        self.located(&format!("Unexpected symbol: '{text}'"), token.at)
    }

    fn next_is(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token { kind: Kind::Sign(known), .. }) if *known == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = self.next_is(sign);
        self.at += usize::from(found);
        found
    }

    fn wants(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn or(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("Exceeded max expression depth {MAX_DEPTH}"));
        }
        let mut left = self.and()?;
        while self.takes("||") {
            left = Tree::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.comparison(&["==", "!="])?;
        while self.takes("&&") {
            left = Tree::And(Box::new(left), Box::new(self.comparison(&["==", "!="])?));
        }
        Ok(left)
    }

    /// Equality; its sides are comparisons of order.
    fn comparison(&mut self, signs: &[&'static str]) -> Parsed {
        let is_equality = signs.contains(&"==");
        let side = |parser: &mut Self| {
            if is_equality { parser.comparison(&["<=", ">=", "<", ">"]) } else { parser.unary() }
        };
        let mut left = side(self)?;
        while let Some(sign) = signs.iter().find(|sign| self.next_is(sign)) {
            self.at += 1;
            left = Tree::Compare(sign, Box::new(left), Box::new(side(self)?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let mut nots = 0_usize;
        while self.takes("!") {
            nots += 1;
        }
        let mut tree = self.postfix()?;
        for _ in 0..nots {
            tree = Tree::Not(Box::new(tree));
        }
        Ok(tree)
    }

    fn postfix(&mut self) -> Parsed {
        let mut tree = self.primary()?;
        loop {
            if self.takes(".") {
                if self.takes("*") {
                    tree = Tree::All(Box::new(tree));
                    continue;
                }
                let Some(Token { kind: Kind::Name(name), .. }) = self.tokens.get(self.at) else {
                    return Err(self.unexpected());
                };
                self.at += 1;
                tree = Tree::Index(Box::new(tree), Box::new(Tree::Literal(Value::from(name.as_str()))));
            } else if self.takes("[") {
                if self.takes("*") {
                    tree = Tree::All(Box::new(tree));
                } else {
                    tree = Tree::Index(Box::new(tree), Box::new(self.or()?));
                }
                self.wants("]")?;
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        if self.takes("(") {
            let tree = self.or()?;
            self.wants(")")?;
            return Ok(tree);
        }
        let Some(Token { at, kind }) = self.tokens.get(self.at) else { return Err(self.unexpected()) };
        match kind {
            Kind::Literal(value) => {
                self.at += 1;
                Ok(Tree::Literal(value.clone()))
            }
            Kind::Name(name) => {
                self.at += 1;
                if self.takes("(") { self.call(name, *at) } else { Ok(Tree::Context(name.clone(), *at)) }
            }
            Kind::Sign(_) => Err(self.unexpected()),
        }
    }

    fn call(&mut self, name: &str, at: usize) -> Parsed {
        let function =
            function::named(name).ok_or_else(|| self.located(&format!("Unrecognized function: '{name}'"), at))?;
        let mut arguments = Vec::new();
        if !self.takes(")") {
            loop {
                arguments.push(self.or()?);
                if self.takes(")") {
                    break;
                }
                self.wants(",")?;
            }
        }
        let (least, most) = function.arity();
        if arguments.len() < least {
            return Err(self.located(&format!("Too few parameters supplied: '{name}'"), at));
        }
        if arguments.len() > most {
            return Err(self.located(&format!("Too many parameters supplied: '{name}'"), at));
        }
        Ok(Tree::Call(function, arguments))
    }
}
