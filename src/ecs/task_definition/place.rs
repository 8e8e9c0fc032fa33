//! Where in a task definition something stands: `containerDefinitions[0].portMappings[1].hostPort`.

use std::fmt;

/// A path from the whole definition to one of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Step>);

/// One step of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To a field, by its name in the API.
    Field(&'static str),
    /// To an element of a list.
    Index(usize),
    /// To an entry of a map.
    Key(String),
}

impl Place {
    /// A field of this part.
    pub fn field(&self, name: &'static str) -> Self {
        self.step(Step::Field(name))
    }

    /// An element of this part.
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// An entry of this part.
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.step(Step::Key(key.into()))
    }

    /// From the whole to the part.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// A container.
    pub fn container(index: usize) -> Self {
        Self::default().field("containerDefinitions").index(index)
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Field(name) if at == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}
