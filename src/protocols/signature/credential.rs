//! What a request says about its signature.

use crate::request::Request;

/// The only algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// `AKIDEXAMPLE/20261130/us-east-1/ecs/aws4_request`, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The id of the key.
    pub access_key: String,
    /// The day in its scope.
    pub date: String,
    /// The region in its scope.
    pub region: String,
    /// The service in its scope.
    pub service: String,
    /// The names of the signed header fields, with semicolons between them.
    pub signed_headers: String,
    /// The signature in hexadecimal digits.
    pub signature: String,
    /// For how many seconds it may be used, if it stands in the query string.
    pub expires: Option<u32>,
}

/// `Authorization` or the query string names an algorithm, but lacks what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete(pub String);

impl Credential {
    /// Reads `Authorization`, or the query string of a presigned request. `None` if the request is not signed.
    ///
    /// # Errors
    ///
    /// What it lacks, in AWS's words.
    pub fn of(request: &Request<'_>) -> Result<Option<Self>, Incomplete> {
        if let Some(header) = request.header("authorization") {
            return Self::of_header(header).map(Some);
        }
        match request.query.contains("X-Amz-Algorithm=") {
            true => Self::of_query(request).map(Some),
            false => Ok(None),
        }
    }

    fn of_header(header: &str) -> Result<Self, Incomplete> {
        let Some(rest) = header.trim().strip_prefix(ALGORITHM) else {
            let algorithm = header.split_whitespace().next().unwrap_or_default();
            return Err(Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        };
        let field = |name: &str| {
            let mut fields = rest.split(',').map(str::trim);
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let missing: Vec<String> = ["Credential", "Signature", "SignedHeaders"]
            .into_iter()
            .filter(|name| field(name).is_none_or(|value| value.is_empty()))
            .map(|name| format!("Authorization header requires '{name}' parameter."))
            .collect();
        if !missing.is_empty() {
            // AWS repeats the whole header here; it is not secret, but it is no use in a log either.
            return Err(Incomplete(missing.join(" ")));
        }
        let scope = field("Credential").unwrap_or_default();
        let scoped = Self {
            signed_headers: field("SignedHeaders").unwrap_or_default(),
            signature: field("Signature").unwrap_or_default(),
            ..Self::of_scope(&scope)?
        };
        Ok(scoped)
    }

    fn of_query(request: &Request<'_>) -> Result<Self, Incomplete> {
        let parameter = |name: &str| {
            let value = form_urlencoded::parse(request.query.as_bytes()).find(|(known, _)| known == name);
            value.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
        };
        let required = |name: &str| {
            parameter(name).ok_or_else(|| Incomplete(format!("AWS query-string parameters must include '{name}'.")))
        };
        if required("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Incomplete("Unsupported AWS 'algorithm'.".to_owned()));
        }
        // A week at most (IAM user guide, "Authentication methods").
        let expires = match parameter("X-Amz-Expires") {
            Some(text) => text.parse().ok().filter(|seconds| *seconds <= 604_800),
            None => Some(0),
        };
        let expires =
            expires.ok_or_else(|| Incomplete("X-Amz-Expires must be a number of seconds up to 604800.".to_owned()))?;
        Ok(Self {
            signed_headers: required("X-Amz-SignedHeaders")?,
            signature: required("X-Amz-Signature")?,
            expires: Some(expires),
            ..Self::of_scope(&required("X-Amz-Credential")?)?
        })
    }

    fn of_scope(scope: &str) -> Result<Self, Incomplete> {
        // An access key may contain slashes; the scope behind it has four parts.
        let parts: Vec<&str> = scope.rsplitn(5, '/').collect();
        let ["aws4_request", service, region, date, access_key] = parts[..] else {
            return Err(Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{scope}'."
            )));
        };
        Ok(Self {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: String::new(),
            signature: String::new(),
            expires: None,
        })
    }
}

/// What temporary keys are sent with, in a header field or in the query string of a presigned request.
pub fn security_token(request: &Request<'_>) -> Option<String> {
    let in_query = || {
        let mut pairs = form_urlencoded::parse(request.query.as_bytes());
        pairs.find(|(name, _)| name == "X-Amz-Security-Token").map(|(_, value)| value.into_owned())
    };
    request.header("x-amz-security-token").map(str::to_owned).or_else(in_query)
}
