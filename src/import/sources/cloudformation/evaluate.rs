//! Evaluates the functions of a template.

use super::conditions;
use super::functions;
use super::scope::Scope;
use super::tree::{At, Node, Yaml};
use super::value::{Evaluated, Piece, Token, What};

impl Scope<'_> {
    /// The value of a node.
    pub(super) fn evaluate(self, node: &Node) -> Evaluated {
        let scope = match self.deeper() {
            Ok(scope) => scope,
            Err(why) => return Evaluated::missing(node.at, why),
        };
        match &node.yaml {
            Yaml::Scalar(text, plain) => functions::dynamic(node.at, text, *plain),
            Yaml::List(items) => {
                let items = items.iter().map(|item| scope.evaluate(item));
                Evaluated::new(node.at, What::List(items.filter(|item| item.what != What::Removed).collect()))
            }
            Yaml::Map(entries) => {
                if let [(name, argument)] = &entries[..]
                    && (name == "Ref" || name.starts_with("Fn::"))
                    && !name.starts_with("Fn::ForEach::")
                {
                    return scope.function(node.at, name, argument);
                }
                let mut values = Vec::new();
                for (key, value) in functions::expanded(scope, entries) {
                    let value = scope.evaluate(&value);
                    if value.what != What::Removed {
                        values.push((key, value));
                    }
                }
                Evaluated::new(node.at, What::Map(values))
            }
        }
    }

    fn function(self, at: At, name: &str, argument: &Node) -> Evaluated {
        match name {
            "Ref" => argument
                .text()
                .map_or_else(|| Evaluated::missing(at, "`Ref` takes a name"), |id| self.reference(at, id)),
            "Fn::GetAtt" => functions::get_att(self, at, argument),
            "Fn::Sub" => functions::sub(self, at, argument),
            "Fn::Join" => functions::join(self, at, argument),
            "Fn::Split" => functions::split(self, at, argument),
            "Fn::Select" => functions::select(self, at, argument),
            "Fn::If" => self.branch(at, argument),
            "Fn::FindInMap" => functions::find_in_map(self, at, argument),
            "Fn::ImportValue" => functions::import(self, at, argument),
            "Fn::Base64" => self.evaluate(argument),
            "Fn::Length" => {
                let list = self.evaluate(argument);
                match &list.what {
                    What::List(items) => Evaluated::text(at, items.len().to_string()),
                    What::Missing(why) => Evaluated::missing(at, why.clone()),
                    _ => Evaluated::missing(at, "`Fn::Length` takes a list"),
                }
            }
            "Fn::ToJsonString" => functions::to_json(self, at, argument),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                let node = Node { at, yaml: Yaml::Map(vec![(name.to_owned(), argument.clone())]) };
                match conditions::holds(self, &node) {
                    Ok(truth) => Evaluated::text(at, truth.to_string()),
                    Err(why) => Evaluated::missing(at, why),
                }
            }
            "Fn::GetAZs" | "Fn::Cidr" => Evaluated::missing(at, format!("`{name}` is evaluated by AWS")),
            "Fn::Transform" => {
                let name = argument.get("Name").and_then(Node::text).unwrap_or("AWS::Include");
                let why = format!("the macro `{name}` is run by AWS: give the processed template");
                Evaluated::missing(at, why)
            }
            name => Evaluated::missing(at, format!("the function `{name}` is not known")),
        }
    }

    fn branch(self, at: At, argument: &Node) -> Evaluated {
        let [condition, yes, no] = argument.list() else {
            return Evaluated::missing(at, "`Fn::If` takes a condition and two values");
        };
        let truth = match condition.text() {
            Some(name) => conditions::named(self, name),
            None => conditions::holds(self, condition),
        };
        match truth {
            Ok(true) => self.evaluate(yes),
            Ok(false) => self.evaluate(no),
            Err(why) => {
                let (yes, no) = (self.evaluate(yes), self.evaluate(no));
                // Places differ, and nothing else may.
                if matches!(yes.what, What::Text(..)) && yes.as_text() == no.as_text() {
                    return yes;
                }
                Evaluated::missing(at, why)
            }
        }
    }

    /// What a name stands for: a pseudo parameter, a parameter, a resource.
    pub(super) fn reference(self, at: At, name: &str) -> Evaluated {
        let stack = self.stack();
        let partition = if stack.region.starts_with("cn-") {
            "aws-cn"
        } else if stack.region.starts_with("us-gov") {
            "aws-us-gov"
        } else {
            "aws"
        };
        match name {
            "AWS::NoValue" => return Evaluated::new(at, What::Removed),
            "AWS::AccountId" => return Evaluated::text(at, &stack.account),
            "AWS::Region" => return Evaluated::text(at, &stack.region),
            "AWS::Partition" => return Evaluated::text(at, partition),
            "AWS::URLSuffix" if partition == "aws-cn" => return Evaluated::text(at, "amazonaws.com.cn"),
            "AWS::URLSuffix" => return Evaluated::text(at, "amazonaws.com"),
            "AWS::StackName" => return Evaluated::text(at, stack.name.replace('/', "-")),
            "AWS::StackId" => {
                let (region, account, name) = (&stack.region, &stack.account, &stack.name);
                return Evaluated::text(
                    at,
                    format!("arn:{partition}:cloudformation:{region}:{account}:stack/{name}/0"),
                );
            }
            "AWS::NotificationARNs" => return Evaluated::new(at, What::List(Vec::new())),
            _ => {}
        }
        if let Some(parameter) = stack.root.get("Parameters").and_then(|all| all.get(name)) {
            return self.parameter(at, name, parameter);
        }
        if stack.resource(name).is_none() && !self.generated(name) {
            return Evaluated::missing(at, format!("the template has no `{name}`"));
        }
        let token = Token { stack: self.at, id: name.to_owned(), attribute: "Ref".to_owned() };
        Evaluated::new(at, What::Rope(vec![Piece::Token(token)]))
    }

    /// Whether `Fn::ForEach` or a transform may make a resource of that name.
    fn generated(self, _name: &str) -> bool {
        let resources = self.stack().root.get("Resources").map_or(&[][..], Node::entries);
        resources.iter().any(|(key, _)| key.starts_with("Fn::ForEach::"))
            || self.stack().root.get("Transform").is_some()
    }

    fn parameter(self, at: At, name: &str, parameter: &Node) -> Evaluated {
        let stack = self.stack();
        let kind = parameter.get("Type").and_then(Node::text).unwrap_or("String");
        let secret = parameter.get("NoEcho").and_then(Node::text).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let passed = stack.parent.as_ref().and_then(|(parent, id)| {
            let node = self.stacks.list[*parent].resource(id)?.get("Properties")?.get("Parameters")?.get(name)?;
            Some(self.other(*parent).evaluate(node).moved(at))
        });
        if let Some(value) = passed.filter(|value| value.what != What::Removed) {
            return listed(kind, value).secret(secret);
        }
        let given = stack.given.get(name).map(String::as_str);
        let from_store = kind.starts_with("AWS::SSM::Parameter::Value");
        let default = parameter.get("Default").and_then(Node::text);
        match (given, default) {
            (None, Some(store)) if from_store => Evaluated::missing(
                at,
                format!(
                    "parameter `{name}` is what SSM's parameter `{store}` holds; give the value: {name}=VALUE in a file of parameters"
                ),
            ),
            (Some(value), _) | (None, Some(value)) => {
                let plain = !kind.contains("List");
                listed(kind, Evaluated::new(at, What::Text(value.to_owned(), plain && kind == "Number"))).secret(secret)
            }
            (None, None) => Evaluated::missing(
                at,
                format!("parameter `{name}` has no value; give {name}=VALUE in a file of parameters"),
            )
            .secret(secret),
        }
    }
}

/// Parameters of list types are text with commas.
fn listed(kind: &str, value: Evaluated) -> Evaluated {
    if kind != "CommaDelimitedList" && !kind.contains("List<") {
        return value;
    }
    let Some(text) = value.as_text() else { return value };
    let items = text.split(',').map(|item| Evaluated::text(value.at, item.trim())).collect();
    Evaluated::new(value.at, What::List(items))
}
