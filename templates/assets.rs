//! The files of `static/`, inside the binary and served under their content hash.
//!
//! The address of a file changes with its bytes, so an answer may be cached for ever and a page never
//! meets the stylesheet of another release.

use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// The file's name in `static/`, the last part of its URL.
    pub name: &'static str,
    /// The value of its `Content-Type` header.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
    url: OnceLock<String>,
}

const PREFIX: &str = "/static/";
/// 64 bits of SHA-256: plenty to tell the versions of one file apart.
const HASH_DIGITS: usize = 16;

impl Asset {
    const fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, content_type, bytes, url: OnceLock::new() }
    }

    /// The path it is served at: `/static/{hash}/{name}`.
    pub fn url(&self) -> &str {
        self.url.get_or_init(|| {
            let digest = Sha256::digest(self.bytes);
            let hash: String =
                digest.iter().take(HASH_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
            format!("{PREFIX}{hash}/{}", self.name)
        })
    }

    /// The first 16 hexadecimal digits of the SHA-256 of its bytes.
    pub fn hash(&self) -> &str {
        &self.url()[PREFIX.len()..PREFIX.len() + HASH_DIGITS]
    }
}

/// The one stylesheet.
pub static STYLE: Asset =
    Asset::new("style.css", "text/css; charset=utf-8", include_bytes!("../static/style.css"));

/// What makes the forms quicker where JavaScript runs.
pub static ENHANCE: Asset = Asset::new(
    "enhance.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../static/enhance.js"),
);

/// What asks a device for a passkey.
pub static PASSKEYS: Asset = Asset::new(
    "passkeys.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../static/passkeys.js"),
);

/// The bell, for the browser's tab and beside the name of the site.
pub static ICON: Asset =
    Asset::new("icon.svg", "image/svg+xml", include_bytes!("../static/icon.svg"));

/// The bell for what cannot draw SVG, such as a phone's home screen.
pub static TOUCH_ICON: Asset =
    Asset::new("icon.png", "image/png", include_bytes!("../static/icon.png"));

/// Every file there is, for the route that serves them.
pub fn all() -> &'static [&'static Asset] {
    static ALL: [&Asset; 5] = [&STYLE, &ENHANCE, &PASSKEYS, &ICON, &TOUCH_ICON];
    &ALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_the_hash_of_the_content() {
        let asset = Asset::new("x.txt", "text/plain", b"abc");
        assert_eq!(asset.hash(), "ba7816bf8f01cfea");
        assert_eq!(asset.url(), "/static/ba7816bf8f01cfea/x.txt");
    }

    #[test]
    fn every_file_can_be_found_by_its_address() {
        for asset in all() {
            assert!(asset.url().ends_with(asset.name), "{}", asset.url());
            assert!(!asset.bytes.is_empty(), "{} is empty", asset.name);
        }
    }
}
