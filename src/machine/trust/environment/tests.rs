//! Tests which variables a command gets, and that they keep their previous roots.

use super::super::reach::Reachable;
use super::*;
use crate::model::{DomainName, LoadBalancerName};

const OURS: &str = "-----BEGIN CERTIFICATE-----\nb3Vycw==\n-----END CERTIFICATE-----\n";
const SYSTEM: &str = "-----BEGIN CERTIFICATE-----\nc3lzdGVt\n-----END CERTIFICATE-----\n";
const CORPORATE: &str = "-----BEGIN CERTIFICATE-----\nY29ycA==\n-----END CERTIFICATE-----\n";

#[test]
fn variables_that_replace_get_the_machines_roots_and_ours_and_those_that_add_get_ours() {
    let environment = made(&[]);
    for name in ADDING {
        assert_eq!(file(&environment, name), OURS, "{name}");
    }
    for name in REPLACING {
        assert_eq!(file(&environment, name), bundles::combined(Some(SYSTEM), OURS), "{name}");
    }
    for name in REPLACING_IF_SET {
        assert!(!environment.variables.contains_key(*name), "{name}");
    }
    assert_eq!(environment.variables["NEARGATE_URL"], "https://app.domain.com:8443");
    let arguments: Vec<&str> = environment.variables["NEARGATE_CHROMIUM_ARGS"].lines().collect();
    assert_eq!(
        arguments[0],
        format!("--host-resolver-rules={}", environment.variables["NEARGATE_CHROMIUM_HOST_RESOLVER_RULES"])
    );
    assert_eq!(arguments[1], "--ignore-certificate-errors-spki-list=key=");
    let urls = environment.variables.keys().filter(|name| name.starts_with("NEARGATE_URL"));
    assert_eq!(urls.collect::<Vec<_>>(), ["NEARGATE_URL"], "a single load balancer needs no other");
}

#[test]
fn each_of_several_load_balancers_has_a_variable_with_its_address() {
    let public = site("public", &["app.domain.com"], "127.0.0.1:8443");
    let internal = site("Internal-2", &[], "127.0.0.2:443");
    let environment = made_for(&[public, internal], &[]);
    for (name, url) in [
        ("NEARGATE_URL", "https://app.domain.com:8443"),
        ("NEARGATE_URL_PUBLIC", "https://app.domain.com:8443"),
        ("NEARGATE_URL_INTERNAL_2", "https://127.0.0.2"),
    ] {
        assert_eq!(environment.variables[name], url, "{name}");
    }
}

#[test]
fn what_each_variable_named_before_is_in_it_still() {
    let names = ADDING.iter().chain(REPLACING).chain(REPLACING_IF_SET);
    let set: Vec<_> = names.map(|name| (*name, "/corp.pem")).collect();
    let environment = made(&set);
    for (name, _) in set {
        assert_eq!(file(&environment, name), bundles::combined(Some(CORPORATE), OURS), "{name}");
    }
    // As in CI images: the variable names the default file.
    let environment = made(&[("SSL_CERT_FILE", "/system.pem")]);
    assert_eq!(environment.variables["SSL_CERT_FILE"], environment.variables["CURL_CA_BUNDLE"]);
    // A missing file would not have helped.
    let environment = made(&[("SSL_CERT_FILE", "/no/such.pem"), ("NODE_EXTRA_CA_CERTS", "")]);
    assert_eq!(file(&environment, "SSL_CERT_FILE"), bundles::combined(Some(SYSTEM), OURS));
    assert_eq!(file(&environment, "NODE_EXTRA_CA_CERTS"), OURS);
}

