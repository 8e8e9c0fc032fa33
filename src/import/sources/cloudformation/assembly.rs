//! CDK's cloud assemblies: what `cdk synth` writes to `cdk.out`.

use serde_json::{Value as Json, json};

use super::super::source::{Refusal, SourceFile};
use super::super::text;
use super::stack::{Parameters, Stack};
use super::tree;

/// An image that is built from a folder of the assembly.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// What the image's name ends with.
    pub(super) tag: String,
    /// `context`, `dockerfile`, `target`, `args`, `platform`, and in `unsupported` what else the source says.
    pub(super) build: Json,
}

/// The construct path of a resource.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) stack: String,
    pub(super) id: String,
    pub(super) path: String,
}

/// An assembly with those of its stages.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub(super) manifest: String,
    /// Manifests of its stages.
    pub(super) stages: Vec<String>,
    /// All files that belong to it.
    pub(super) files: Vec<String>,
    stacks: Vec<Stack>,
    images: Vec<Image>,
    names: Vec<Named>,
}

impl Assembly {
    pub(super) fn into_parts(self) -> (Vec<Stack>, Vec<Image>, Vec<Named>) {
        (self.stacks, self.images, self.names)
    }
}

/// The folder of a file, with its slash.
pub(super) fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// Whether a file is the manifest of an assembly.
pub(super) fn is_manifest(file: &SourceFile) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    name == "manifest.json"
        && text::decode(&file.bytes).is_ok_and(|text| text.contains("\"artifacts\"") && text.contains("\"version\""))
}

/// Context that is looked up in AWS, and what it is for. Availability zones change nothing here.
const LOOKED_UP: &[&str] = &[
    "load-balancer",
    "load-balancer-listener",
    "security-group",
    "vpc-provider",
    "ssm",
    "hosted-zone",
    "cc-api-provider",
];

/// The assembly of a manifest, from the files beside it.
pub(super) fn read(manifest: &SourceFile, files: &[SourceFile]) -> Result<Assembly, Refusal> {
    let folder = folder(&manifest.path);
    let root = parse(manifest)?;
    let mut assembly = Assembly { manifest: manifest.path.clone(), ..Assembly::default() };
    assembly.files = files.iter().filter(|file| file.path.starts_with(folder)).map(|file| file.path.clone()).collect();
    let missing = root["missing"].as_array().map_or(&[][..], Vec::as_slice);
    let looked_up = missing.iter().filter_map(|entry| entry["provider"].as_str()).find(|name| LOOKED_UP.contains(name));
    if let Some(provider) = looked_up {
        return Err(Refusal::new(
            &manifest.path,
            format!(
                "the app looks something up in AWS (`{provider}`), and was synthesized without it: CDK put dummies there"
            ),
            "run `cdk synth` once with credentials, so that cdk.context.json has the values",
        ));
    }
    for (name, artifact) in root["artifacts"].as_object().into_iter().flatten() {
        let properties = &artifact["properties"];
        let named = |field: &str| properties[field].as_str().map(|file| format!("{folder}{file}"));
        match artifact["type"].as_str() {
            Some("aws:cloudformation:stack") => {
                let Some(path) = named("templateFile") else { continue };
                let file = find(&path, files, manifest)?;
                let text =
                    text::decode(&file.bytes).map_err(|why| Refusal::new(&path, why, "run `cdk synth` again"))?;
                let root = tree::parse(&text).map_err(|(what, (line, column))| {
                    Refusal::new(&path, format!("{what} (line {line}, column {column})"), "run `cdk synth` again")
                })?;
                let mut stack = Stack::new(&path, root, &Parameters::default());
                properties["stackName"].as_str().unwrap_or(name).clone_into(&mut stack.name);
                assembly.stacks.push(stack.within(artifact["environment"].as_str().unwrap_or_default()));
            }
            Some("cdk:asset-manifest") => {
                let Some(path) = named("file") else { continue };
                let assets = parse(find(&path, files, manifest)?)?;
                assembly.images.extend(images(&assets, folder));
                nested(&assets, folder, files, &mut assembly.stacks);
            }
            Some("cdk:cloud-assembly") => {
                let Some(stage) = properties["directoryName"].as_str() else { continue };
                let path = format!("{folder}{stage}/manifest.json");
                let inner = read(find(&path, files, manifest)?, files)?;
                assembly.stages.push(path);
                assembly.stages.extend(inner.stages);
                assembly.stacks.extend(inner.stacks);
                assembly.images.extend(inner.images);
                assembly.names.extend(inner.names);
            }
            Some("cdk:tree") => {
                // Names are a comfort: an assembly without its tree is read as well.
                let file = named("file").and_then(|path| files.iter().find(|file| file.path == path));
                if let Some(tree) = file.and_then(|file| parse(file).ok()) {
                    paths(&tree["tree"], "", &mut assembly.names);
                }
            }
            _ => {}
        }
    }
    Ok(assembly)
}

