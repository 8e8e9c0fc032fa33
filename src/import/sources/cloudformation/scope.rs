//! Where something is evaluated.

use super::stack::{Stack, Stacks};

/// Deeper than any template; a cycle of conditions, imports or parameters ends here.
const DEEPEST: usize = 96;

/// Where something is evaluated: in which stack, and how deep in it. `evaluate.rs` adds what can be asked of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    pub(super) stacks: &'s Stacks,
    pub(super) at: usize,
    depth: usize,
}

impl<'s> Scope<'s> {
    pub(super) fn new(stacks: &'s Stacks, at: usize) -> Self {
        Self { stacks, at, depth: 0 }
    }

    pub(super) fn stack(self) -> &'s Stack {
        &self.stacks.list[self.at]
    }

    /// In another stack.
    pub(super) fn other(self, at: usize) -> Self {
        Self { at, ..self }
    }

    pub(super) fn deeper(self) -> Result<Self, String> {
        if self.depth >= DEEPEST {
            return Err("it refers to itself".to_owned());
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}
