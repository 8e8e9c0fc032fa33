//! What `docker push` and `docker pull` talk to: ECR's rules before distribution's registry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;

use crate::aws::caller::Caller;
use crate::aws::endpoint::Endpoint;
use crate::aws::services::ecr::{Repository, tag_is_kept};
use crate::model::arn::ACCOUNT;

/// The registry's own answers are passed on as they come.
pub(in crate::aws) type Body = Either<Full<Bytes>, Incoming>;

/// A refusal, as registries write it (OCI distribution specification, "Error Codes").
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn response(self) -> Response<Body> {
        let body = json!({ "errors": [ { "code": self.code, "message": self.message } ] });
        let mut response = Response::new(Either::Left(Full::new(Bytes::from(format!("{body}\n")))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"ecr\",service=\"ecr.amazonaws.com\""),
            );
        }
        response
    }
}

/// Whether a path is the registry's.
pub(in crate::aws) fn is_for(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// Answers one request.
pub(in crate::aws) async fn respond(request: Request<Incoming>, endpoint: &Endpoint) -> Response<Body> {
    match judge(&request, endpoint) {
        Err(refused) => refused.response(),
        Ok(()) if Asked::of(request.uri().path()).is_none() => {
            Response::new(Either::Left(Full::new(Bytes::from_static(b"{}"))))
        }
        Ok(()) => pass_on(request, endpoint).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the registry has not answered");
            Refused::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", error.to_string()).response()
        }),
    }
}

fn judge(request: &Request<Incoming>, endpoint: &Endpoint) -> Result<(), Refused> {
    let caller = caller(request.headers(), endpoint)?;
    let path = request.uri().path();
    let Some(asked) = Asked::of(path) else {
        return match path {
            "/v2" | "/v2/" => Ok(()),
            _ => Err(Refused::new(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such part of a registry is served")),
        };
    };
    let repository = asked.repository;
    let action = asked.action(request.method().as_str());
    endpoint
        .may(&caller, action, repository)
        .map_err(|denied| Refused::new(StatusCode::FORBIDDEN, "DENIED", denied))?;
    let Some(found) = Repository::named(endpoint.desired().records(), repository) else {
        let message =
            format!("The repository with name '{repository}' does not exist in the registry with id '{ACCOUNT}'");
        return Err(Refused::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message));
    };
    match asked.part {
        Part::Manifest(tag) if request.method() == "PUT" => judge_tag(&found, repository, tag, endpoint),
        _ => Ok(()),
    }
}

fn judge_tag(found: &Repository, repository: &str, tag: &str, endpoint: &Endpoint) -> Result<(), Refused> {
    if found.keeps(tag) && endpoint.registry().storage.tagged(repository, tag).is_some() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "TAG_INVALID", tag_is_kept(repository, tag)));
    }
    Ok(())
}

/// Whose token it is.
fn caller(headers: &HeaderMap, endpoint: &Endpoint) -> Result<Caller, Refused> {
    let unauthorized = || Refused::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized");
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(unauthorized)?;
    let basic = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = basic.and_then(|(_, value)| String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok());
    let decoded = decoded.ok_or_else(unauthorized)?;
    let password = decoded.strip_prefix("AWS:").ok_or_else(unauthorized)?;
    let token = endpoint.registry().tokens.find(password).ok_or_else(unauthorized)?;
    if token.expires <= Timestamp::now() {
        let message = "Your authorization token has expired. Reauthenticate and try again.";
        return Err(Refused::new(StatusCode::FORBIDDEN, "DENIED", message));
    }
    Ok(token.caller)
}

/// What a path is about.
#[derive(Debug, PartialEq)]
struct Asked<'p> {
    repository: &'p str,
    part: Part<'p>,
}

#[derive(Debug, PartialEq)]
enum Part<'p> {
    /// By tag or digest.
    Manifest(&'p str),
    Blob,
    Upload,
    Listing,
}

impl<'p> Asked<'p> {
    fn of(path: &'p str) -> Option<Self> {
        let path = path.strip_prefix("/v2/")?;
        let at = |word: &str| path.rfind(word).map(|at| (&path[..at], &path[at + word.len()..]));
        let (repository, part) = if let Some((repository, name)) = at("/manifests/") {
            (repository, Part::Manifest(name))
        } else if let Some((repository, _)) = at("/blobs/uploads/") {
            (repository, Part::Upload)
        } else if let Some((repository, _)) = at("/blobs/") {
            (repository, Part::Blob)
        } else {
            let (repository, _) = at("/tags/list").or_else(|| at("/referrers/"))?;
            (repository, Part::Listing)
        };
        Some(Self { repository, part })
    }

    /// The permission that it needs (Amazon ECR user guide, "IAM permissions for pushing an image").
    fn action(&self, method: &str) -> &'static str {
        match (&self.part, method) {
            (Part::Manifest(_), "GET" | "HEAD") => "BatchGetImage",
            (Part::Manifest(_), "DELETE") => "BatchDeleteImage",
            (Part::Manifest(_), _) => "PutImage",
            (Part::Blob, "HEAD") => "BatchCheckLayerAvailability",
            (Part::Blob, _) => "GetDownloadUrlForLayer",
            (Part::Upload, "POST") => "InitiateLayerUpload",
            (Part::Upload, "PUT") => "CompleteLayerUpload",
            (Part::Upload, _) => "UploadLayerPart",
            (Part::Listing, _) => "ListImages",
        }
    }
}

async fn pass_on(mut request: Request<Incoming>, endpoint: &Endpoint) -> std::io::Result<Response<Body>> {
    let stream = endpoint.registry().connect().await?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    request.headers_mut().remove(AUTHORIZATION);
    let response = sender.send_request(request).await.map_err(std::io::Error::other)?;
    Ok(response.map(Either::Right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_repository_and_a_part() {
        let asked = |path| Asked::of(path).map(|asked| (asked.repository, asked.part));
        assert_eq!(asked("/v2/team/app/manifests/one"), Some(("team/app", Part::Manifest("one"))));
        assert_eq!(asked("/v2/app/blobs/uploads/"), Some(("app", Part::Upload)));
        assert_eq!(asked("/v2/app/blobs/uploads/1-2"), Some(("app", Part::Upload)));
        assert_eq!(asked("/v2/app/blobs/sha256:00"), Some(("app", Part::Blob)));
        assert_eq!(asked("/v2/manifests/tags/list"), Some(("manifests", Part::Listing)));
        assert_eq!(asked("/v2/"), None);
        assert_eq!(asked("/v2/_catalog"), None);
    }
}
