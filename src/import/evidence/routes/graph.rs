//! Routers that are mounted on other routers: whole paths from the parts.

use std::collections::{BTreeMap, BTreeSet};

use super::route::{ROUTE, Route, joined};

/// A router: the file and the variable that holds it.
pub(super) type Router = (String, String);

/// Whatever variable of a file: for what a file exports without a name.
pub(super) const ANY: &str = "*";

/// How often a router may be mounted on another.
const MAX_DEPTH: usize = 6;

/// What the files of one language declare.
#[derive(Default)]
pub(super) struct Graph<'r> {
    routes: Vec<(Router, Declared<'r>)>,
    /// By the file of what is mounted.
    mounts: BTreeMap<String, Vec<Mount>>,
    /// Prefixes that routers bring along.
    own: BTreeMap<Router, String>,
    /// Routers that are the application itself.
    roots: BTreeSet<Router>,
}

struct Declared<'r> {
    path: String,
    file: &'r str,
    text: &'r str,
    at: usize,
}

struct Mount {
    what: Router,
    prefix: String,
    onto: Router,
    /// The prefix takes the place of the router's own, as Flask has it.
    replaces: bool,
}

impl<'r> Graph<'r> {
    /// A route of a router.
    pub(super) fn route(&mut self, variable: &str, path: &str, (file, text): (&'r str, &'r str), at: usize) {
        let declared = Declared { path: path.to_owned(), file, text, at };
        self.routes.push(((file.to_owned(), variable.to_owned()), declared));
    }

    /// A router is mounted under a prefix.
    pub(super) fn mount(&mut self, what: Router, prefix: &str, onto: Router) {
        let mount = Mount { what, prefix: prefix.to_owned(), onto, replaces: false };
        self.mounts.entry(mount.what.0.clone()).or_default().push(mount);
    }

    /// A router is mounted under a prefix that takes the place of its own.
    pub(super) fn mount_instead(&mut self, what: Router, prefix: &str, onto: Router) {
        let mount = Mount { what, prefix: prefix.to_owned(), onto, replaces: true };
        self.mounts.entry(mount.what.0.clone()).or_default().push(mount);
    }

    /// A router brings a prefix along.
    pub(super) fn own(&mut self, router: Router, prefix: &str) {
        self.own.insert(router, prefix.to_owned());
    }

    /// A router is the application itself.
    pub(super) fn root(&mut self, router: Router) {
        self.roots.insert(router);
    }

    /// Whether any router is the application itself.
    pub(super) fn has_root(&self) -> bool {
        !self.roots.is_empty()
    }

    /// Every route with its whole path; a route whose router nothing mounts is not certain.
    pub(super) fn resolve(self) -> Vec<Route<'r>> {
        let mut found = Vec::new();
        for (router, declared) in &self.routes {
            let prefixes = self.prefixes(router, 0);
            let is_certain = !prefixes.is_empty();
            let unknown = self.own.get(router).cloned().unwrap_or_default();
            for prefix in if is_certain { prefixes } else { vec![unknown] } {
                found.push(Route {
                    path: joined(&prefix, &declared.path),
                    file: declared.file,
                    text: declared.text,
                    at: declared.at,
                    is_certain,
                    matcher: None,
                    why: ROUTE,
                });
            }
        }
        found
    }

    fn prefixes(&self, router: &Router, depth: usize) -> Vec<String> {
        if depth > MAX_DEPTH {
            return Vec::new();
        }
        let own = self.own.get(router).map_or("", String::as_str);
        if self.roots.contains(router) {
            return vec![own.to_owned()];
        }
        let mounts = self.mounts.get(&router.0).map_or(&[][..], Vec::as_slice);
        let names = |what: &Router| what.1 == router.1 || what.1 == ANY;
        // What is mounted by its own name is not mounted with the rest of its file as well.
        let exact = mounts.iter().any(|mount| mount.what == *router);
        let mounts = mounts.iter().filter(|mount| if exact { mount.what == *router } else { names(&mount.what) });
        mounts
            .filter(|mount| mount.onto != *router)
            .flat_map(|mount| {
                let tail = if mount.replaces { mount.prefix.clone() } else { joined(&mount.prefix, own) };
                let above = self.prefixes(&mount.onto, depth + 1);
                above.into_iter().map(move |prefix| joined(&prefix, &tail))
            })
            .collect()
    }
}