#[test]
fn java_trusts_what_it_trusted_and_ours_and_options_stay() {
    let environment = made(&[("JAVA_TOOL_OPTIONS", "-Xmx1g"), ("MAVEN_OPTS", "-Xss1m")]);
    let options = "-Djavax.net.ssl.trustStore=/run/cacerts.jks -Djavax.net.ssl.trustStoreType=jks \
                   -Djavax.net.ssl.trustStorePassword=changeit";
    assert_eq!(environment.variables["JAVA_TOOL_OPTIONS"], format!("-Xmx1g {options}"));
    assert!(!environment.variables.contains_key("MAVEN_OPTS"), "it names no trust store");
    let store = java::certificates(&environment.files[Path::new("/run/cacerts.jks")]);
    assert_eq!(store, Some(vec![b"java".to_vec(), b"ours".to_vec()]));

    let theirs = "-Djavax.net.ssl.trustStore=/corp.p12 -Djavax.net.ssl.trustStorePassword=secret";
    let environment = made(&[("MAVEN_OPTS", theirs)]);
    assert_eq!(environment.variables["MAVEN_OPTS"], format!("{theirs} {options}"), "the last one holds");
    let variable = |name: &str| (name == "MAVEN_OPTS").then(|| theirs.to_owned());
    let store = JavaTrustStore { path: "/corp.p12".into(), password: Some("secret".into()) };
    assert_eq!(java_trust_stores(&variable), [store]);
    assert_eq!(quoted("-Da=/a b"), "\"-Da=/a b\"");
}

#[test]
fn settings_of_php_and_wget_are_added_to() {
    let environment = made(&[("PHP_INI_SCAN_DIR", "/etc/php"), ("WGETRC", "/wgetrc")]);
    assert_eq!(environment.variables["PHP_INI_SCAN_DIR"], "/etc/php:/run/php");
    assert_eq!(file(&environment, "WGETRC"), "quiet = on\n\nca_certificate = /run/ca-bundle.pem\n");
    let environment = made(&[]);
    assert_eq!(environment.variables["PHP_INI_SCAN_DIR"], ":/run/php");
    assert_eq!(file(&environment, "WGETRC"), "ca_certificate = /run/ca-bundle.pem\n");
}

#[test]
fn firefoxs_policies_are_added_to() {
    let root = Path::new("/run/ca.pem");
    assert_eq!(firefox_policies(None, root), r#"{"policies":{"Certificates":{"Install":["/run/ca.pem"]}}}"#);
    let theirs = r#"{"policies":{"DisableTelemetry":true,"Certificates":{"Install":["/corp.pem"]}}}"#;
    let both = r#"{"policies":{"DisableTelemetry":true,"Certificates":{"Install":["/corp.pem","/run/ca.pem"]}}}"#;
    assert_eq!(firefox_policies(Some(theirs), root), both);
    assert_eq!(firefox_policies(Some("[]"), root), firefox_policies(None, root));
}

fn file(environment: &Environment, variable: &str) -> String {
    let path = Path::new(&environment.variables[variable]);
    String::from_utf8(environment.files[path].clone()).expect("text")
}

fn site(name: &str, domains: &[&str], bind: &str) -> Site {
    Site {
        load_balancer: LoadBalancerName::new(name),
        domains: domains.iter().map(DomainName::new).collect(),
        listeners: vec![Reachable { port: 443, bind: bind.parse().expect("an address"), https: true }],
    }
}

fn made(set: &[(&str, &str)]) -> Environment {
    made_for(&[site("test", &["app.domain.com"], "127.0.0.1:8443")], set)
}

fn made_for(sites: &[Site], set: &[(&str, &str)]) -> Environment {
    environment(
        Path::new("/run"),
        &Env {
            variable: &|name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()),
            read: &|path| match path.to_str() {
                Some("/corp.pem") => Some(CORPORATE.to_owned()),
                Some("/system.pem") => Some(SYSTEM.to_owned()),
                Some("/wgetrc") => Some("quiet = on\n".to_owned()),
                _ => None,
            },
            java: &[b"java".to_vec()],
            system: Some(SYSTEM),
            root: OURS,
            sites,
            keys: &["key=".to_owned()],
        },
    )
}
