//! Codes as an app makes them, recovery codes, and what people type of either.

use crate::error::{Error, Result};
use crate::services::secrets::Secrets;
use anyhow::anyhow;
use base32::Alphabet;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use totp_rs::{Builder, Totp};
use uuid::Uuid;

/// What codes are made from: 160 bits, as RFC 4226 recommends.
#[derive(Clone)]
pub struct Secret([u8; 20]);

impl Secret {
    /// A new one, of random bytes.
    pub fn new(random: [u8; 20]) -> Self {
        Self(random)
    }

    /// As it is sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What was sealed.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The time step of a code that is good now: that of its half minute or of one beside it. Compared in constant time.
    pub fn step_of(&self, digits: &str, at: OffsetDateTime) -> Option<i64> {
        let now = u64::try_from(at.unix_timestamp()).ok()?;
        let totp = Builder::new().with_secret(self.0.as_slice()).build().ok()?;
        totp.check(digits, now).and_then(|step| i64::try_from(step).ok())
    }

    /// As people type it.
    pub fn text(&self) -> String {
        base32::encode(Alphabet::Rfc4648 { padding: false }, &self.0)
    }

    /// As an app reads it from a picture: with the names of site and account.
    ///
    /// # Errors
    /// [`Error::Internal`] where there is no name.
    pub fn address(&self, site: &str, email: &str) -> Result<String> {
        let named = |name: &str| name.replace(':', " "); // which separates the two
        let totp: Result<Totp, _> = Builder::new()
            .with_secret(self.0.as_slice())
            .with_issuer(Some(named(site)))
            .with_account_name(named(email))
            .build();
        let address = totp.and_then(|totp| totp.to_url());
        address.map_err(|error| Error::Internal(anyhow!("{error}")))
    }

    pub(super) fn seal(&self, keys: &Secrets, account: Uuid, nonce: [u8; 12]) -> Vec<u8> {
        keys.seal(&[b"second factor", account.as_bytes()], nonce, &self.0)
    }

    pub(super) fn open(keys: &Secrets, account: Uuid, sealed: &[u8]) -> Result<Self> {
        let opened = keys.open(&[b"second factor", account.as_bytes()], sealed);
        let secret = opened.and_then(|bytes| Self::of_bytes(&bytes));
        secret.ok_or_else(|| Error::Internal(anyhow!("the second factor of {account} is damaged")))
    }
}

/// A way in, good once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; 10]);

impl RecoveryCode {
    /// A new one, of random bytes.
    pub fn new(random: [u8; 10]) -> Self {
        Self(random)
    }

    /// As it is written down.
    pub fn text(&self) -> String {
        let letters = base32::encode(Alphabet::Crockford, &self.0).to_lowercase();
        let groups: Vec<&str> = (0..16).step_by(4).map(|at| &letters[at..at + 4]).collect();
        groups.join("-")
    }

    /// Its bytes.
    pub fn bytes(&self) -> [u8; 10] {
        self.0
    }

    fn parse(bare: &str) -> Option<Self> {
        let letters = bare.to_lowercase().replace('o', "0").replace(['i', 'l'], "1");
        if letters.len() != 16 {
            return None;
        }
        base32::decode(Alphabet::Crockford, &letters)?.try_into().ok().map(Self)
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

/// A code, as somebody has typed it.
#[derive(Debug, PartialEq, Eq)]
pub enum Code {
    /// The six digits that an app shows.
    App(String),
    /// A recovery code.
    Recovery(RecoveryCode),
}

impl Code {
    /// Reads what was typed, whatever stands between the groups.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it can be neither.
    pub fn parse(typed: &str) -> Result<Self> {
        let bare: String =
            typed.chars().filter(|c| !c.is_whitespace() && !"-‐‑–".contains(*c)).collect();
        if bare.len() == 6 && bare.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::App(bare));
        }
        let recovery = RecoveryCode::parse(&bare).map(Self::Recovery);
        recovery.ok_or_else(|| {
            Error::field("code", "Type the six digits that your app shows, or a recovery code.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, of eight digits the last six, as apps show them.
        let secret = Secret::new(*b"12345678901234567890");
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.step_of(code, at(time)), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn a_code_is_good_half_a_minute_early_and_late_and_no_longer() {
        let secret = Secret::new(*b"12345678901234567890");
        // That of 1,111,111,109 is shown from 1,111,111,080 on.
        for (time, good) in [(49, false), (50, true), (109, true), (139, true), (140, false)] {
            let step = secret.step_of("081804", at(1_111_111_000 + time));
            assert_eq!(step, good.then_some(37_037_036), "{time}");
        }
        for nonsense in ["", "28708", "2870822", "28708x", "+87082", "٢٨٧٠٨٢"] {
            assert_eq!(secret.step_of(nonsense, at(59)), None, "{nonsense}");
        }
    }

    #[test]
    fn an_app_is_told_the_names_of_site_and_account() {
        let secret = Secret::new(*b"12345678901234567890");
        let address = secret.address("Oakum & Rule: signs", "ada@example.com").unwrap();
        assert_eq!(
            address,
            "otpauth://totp/Oakum%20%26%20Rule%20%20signs:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Oakum%20%26%20Rule%20%20signs"
        );
        assert_eq!(secret.text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_recovery_code_is_read_as_people_write_it() {
        let code = RecoveryCode::new([0xff, 0x0f, 0xaa, 0, 1, 2, 3, 4, 5, 6]);
        let text = code.text();
        assert_eq!((text.len(), text.matches('-').count()), (19, 3), "{text}");
        let spaced = text.replace('-', " ").to_uppercase();
        let misread = text.replace('0', "O").replace('1', "l");
        for typed in [text.as_str(), &spaced, &misread, &text.replace('-', "")] {
            assert_eq!(Code::parse(typed).unwrap(), Code::Recovery(code.clone()), "{typed}");
        }
        assert_eq!(Code::parse(" 123 456 ").unwrap(), Code::App("123456".to_owned()));
        for nonsense in
            ["", "12345", "1234567", &text[1..], &format!("{text}0"), "é", "uuuu-uuuu-uuuu-uuuu"]
        {
            assert!(Code::parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
