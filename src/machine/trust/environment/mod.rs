//! The environment of `neargate run -- CMD`: lets one command reach and trust the stack without changing anything on the
//! machine. It needs no trust store, no `/etc/hosts`, no root, and disappears with the command.
//!
//! Programs interpret their variables differently, hence three tables:
//!
//! - [`ADDING`] variables name *additional* roots: they get only ours.
//! - [`REPLACING`] variables name all roots that the program trusts. With only our root, the command could no longer
//!   install a package or call an API. They get the machine's roots and ours.
//! - [`REPLACING_IF_SET`]: the same, for variables that matter only if they are already set.
//!
//! Previous values are never lost: behind a company's proxy, or in a CI image, these variables may already name a file.
//! The new file then contains the old file's roots and ours.
//!
//! The last kind are variables with options for a runtime: Java's, PHP's, wget's, Firefox's policies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::bundles::{self, Read};
use super::java;
use super::reach::{self, Site};

/// Roots besides others.
const ADDING: &[&str] = &["NODE_EXTRA_CA_CERTS", "DENO_CERT"];

/// All that is trusted, by: OpenSSL, Go, Rust, Ruby; Python's requests; curl; AWS's command line and SDKs; git; gRPC;
/// Perl's LWP; pip; Nix; cargo. `docs/clients.md` says with which programs that was tried.
const REPLACING: &[&str] = &[
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "PERL_LWP_SSL_CA_FILE",
    "PIP_CERT",
    "NIX_SSL_CERT_FILE",
    "CARGO_HTTP_CAINFO",
];

/// Programs that find the machine's roots, or one of the variables above, unless one of these leads them elsewhere.
const REPLACING_IF_SET: &[&str] = &[
    "HTTPS_CA_FILE",
    "HTTPLIB2_CA_CERTS",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "WEBSOCKET_CLIENT_CA_BUNDLE",
    "BUNDLE_SSL_CA_CERT",
    "HEX_CACERTS_PATH",
    "NPM_CONFIG_CAFILE",
    "npm_config_cafile",
];

/// Variables with options of a JVM. The first is read by every JVM; the others win over it, so they are extended where
/// they name a trust store themselves.
const JAVA_OPTIONS: &[&str] = &["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "MAVEN_OPTS", "GRADLE_OPTS"];

/// The system property that names a JVM's trust store.
const TRUST_STORE: &str = "-Djavax.net.ssl.trustStore=";

/// What there was before, and what the stack offers.
pub struct Env<'a> {
    /// The variables that are set already.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The roots in the file, or the folder of files, at this path.
    pub read: Read<'a>,
    /// The roots that a JVM trusts by default: the certificates of its own store, if it can be read.
    pub java: &'a [Vec<u8>],
    /// The machine's roots, as PEM.
    pub system: Option<&'a str>,
    /// Our root, as PEM.
    pub root: &'a str,
    /// The stack's load balancers, the one that people mean first.
    pub sites: &'a [Site],
    /// Of the certificates that listeners show: see [`reach::chromium_arguments`].
    pub keys: &'a [String],
}

/// Variables, and the files that they name.
#[derive(Debug, Default)]
pub struct Environment {
    /// By name.
    pub variables: BTreeMap<String, String>,
    /// Their contents, by path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

/// The environment of a command; its files are to be written into `folder`, which is the command's alone.
pub fn environment(folder: &Path, around: &Env<'_>) -> Environment {
    let mut environment = Environment::default();
    environment.reach(around);
    environment.name("NEARGATE_CA_CERT", folder.join("ca.pem"), around.root.into());
    for name in ADDING {
        match before(name, around) {
            Some(theirs) => environment.extend(folder, name, &theirs, around.root),
            None => environment.name(name, folder.join("ca.pem"), around.root.into()),
        }
    }
    let bundle = bundles::combined(around.system, around.root);
    for name in REPLACING {
        match before(name, around).filter(|theirs| Some(theirs.as_str()) != around.system) {
            Some(theirs) => environment.extend(folder, name, &theirs, around.root),
            None => environment.name(name, folder.join("ca-bundle.pem"), bundle.clone().into()),
        }
    }
    for name in REPLACING_IF_SET {
        if let Some(theirs) = before(name, around) {
            environment.extend(folder, name, &theirs, around.root);
        }
    }
    environment.java(folder, around);
    environment.php(folder, around);
    environment.wget(folder, around);
    environment.firefox(folder, around);
    environment
}

/// The variable with the address of one of several load balancers: `NEARGATE_URL_` and its name, in capitals and with
/// underscores, because shells accept nothing else.
fn url_variable(site: &Site) -> String {
    format!("NEARGATE_URL_{}", site.load_balancer.as_str().to_ascii_uppercase().replace('-', "_"))
}

/// The roots that this variable names already.
fn before(name: &str, around: &Env<'_>) -> Option<String> {
    let path = (around.variable)(name).filter(|path| !path.is_empty())?;
    (around.read)(Path::new(&path))
}

impl Environment {
    fn name(&mut self, variable: &'static str, path: PathBuf, contents: Vec<u8>) {
        self.variables.insert(variable.into(), path.display().to_string());
        self.files.insert(path, contents);
    }

    /// A file that is this variable's alone: theirs and ours.
    fn extend(&mut self, folder: &Path, variable: &'static str, theirs: &str, root: &str) {
        self.name(variable, folder.join(format!("{variable}.pem")), bundles::combined(Some(theirs), root).into());
    }