fn parse(file: &SourceFile) -> Result<Json, Refusal> {
    let refuse = |what: String| Refusal::new(&file.path, what, "run `cdk synth` again");
    let text = text::decode(&file.bytes).map_err(|why| refuse(why.to_owned()))?;
    serde_json::from_str(&text)
        .map_err(|error| refuse(format!("its JSON cannot be read (line {}, column {})", error.line(), error.column())))
}

fn find<'f>(path: &str, files: &'f [SourceFile], manifest: &SourceFile) -> Result<&'f SourceFile, Refusal> {
    files.iter().find(|file| file.path == path).ok_or_else(|| {
        Refusal::new(&manifest.path, format!("`{path}` is missing, which it names"), "give the whole folder `cdk.out`")
    })
}

/// Templates of nested stacks are assets.
fn nested(assets: &Json, folder: &str, files: &[SourceFile], stacks: &mut Vec<Stack>) {
    for asset in assets["files"].as_object().into_iter().flat_map(|files| files.values()) {
        let Some(path) = asset["source"]["path"].as_str().filter(|path| path.ends_with(".nested.template.json")) else {
            continue;
        };
        let path = format!("{folder}{path}");
        let file = files.iter().find(|file| file.path == path);
        let text = file.and_then(|file| text::decode(&file.bytes).ok());
        if let Some(root) = text.and_then(|text| tree::parse(&text).ok()) {
            stacks.push(Stack::new(&path, root, &Parameters::default()));
        }
    }
}

fn images(assets: &Json, folder: &str) -> Vec<Image> {
    let mut all = Vec::new();
    for (hash, asset) in assets["dockerImages"].as_object().into_iter().flatten() {
        let source = &asset["source"];
        let mut build = json!({});
        let directory = source["directory"].as_str();
        build["context"] = directory.map_or(Json::Null, |directory| Json::from(format!("{folder}{directory}")));
        for (from, to) in [
            ("dockerFile", "dockerfile"),
            ("dockerBuildTarget", "target"),
            ("dockerBuildArgs", "args"),
            ("platform", "platform"),
        ] {
            if !source[from].is_null() {
                build[to] = source[from].clone();
            }
        }
        let others = ["executable", "dockerBuildContexts", "dockerBuildSecrets", "dockerBuildSsh", "networkMode"];
        let others: Vec<&str> = others.into_iter().filter(|field| !source[*field].is_null()).collect();
        if !others.is_empty() {
            build["unsupported"] = json!(others);
        }
        let destinations = asset["destinations"].as_object().into_iter().flat_map(|all| all.values());
        let tags = destinations.filter_map(|to| to["imageTag"].as_str()).map(|tag| format!(":{tag}"));
        for tag in tags.chain([hash.clone()]) {
            all.push(Image { tag, build: build.clone() });
        }
    }
    all
}

/// Construct paths by the logical ids that the tree knows.
fn paths(node: &Json, stack: &str, names: &mut Vec<Named>) {
    let path = node["path"].as_str().unwrap_or_default();
    let kind = node["constructInfo"]["fqn"].as_str().unwrap_or_default();
    let stack = if stack.is_empty() && (kind.ends_with(".Stack") || !path.is_empty() && !path.contains('/')) {
        path
    } else {
        stack
    };
    if let Some(id) = node["attributes"]["aws:cdk:cloudformation:logicalId"].as_str() {
        names.push(Named { stack: stack.replace('/', "-"), id: id.to_owned(), path: path.to_owned() });
    }
    for child in node["children"].as_object().into_iter().flat_map(|children| children.values()) {
        paths(child, stack, names);
    }
}
