//! Bake files in HCL: blocks with a label and attributes that are strings, lists and maps. What would have to be
//! evaluated (functions, conditions) becomes nothing.

use std::collections::BTreeMap;

use hcl::expr::{Expression, ObjectKey, TemplateExpr};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hcl {
    /// With `${…}` as it is written.
    Text(String),
    List(Vec<Hcl>),
    Map(BTreeMap<String, Hcl>),
    /// Something else.
    Other,
}

/// A block: its kind, its label, its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) label: String,
    pub(super) attributes: BTreeMap<String, Hcl>,
}

/// The top-level blocks of a file; none if it is not HCL.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let Ok(body) = hcl::parse(text) else { return Vec::new() };
    body.blocks()
        .map(|block| Block {
            kind: block.identifier().to_owned(),
            label: block.labels().first().map_or_else(String::new, |label| label.as_str().to_owned()),
            attributes: block.body().attributes().map(|one| (one.key().to_owned(), value(one.expr()))).collect(),
        })
        .collect()
}

fn value(expression: &Expression) -> Hcl {
    match expression {
        Expression::String(text) => Hcl::Text(text.clone()),
        Expression::Number(number) => Hcl::Text(number.to_string()),
        Expression::Bool(value) => Hcl::Text(value.to_string()),
        Expression::Variable(name) => Hcl::Text(format!("${{{}}}", name.as_str())),
        Expression::TemplateExpr(template) => match template.as_ref() {
            TemplateExpr::QuotedString(text) => Hcl::Text(text.clone()),
            TemplateExpr::Heredoc(_) => Hcl::Other,
        },
        Expression::Array(items) => Hcl::List(items.iter().map(value).collect()),
        Expression::Object(object) => {
            let entries = object.iter().filter_map(|(key, inner)| {
                let key = match key {
                    ObjectKey::Identifier(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(Expression::String(name)) => name.clone(),
                    _ => return None,
                };
                Some((key, value(inner)))
            });
            Hcl::Map(entries.collect())
        }
        _ => Hcl::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bake_file_is_read() {
        let blocks = blocks(
            "variable \"TAG\" { default = \"latest\" } # x\ngroup \"default\" { targets = [\"web\"] }\ntarget \"web\" {\n  \
             context = \"./web\"\n  tags = [\"r/web:${TAG}\", notequal(\"\", X) ? \"a\" : \"b\"]\n  args = { A = \"1\", B = TAG }\n}\n",
        );
        assert_eq!(blocks.len(), 3);
        assert_eq!(blocks[0].attributes["default"], Hcl::Text("latest".to_owned()));
        assert_eq!((blocks[2].kind.as_str(), blocks[2].label.as_str()), ("target", "web"));
        let Hcl::List(tags) = &blocks[2].attributes["tags"] else { panic!("a list") };
        assert_eq!(tags[..], [Hcl::Text("r/web:${TAG}".to_owned()), Hcl::Other]);
        let Hcl::Map(args) = &blocks[2].attributes["args"] else { panic!("a map") };
        assert_eq!(args["B"], Hcl::Text("${TAG}".to_owned()));
        assert!(super::blocks("target \"").is_empty());
    }
}
