//! Files that import each other in a circle, and files that import their own folder's mod.rs. Neither can be read,
//! moved or tested on its own: what both need belongs in a file below them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, module_of_crate, own_modules, paths, tokens};

/// Which file imports which, and where it does so first.
struct Arrows<'a> {
    from: BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
}

impl<'a> Arrows<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let house = || sources.iter().filter(|source| source.path.starts_with("src/") && !source.module.is_empty());
        let modules: BTreeMap<&[String], &str> =
            house().map(|source| (source.module.as_slice(), source.path.as_str())).collect();
        let from = house().map(|source| {
            let own = own_modules(&source.code);
            let named: Vec<(usize, Vec<String>)> = paths(&source.code);
            let rooted = |path: &[String]| absolute(source, &own, path);
            // `use super::http1;` makes `http1::head` a path.
            let imported: BTreeMap<String, Vec<String>> = named
                .iter()
                .filter_map(|(_, path)| rooted(path).filter(|path| modules.contains_key(path.as_slice())))
                .filter_map(|path| Some((path.last()?.clone(), path)))
                .collect();
            let mut to = BTreeMap::new();
            for (line, path) in named {
                let through = || Some([imported.get(&path[0])?, &path[1..]].concat());
                let Some(named) = rooted(&path).or_else(through) else { continue };
                let file = (1..=named.len()).rev().find_map(|length| modules.get(&named[..length]));
                if let Some(file) = file.filter(|file| **file != source.path) {
                    to.entry(*file).or_insert(line);
                }
            }
            (source.path.as_str(), to)
        });
        Self { from: from.collect() }
    }

    /// Every set of two or more files that all lead to each other, by Tarjan's algorithm.
    fn circles(&self) -> Vec<Vec<&'a str>> {
        let mut search = Search::new(self);
        for file in self.from.keys() {
            if !search.index.contains_key(file) {
                search.visit(file);
            }
        }
        search.circles.sort();
        search.circles
    }
}

struct Search<'s, 'a> {
    arrows: &'s Arrows<'a>,
    index: BTreeMap<&'a str, usize>,
    lowest: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    circles: Vec<Vec<&'a str>>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(arrows: &'s Arrows<'a>) -> Self {
        Self { arrows, index: BTreeMap::new(), lowest: BTreeMap::new(), stack: Vec::new(), circles: Vec::new() }
    }

    fn visit(&mut self, file: &'a str) {
        let own = self.index.len();
        self.index.insert(file, own);
        self.lowest.insert(file, own);
        self.stack.push(file);
        for to in self.arrows.from[file].keys() {
            let reached = match self.index.get(to) {
                None => {
                    self.visit(to);
                    self.lowest[to]
                }
                Some(&index) if self.stack.contains(to) => index,
                Some(_) => continue,
            };
            let lowest = self.lowest.get_mut(file).unwrap();
            *lowest = reached.min(*lowest);
        }
        if self.lowest[file] == own {
            let start = self.stack.iter().rposition(|other| *other == file).unwrap();
            let mut circle = self.stack.split_off(start);
            circle.sort_unstable();
            if circle.len() > 1 {
                self.circles.push(circle);
            }
        }
    }
}

/// A path from the top of `src/`. `None` if it leads to another crate.
fn absolute(source: &Source, own: &BTreeSet<&str>, path: &[String]) -> Option<Vec<String>> {
    let module = source.module.as_slice();
    let up = path.iter().take_while(|segment| *segment == "super").count();
    match path[0].as_str() {
        "crate" => Some([&source.root, &path[1..]].concat()),
        "neargate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => Some([&module[..module.len().checked_sub(up)?], &path[up..]].concat()),
        first if own.contains(first) => Some([module, path].concat()),
        name => Some([&[module_of_crate(name)?.to_owned()], &path[1..]].concat()),
    }
}

/// Circles of files, as sentences.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let arrows = Arrows::new(sources);
    let sentence = |circle: Vec<&str>| {
        let ties = circle.iter().flat_map(|from| {
            let to = arrows.from[from].iter().filter(|(to, _)| circle.contains(to));
            to.map(move |(to, line)| format!("\n  {from}:{line} imports {to}"))
        });
        format!(
            "{} files import each other in a circle. Move what two of them share into a file below both, or hand it \
             in as an argument:{}",
            circle.len(),
            ties.collect::<String>()
        )
    };
    arrows.circles().into_iter().map(sentence).collect()
}

/// Files that import the mod.rs of a folder that contains them, as sentences.
pub(super) fn faces(sources: &[Source]) -> Vec<String> {
    let arrows = Arrows::new(sources);
    let modules: BTreeMap<&str, &[String]> =
        sources.iter().map(|source| (source.path.as_str(), source.module.as_slice())).collect();
    let mut mistakes = Vec::new();
    for (from, to) in &arrows.from {
        for (face, line) in to.iter().filter(|(face, _)| modules[from].starts_with(modules[**face])) {
            mistakes.push(format!(
                "{from}:{line}: imports {face}, the face of its own folder. Import the file that holds it; where the \
                 face itself holds it, move it into a file beside this one"
            ));
        }
    }
    mistakes
}

#[test]
fn circles_and_imports_of_the_own_mod_file_are_found() {
    let source = |path: &str, module: &[&str], text: &str| Source {
        path: path.to_owned(),
        module: module.iter().map(|name| (*name).to_owned()).collect(),
        root: Vec::new(),
        text: text.to_owned(),
        code: tokens(text),
        tests: Vec::new(),
    };
    let sources = [
        source("src/lib.rs", &[], "mod a; mod d;"),
        source("src/a/mod.rs", &["a"], "mod b; mod c; use b::B; pub struct A;"),
        source("src/a/b.rs", &["a", "b"], "use super::c::{C, D}; pub(in crate::a) struct B;"),
        source("src/a/c.rs", &["a", "c"], "fn f() { crate::d::g(); }"),
        source("src/d.rs", &["d"], "use crate::f; fn g() { f::k::h() }"),
        source("src/f/mod.rs", &["f"], "mod k;"),
        source("src/f/k.rs", &["f", "k"], "use crate::a::b::h;"),
        source("src/e.rs", &["e"], "use crate::a::{self, b::B};"),
    ];
    let circles = circles(&sources);
    assert_eq!(circles.len(), 1, "{circles:?}");
    assert!(circles[0].starts_with("4 files") && circles[0].contains("src/a/c.rs:1 imports src/d.rs"), "{circles:?}");
    assert!(faces(&sources).is_empty(), "{:?}", faces(&sources));

    let back = [&sources[..2], &[source("src/a/b.rs", &["a", "b"], "use super::A; struct B;")]].concat();
    assert_eq!(faces(&back).len(), 1);
}
