//! Checks a signature.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::canonical;
use super::credential::{ALGORITHM, Credential};
use crate::request::Request;

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Another secret, or another request.
    Mismatch,
    /// Signed too long ago or in the future; in AWS's words.
    Skew(String),
    /// No date, or one that cannot be read; in AWS's words.
    Date(String),
}

/// How far the clock of a client may be off: 5 minutes, for STS 15, as their messages say.
fn allowed_skew(service: &str) -> i64 {
    match service {
        "sts" => 15 * 60,
        _ => 5 * 60,
    }
}

/// Whether the owner of `secret` signed this request, not too long ago.
///
/// # Errors
///
/// Why it does not hold.
pub fn verify(request: &Request<'_>, credential: &Credential, secret: &str, now: Timestamp) -> Result<(), Invalid> {
    let date = date(request)?;
    in_time(&date, credential, now)?;
    let Credential { date: day, region, service, .. } = credential;
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", canonical::hash(request, credential));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day.as_str(), region, service, "aws4_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let Some(signature) = bytes(&credential.signature) else { return Err(Invalid::Mismatch) };
    // In constant time.
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes(), &signature).map_err(|_| Invalid::Mismatch)
}

/// `20261130T120000Z`
fn date(request: &Request<'_>) -> Result<String, Invalid> {
    let in_query = || {
        form_urlencoded::parse(request.query.as_bytes())
            .find(|(name, _)| name == "X-Amz-Date")
            .map(|(_, value)| value.into_owned())
    };
    let date = request.header("x-amz-date").map(str::to_owned).or_else(in_query);
    date.ok_or_else(|| {
        Invalid::Date("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned())
    })
}

fn in_time(date: &str, credential: &Credential, now: Timestamp) -> Result<(), Invalid> {
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok();
    let signed = signed.and_then(|time| time.to_zoned(TimeZone::UTC).ok()).map(|time| time.timestamp());
    let signed = signed.ok_or_else(|| {
        Invalid::Date(format!(
            "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    })?;
    if !date.starts_with(&credential.date) {
        return Err(Invalid::Skew(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from \
             '{date}'.",
            credential.date,
            date.get(..8).unwrap_or(date)
        )));
    }
    let basic = |seconds: i64| {
        let time = Timestamp::from_second(seconds).unwrap_or_default();
        time.strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    let (now, signed) = (now.as_second(), signed.as_second());
    let skew = allowed_skew(&credential.service);
    let lasts = credential.expires.map_or(skew, |seconds| skew.max(i64::from(seconds)));
    if signed + lasts < now {
        let (earliest, now) = (basic(now - lasts), basic(now));
        return Err(Invalid::Skew(format!(
            "Signature expired: {date} is now earlier than {earliest} ({now} - {} min.)",
            lasts / 60
        )));
    }
    if now + skew < signed {
        let (latest, now) = (basic(now + skew), basic(now));
        return Err(Invalid::Skew(format!(
            "Signature not yet current: {date} is still later than {latest} ({now} + {} min.)",
            skew / 60
        )));
    }
    Ok(())
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2))
        .collect()
}
