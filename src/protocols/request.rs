//! A request to an API, whole: bodies are small, and a signature covers all of it.

/// Its parts as they arrived.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// As sent, with its percent-encoding.
    pub path: &'a str,
    /// What follows the `?`, as sent; empty without one.
    pub query: &'a str,
    /// With lower-case names, in the order of arrival.
    pub headers: &'a [(String, String)],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The first header field of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Parameters of the query string, or of the form in the body.
    pub fn parameter(&self, name: &str) -> Option<String> {
        [self.query.as_bytes(), self.form()].into_iter().find_map(|form| {
            form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
        })
    }

    /// The body, if it is a form.
    pub fn form(&self) -> &'a [u8] {
        let kind = self.header("content-type").unwrap_or_default();
        let is_form = kind.starts_with("application/x-www-form-urlencoded");
        if is_form { self.body } else { &[] }
    }
}
