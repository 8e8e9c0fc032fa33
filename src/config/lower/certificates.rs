//! Certificates and security policies of HTTPS listeners (ALB user guide, "Create an HTTPS listener for your
//! Application Load Balancer", "Security policies for your Application Load Balancer").

use std::io::ErrorKind;
use std::path::PathBuf;

use super::lowering::Lowering;
use super::names;
use crate::file::load_balancer::{CertificateFile, ListenerFile};
use crate::input::UnusableFile;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::{help_for, nearest};
use neargate_alb::listeners::{self, SSL_POLICIES};
use neargate_model::DomainName;
use neargate_model::certificate::{IssuedCertificate, KeyAlgorithm};
use neargate_model::listener::{Certificate, TlsSettings};

const HTTPS: &str = "ALB user guide, Create an HTTPS listener for your Application Load Balancer";
const POLICIES: &str = "ALB user guide, Security policies for your Application Load Balancer";

/// The default of the API, the CLI and Terraform; only the console has a different one.
const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

/// Policy and certificates of an HTTPS listener.
pub(super) fn tls(
    file: &ListenerFile,
    domains: &[DomainName],
    domain_given: bool,
    lowering: &mut Lowering<'_>,
) -> TlsSettings {
    let ssl_policy = file.ssl_policy.as_ref().map_or_else(|| DEFAULT_POLICY.to_owned(), |name| policy(name, lowering));
    let mut certificates: Vec<Certificate> = Vec::new();
    let written = file.certificate.as_ref().map(|many| many.0.as_slice()).unwrap_or_default();
    for certificate in written {
        if let Some(certificate) = self::certificate(certificate, domains, lowering) {
            certificates.push(certificate);
        }
    }
    if written.is_empty() {
        // Names that were given and are none have been reported.
        if domains.is_empty() && !domain_given {
            let at = file.protocol.as_ref().map_or(file.span, |protocol| protocol.span);
            lowering.report(
                Diagnostic::error("an HTTPS listener without a certificate", at, "")
                    .note(format!("an HTTPS listener has exactly one default certificate ({HTTPS})"))
                    .help("add `domain: app.example.com` to the file, and one is issued for it"),
            );
        } else {
            certificates.push(Certificate::Issued(IssuedCertificate::new(domains.to_vec())));
        }
    }
    TlsSettings { ssl_policy, certificates }
}

/// Settings that only make sense with TLS.
pub(super) fn none(file: &ListenerFile, lowering: &mut Lowering<'_>) {
    if file.protocol.is_none() {
        return;
    }
    let policy = file.ssl_policy.as_ref().map(|policy| (policy.span, "ssl_policy"));
    let certificate =
        file.certificate.as_ref().and_then(|many| many.0.first()).map(|first| (first.span, "certificate"));
    for (span, what) in policy.into_iter().chain(certificate) {
        lowering.report(
            Diagnostic::error(format!("`{what}` on an HTTP listener"), span, "")
                .note(format!("certificates and security policies belong to HTTPS listeners ({HTTPS})"))
                .help("write `protocol: HTTPS`, or remove it"),
        );
    }
}

fn policy(name: &Spanned<String>, lowering: &mut Lowering<'_>) -> String {
    if listeners::ssl_policy(name).is_err() {
        let with_prefix = format!("ELBSecurityPolicy-{}", name.value);
        let near =
            nearest(name, SSL_POLICIES.iter().copied()).or_else(|| nearest(&with_prefix, SSL_POLICIES.iter().copied()));
        lowering.report(
            Diagnostic::error(format!("there is no security policy `{}`", name.value), name.span, "")
                .note(format!("policies are predefined; there are no custom ones ({POLICIES})"))
                .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
        );
    }
    name.value.clone()
}

fn certificate(file: &CertificateFile, domains: &[DomainName], lowering: &mut Lowering<'_>) -> Option<Certificate> {
    let key_algorithm = file.key_algorithm.as_ref().map(|name| key_algorithm(name, lowering)).unwrap_or_default();
    if file.certificate_arn.is_some() && file.domain_name.is_none() && file.certificate_body.is_none() {
        if domains.is_empty() {
            lowering.report(
                Diagnostic::error("a certificate of ACM cannot be exported", file.span, "")
                    .help("add `domain: app.example.com` to the file, and one is issued here for it"),
            );
        }
        let names = domains.to_vec();
        return (!domains.is_empty()).then_some(Certificate::Issued(IssuedCertificate { names, key_algorithm }));
    }
    match (&file.domain_name, &file.certificate_body, &file.private_key) {
        (Some(first), None, None) => {
            let more = file.subject_alternative_names.iter().flatten();
            let mut issued: Vec<DomainName> = Vec::new();
            for name in std::iter::once(first).chain(more) {
                if let Some(name) = names::domain(name, lowering)
                    && !issued.contains(&name)
                {
                    issued.push(name);
                }
            }
            let issued = IssuedCertificate { names: issued, key_algorithm };
            (!issued.names.is_empty()).then_some(Certificate::Issued(issued))
        }
        (None, Some(body), Some(key)) => {
            let certificate = pem(body, "CERTIFICATE", lowering);
            let private_key = pem(key, "PRIVATE KEY", lowering);
            let (certificate, private_key) = (certificate?, private_key?);
            if let Some(UnusableFile { path, problem }) =
                (lowering.source.unusable_certificate)(&certificate, &private_key)
            {
                let at = if path == private_key { key } else { body };
                let folder = format!("{}/", lowering.source.folder.display());
                lowering.report(
                    Diagnostic::error(
                        format!("cannot use `{}`", at.value),
                        at.span,
                        format!("it {}", problem.replace(&folder, "")),
                    )
                    .note("nor could a listener on AWS (ALB user guide, SSL certificates; ACM API reference, ImportCertificate)"),
                );
                return None;
            }
            Some(Certificate::Files { certificate, private_key })
        }
        _ => {
            lowering.report(
                Diagnostic::error("a certificate is either issued or read from two files", file.span, "")
                    .help("write `domain_name`, or `certificate_body` and `private_key`"),
            );
            None
        }
    }
}

fn key_algorithm(name: &Spanned<String>, lowering: &mut Lowering<'_>) -> KeyAlgorithm {
    name.parse().unwrap_or_else(|_| {
        lowering.report(
            Diagnostic::error(format!("no certificate is issued with a key of `{}`", name.value), name.span, "")
                .note("ACM issues RSA_2048, EC_prime256v1 and EC_secp384r1 (ACM user guide, Key algorithms)")
                .maybe_help(help_for(name, "the algorithms are", KeyAlgorithm::NAMES.iter().copied())),
        );
        KeyAlgorithm::default()
    })
}

/// Checks that the file exists and looks like PEM.
fn pem(path: &Spanned<String>, label: &str, lowering: &mut Lowering<'_>) -> Option<PathBuf> {
    let full = lowering.source.folder.join(&path.value);
    let why = match (lowering.source.read_file)(&full) {
        Ok(text) if text.contains("-----BEGIN ") && text.contains(label) => return Some(full),
        Ok(_) => format!("it has no `-----BEGIN … {label}-----`"),
        Err(error) if error.kind() == ErrorKind::NotFound => "there is no such file".to_owned(),
        Err(error) => error.to_string(),
    };
    lowering.report(
        Diagnostic::error(format!("cannot read `{}`", path.value), path.span, why)
            .note("a PEM file; its path is relative to this file's folder"),
    );
    None
}
