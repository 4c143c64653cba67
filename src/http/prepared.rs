//! Bytes ready to be sent: a body as it is, and compressed, each with its head and validator.
//!
//! Compressed at most once per encoding, when someone first asks for it. Nothing that is personal is ever prepared, so
//! compression gives nothing away.

use super::headers;
use crate::digest::hex;
use actix_http::Response;
use actix_http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::StatusCode;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::sync::OnceLock;

/// The header that says how an answer came to be (RFC 9211).
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// One body in every encoding.
#[derive(Debug)]
pub struct Prepared {
    content_type: &'static str,
    caching: &'static str,
    leads_to: Box<[String]>,
    plain: Variant,
    gzip: OnceLock<Variant>,
    brotli: OnceLock<Variant>,
}

/// What differs from one encoding to the next, and nothing else: there are thousands of these.
#[derive(Debug)]
struct Variant {
    body: Bytes,
    etag: HeaderValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Brotli,
}

impl Encoding {
    /// Its name, and what it adds to the validator: other bytes need another (RFC 9110 §8.8.3).
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("identity", ""),
            Self::Gzip => ("gzip", "-g"),
            Self::Brotli => ("br", "-b"),
        }
    }

    /// The shortest that an `Accept-Encoding` allows.
    fn accepted(accept: Option<&HeaderValue>) -> Self {
        let Some(accept) = accept.and_then(|accept| accept.to_str().ok()) else {
            return Self::Plain;
        };
        let allows = |name: &str| {
            accept.split(',').any(|one| {
                let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
                let refused =
                    weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        if allows("br") {
            Self::Brotli
        } else if allows("gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }
}

impl Prepared {
    /// `body`, of the type and to be cached as said.
    pub fn new(content_type: &'static str, caching: &'static str, body: Bytes) -> Self {
        let digest = Sha256::digest(&body);
        Self {
            content_type,
            caching,
            leads_to: Box::default(),
            plain: Variant::new(&hex(&digest[..16]), Encoding::Plain, body),
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
        }
    }

    /// The same, whose forms may lead to these places too.
    #[must_use]
    pub fn leading_to(self, places: Vec<String>) -> Self {
        Self { leads_to: places.into(), ..self }
    }

    /// Where its forms may lead beside this site.
    pub fn leads_to(&self) -> &[String] {
        &self.leads_to
    }

    /// The body as it is.
    pub fn body(&self) -> &Bytes {
        &self.plain.body
    }

    /// What it takes in memory, compressed bodies included, in bytes; a little too much rather than too little.
    pub fn weight(&self) -> usize {
        self.plain.body.len() * 8 / 5 + 1024
    }

    /// The answer to a GET or HEAD with these headers: the body, or that it has not changed.
    pub fn answer(&self, asked: &HeaderMap, cache: Option<&'static str>) -> Response<BoxBody> {
        let encoding = Encoding::accepted(asked.get(ACCEPT_ENCODING));
        let variant = self.variant(encoding);
        let known = asked.get(IF_NONE_MATCH).is_some_and(|known| self.is_named(known));
        let (status, body) = if known {
            (StatusCode::NOT_MODIFIED, BoxBody::new(()))
        } else {
            (StatusCode::OK, variant.body.clone().boxed())
        };
        let mut response = Response::with_body(status, body);
        // Appended, as nothing is there yet that could be replaced: that takes half as long.
        let head = response.headers_mut();
        head.append(CACHE_CONTROL, HeaderValue::from_static(self.caching));
        head.append(ETAG, variant.etag.clone());
        head.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        for (name, value) in &headers::FIXED {
            head.append(name.clone(), value.clone());
        }
        headers::lead_to(head, &self.leads_to);
        if !known {
            head.append(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        if !known && encoding != Encoding::Plain {
            head.append(CONTENT_ENCODING, HeaderValue::from_static(encoding.names().0));
        }
        if let Some(cache) = cache {
            head.append(CACHE_STATUS, HeaderValue::from_static(cache));
        }
        response
    }

    fn variant(&self, encoding: Encoding) -> &Variant {
        let make = |compress: fn(&[u8]) -> Vec<u8>| {
            let body = compress(&self.plain.body).into_boxed_slice().into();
            Variant::new(self.tag(), encoding, body)
        };
        match encoding {
            Encoding::Plain => &self.plain,
            Encoding::Gzip => self.gzip.get_or_init(|| make(gzip)),
            Encoding::Brotli => self.brotli.get_or_init(|| make(brotli)),
        }
    }

    /// Half a SHA-256 of the body, in hexadecimal digits: the part that all validators share.
    fn tag(&self) -> &str {
        self.plain.etag.to_str().unwrap_or_default().trim_matches('"')
    }

    /// Whether an `If-None-Match` names this body in any encoding (RFC 9110 §13.1.2: weak comparison).
    fn is_named(&self, known: &HeaderValue) -> bool {
        let Ok(known) = known.to_str() else { return false };
        known.split(',').map(str::trim).any(|one| {
            let quoted = one.strip_prefix("W/").unwrap_or(one);
            let tag = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            one == "*"
                || tag
                    .and_then(|tag| tag.strip_prefix(self.tag()))
                    .is_some_and(|rest| matches!(rest, "" | "-g" | "-b"))
        })
    }
}

impl Variant {
    fn new(tag: &str, encoding: Encoding, body: Bytes) -> Self {
        let (_, suffix) = encoding.names();
        let etag = HeaderValue::try_from(format!("\"{tag}{suffix}\""))
            .expect("letters and digits in quotes");
        Self { body, etag }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::new(6));
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}

/// Quality 5: within a few per cent of the best, at a hundredth of its cost. A window of 256 KiB, which is more than any
/// page: the usual one takes 8 MB of memory each time, and as long again.
fn brotli(body: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(body.len() / 2);
    let settings = brotli::enc::BrotliEncoderParams {
        quality: 5,
        lgwin: 18,
        size_hint: body.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*body, &mut compressed, &settings)
        .expect("writing to memory does not fail");
    compressed
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn page() -> Prepared {
        Prepared::new(
            "text/html; charset=utf-8",
            "no-cache",
            Bytes::from("many words ".repeat(500)),
        )
    }

    fn asked(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn every_encoding_is_the_same_page() {
        let page = page();
        let mut plain = String::new();
        GzDecoder::new(&*page.variant(Encoding::Gzip).body).read_to_string(&mut plain).unwrap();
        assert_eq!(plain.as_bytes(), page.body());
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut &*page.variant(Encoding::Brotli).body, &mut plain).unwrap();
        assert_eq!(plain, **page.body());
        assert!(page.variant(Encoding::Brotli).body.len() * 10 < plain.len());
    }

    #[test]
    fn the_callers_wishes_are_kept() {
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip;q=0.5, br;q=0", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("deflate, *", Encoding::Plain),
        ] {
            let headers = asked(ACCEPT_ENCODING, accept);
            assert_eq!(Encoding::accepted(headers.get(ACCEPT_ENCODING)), expected, "{accept}");
        }
        assert_eq!(Encoding::accepted(None), Encoding::Plain);
    }

    #[test]
    fn each_encoding_has_its_validator_and_any_of_them_is_known() {
        let page = page();
        let etag = |encoding: Encoding| page.variant(encoding).etag.to_str().unwrap().to_owned();
        assert_ne!(etag(Encoding::Plain), etag(Encoding::Gzip));
        for known in
            [etag(Encoding::Brotli), format!("W/{}", etag(Encoding::Gzip)), "\"x\", *".into()]
        {
            let answer = page.answer(&asked(IF_NONE_MATCH, &known), None);
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
            assert!(
                !answer.headers().contains_key(CONTENT_TYPE) && answer.headers().contains_key(ETAG)
            );
        }
        assert_eq!(page.answer(&asked(IF_NONE_MATCH, "\"x\""), None).status(), StatusCode::OK);
    }
}