    fn reach(&mut self, around: &Env<'_>) {
        let sites = around.sites;
        if let Some(url) = sites.first().and_then(reach::url) {
            self.variables.insert("NEARGATE_URL".into(), url);
        }
        if sites.len() > 1 {
            let urls = sites.iter().filter_map(|site| Some((url_variable(site), reach::url(site)?)));
            self.variables.extend(urls);
        }
        let rules = reach::chromium_host_resolver_rules(sites);
        self.variables.insert("NEARGATE_CHROMIUM_HOST_RESOLVER_RULES".into(), rules);
        // One on each line: the rules have spaces and commas in them.
        let arguments = reach::chromium_arguments(sites, around.keys).join("\n");
        self.variables.insert("NEARGATE_CHROMIUM_ARGS".into(), arguments);
    }

    fn java(&mut self, folder: &Path, around: &Env<'_>) {
        let mut certificates = around.java.to_vec();
        if certificates.is_empty() {
            certificates.extend(java::from_pem(around.system.unwrap_or_default()));
        }
        certificates.extend(java::from_pem(around.root));
        let path = folder.join("cacerts.jks");
        // The kind and the password too: those of another store may stand there already.
        let options = format!(
            "{} -Djavax.net.ssl.trustStoreType=jks -Djavax.net.ssl.trustStorePassword={}",
            quoted(&format!("{TRUST_STORE}{}", path.display())),
            java::PASSWORD,
        );
        for name in JAVA_OPTIONS {
            let theirs = (around.variable)(name).unwrap_or_default();
            if *name == JAVA_OPTIONS[0] || theirs.contains(TRUST_STORE) {
                self.variables.insert((*name).into(), format!("{theirs} {options}").trim_start().to_owned());
            }
        }
        self.files.insert(path, java::key_store(&certificates));
    }

    /// A folder of settings that is read after all others; without a folder before the colon, PHP's own comes first.
    fn php(&mut self, folder: &Path, around: &Env<'_>) {
        let settings = folder.join("php");
        let bundle = &self.variables["SSL_CERT_FILE"];
        let text = format!("curl.cainfo = \"{bundle}\"\nopenssl.cafile = \"{bundle}\"\n");
        self.files.insert(settings.join("neargate.ini"), text.into());
        let theirs = (around.variable)("PHP_INI_SCAN_DIR").unwrap_or_default();
        self.variables.insert("PHP_INI_SCAN_DIR".into(), format!("{theirs}:{}", settings.display()));
    }

    /// The variable names the file that is read in place of `~/.wgetrc`.
    fn wget(&mut self, folder: &Path, around: &Env<'_>) {
        let set = |name: &str| (around.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let theirs = set("WGETRC").or_else(|| Some(set("HOME")?.join(".wgetrc")));
        let theirs = theirs.and_then(|path| (around.read)(&path)).unwrap_or_default();
        let text = format!("{theirs}\nca_certificate = {}\n", self.variables["SSL_CERT_FILE"]);
        self.name("WGETRC", folder.join("wgetrc"), text.trim_start().as_bytes().to_vec());
    }

    /// Policies for the Firefox that Playwright brings; others have no variable.
    fn firefox(&mut self, folder: &Path, around: &Env<'_>) {
        let theirs = before("PLAYWRIGHT_FIREFOX_POLICIES_JSON", around);
        let policies = firefox_policies(theirs.as_deref(), &folder.join("ca.pem"));
        self.name("PLAYWRIGHT_FIREFOX_POLICIES_JSON", folder.join("policies.json"), policies.into());
    }
}

/// Firefox's policies with our root among the certificates to install; others stay. What is no JSON is replaced, as
/// Firefox would ignore it.
pub(super) fn firefox_policies(theirs: Option<&str>, root: &Path) -> String {
    let read = theirs.and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
    let mut policies = read.unwrap_or_else(|| json!({}));
    let mut at = &mut policies;
    for key in ["policies", "Certificates"] {
        if !at[key].is_object() {
            at[key] = json!({});
        }
        at = &mut at[key];
    }
    let root = json!(root.display().to_string());
    match at["Install"].as_array_mut() {
        Some(install) => install.push(root),
        None => at["Install"] = json!([root]),
    }
    policies.to_string()
}

/// As a JVM takes an option with spaces in it from a variable.
fn quoted(option: &str) -> String {
    if option.contains(char::is_whitespace) { format!("\"{option}\"") } else { option.to_owned() }
}

/// The trust stores that options of a JVM name, the last one first: it is the one that holds.
pub fn java_trust_stores(variable: &dyn Fn(&str) -> Option<String>) -> Vec<JavaTrustStore> {
    let options = JAVA_OPTIONS.iter().filter_map(|name| variable(name)).collect::<Vec<_>>().join(" ");
    let values = |property: &str| -> Vec<String> {
        let places = options.match_indices(property).map(|(at, _)| &options[at + property.len()..]);
        let value = |rest: &str| rest.split([' ', '"', '\'']).next().unwrap_or_default().to_owned();
        places.map(value).collect()
    };
    let password = values("-Djavax.net.ssl.trustStorePassword=").pop();
    let stores = values(TRUST_STORE).into_iter().rev();
    stores.map(|path| JavaTrustStore { path: path.into(), password: password.clone() }).collect()
}

/// A trust store that is in use already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JavaTrustStore {
    /// Its file.
    pub path: PathBuf,
    /// Its password, if one is given.
    pub password: Option<String>,
}

#[cfg(test)]
mod tests;
