//! GitHub's tokens of identity (GitHub docs, "OpenID Connect reference"): a job that may ask for one finds an address and a
//! bearer token in its variables. Tokens are signed by a key that lives as long as the run.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::pipeline::github::Facts;

/// How long a client may take to send a request.
const PATIENCE: Duration = Duration::from_secs(10);
const KEY_ID: &str = "neargate";

/// A server of tokens, for one run; gone when dropped.
pub(super) struct Identity {
    server: Arc<Server>,
    address: String,
    task: JoinHandle<()>,
}

struct Server {
    key: KeyPair,
    facts: Facts,
    bearer: String,
    /// The environment of the job that runs.
    environment: Mutex<Option<String>>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Identity {
    /// Starts the server on a port of this machine.
    pub(super) async fn start(facts: &Facts) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| io::Error::other("no key could be made"))?;
        let bearer = random()?;
        let server = Arc::new(Server { key, facts: facts.clone(), bearer, environment: Mutex::new(None) });
        let task = tokio::spawn(serve(listener, Arc::clone(&server)));
        Ok(Self { server, address, task })
    }

    /// What a job that may ask for tokens gets, and what of it is secret.
    pub(super) fn variables(&self, environment: Option<&str>) -> Vec<(String, String)> {
        *self.server.environment.lock().unwrap_or_else(PoisonError::into_inner) = environment.map(str::to_owned);
        vec![
            ("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), format!("{}/token?api-version=2.0", self.address)),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), self.server.bearer.clone()),
        ]
    }

    /// What must not be shown.
    pub(super) fn secret(&self) -> &str {
        &self.server.bearer
    }
}

fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

async fn serve(listener: TcpListener, server: Arc<Server>) {
    while let Ok((stream, _)) = listener.accept().await {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = server.answer(&request);
                async { Ok::<_, Infallible>(response) }
            });
            // A client that hangs up has what it wanted.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Server {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let authorization = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        let given = authorization.as_deref().unwrap_or_default();
        let given = given.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        let is_ours = given.is_some_and(|(_, token)| {
            aws_lc_rs::constant_time::verify_slices_are_equal(token, self.bearer.as_bytes()).is_ok()
        });
        match request.uri().path() {
            "/.well-known/jwks" => json(StatusCode::OK, &self.keys()),
            "/token" if is_ours => {
                let query = request.uri().query().unwrap_or_default();
                let audience = query.split('&').find_map(|pair| pair.strip_prefix("audience=")).map(decoded);
                match self.token(audience.as_deref()) {
                    Some(token) => json(StatusCode::OK, &serde_json::json!({ "count": token.len(), "value": token })),
                    None => json(StatusCode::INTERNAL_SERVER_ERROR, &serde_json::json!({ "message": "not signed" })),
                }
            }
            "/token" => json(StatusCode::UNAUTHORIZED, &serde_json::json!({ "message": "Unauthorized" })),
            _ => json(StatusCode::NOT_FOUND, &serde_json::json!({ "message": "Not Found" })),
        }
    }

    fn token(&self, audience: Option<&str>) -> Option<String> {
        let now = u64::try_from(Timestamp::now().as_second()).ok()?;
        let environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let claims = self.facts.claims(environment.as_deref(), audience, &random().ok()?, now);
        let head = serde_json::json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn keys(&self) -> serde_json::Value {
        let public = self.key.public_key();
        let number = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        serde_json::json!({
            "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": number(&modulus), "e": number(&exponent) }]
        })
    }
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// Percent-encoding undone.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let digits = || text.get(text.len() - bytes.len()..).and_then(|rest| rest.get(..2));
        match digits().filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let facts = Facts { repository: "a/b".to_owned(), reference: "refs/heads/main".to_owned(), ..Facts::default() };
        Server { key, facts, bearer: "bearer-of-test".to_owned(), environment: Mutex::new(None) }
    }

    #[test]
    fn a_token_is_given_to_those_who_have_the_bearer_and_its_signature_holds() {
        let server = server();
        let ask = |authorization: &str| {
            let request = Request::builder().uri("/token?api-version=2.0&audience=sts.amazonaws.com");
            server.answer(&request.header("Authorization", authorization).body(()).unwrap()).status()
        };
        assert_eq!(
            (ask("bearer bearer-of-test"), ask("Bearer x"), ask("")),
            (StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
        );
        let token = server.token(Some("sts.amazonaws.com")).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
            server.key.public_key().as_ref(),
        );
        assert!(key.verify(signed.as_bytes(), &signature).is_ok());
        assert_eq!(decoded("https%3A%2F%2Fa%zz"), "https://a%zz");
    }
}
