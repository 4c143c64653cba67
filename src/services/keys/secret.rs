//! What a key looks like: `fd_live_` or `fd_test_`, 30 random letters and digits, 6 of checksum.

use crate::clock::{Clock, LETTERS};
use sha2::{Digest, Sha256};

const RANDOM: usize = 30;
const CHECKSUM: usize = 6;

/// What a key is for, for as long as there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For work.
    Live,
    /// For trying things out.
    Test,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The one for tests, or the other.
    pub fn of(test: bool) -> Self {
        if test { Self::Test } else { Self::Live }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Live => "fd_live_",
            Self::Test => "fd_test_",
        }
    }
}

/// A key in full, to be shown once.
#[derive(Debug)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub fn generate(clock: &Clock, kind: Kind) -> Self {
        Self::new(kind, &clock.letters(RANDOM))
    }

    /// The one with these letters.
    pub fn new(kind: Kind, letters: &str) -> Self {
        let begun = format!("{}{letters}", kind.prefix());
        let sum = checksum(begun.as_bytes());
        Self(begun + &sum)
    }

    /// The whole key.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its beginning, by which people tell keys apart.
    pub fn prefix(&self) -> &str {
        &self.0[..12]
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.0).to_vec()
    }
}

/// What somebody has sent as a key and may be one. The database knows it by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Presented([u8; 32]);

impl Presented {
    /// Reads it; none for what is no key of ours, whoever has it: then nobody need be asked. How long that takes tells what
    /// anyone can find out by themselves, as the checksum is no secret.
    pub fn read(sent: &[u8]) -> Option<Self> {
        let rest = Kind::ALL.iter().find_map(|kind| sent.strip_prefix(kind.prefix().as_bytes()))?;
        let (begun, sum) = sent.split_at_checked(sent.len().checked_sub(CHECKSUM)?)?;
        let whole = rest.len() == RANDOM + CHECKSUM && rest.iter().all(u8::is_ascii_alphanumeric);
        (whole && checksum(begun).as_bytes() == sum).then(|| Self(Sha256::digest(sent).into()))
    }

    pub(super) fn hash(&self) -> &[u8] {
        &self.0
    }
}

/// It lets leak scanners and typing mistakes be told from real keys without asking; it proves nothing.
fn checksum(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    let mut sum = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let mut letters = String::with_capacity(CHECKSUM);
    for _ in 0..CHECKSUM {
        letters.push(char::from(LETTERS[(sum % 62) as usize]));
        sum /= 62;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_form_and_differ() {
        let clock = Clock::default();
        for kind in Kind::ALL {
            let (one, other) = (Secret::generate(&clock, kind), Secret::generate(&clock, kind));
            assert_eq!(one.reveal().len(), "fd_live_".len() + 36);
            assert!(one.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            assert!(one.reveal().starts_with(one.prefix()));
            assert!(one.prefix().starts_with(&format!("fd_{}_", kind.as_str())));
            assert_ne!(one.reveal(), other.reveal());
            let presented = Presented::read(one.reveal().as_bytes()).unwrap();
            assert_eq!(presented.hash(), one.hash());
        }
    }

    #[test]
    fn a_key_that_was_made_before_there_were_two_kinds_is_one_still() {
        let known = b"fd_live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let digest = Sha256::digest(known);
        let mut sum = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let mut key = known.to_vec();
        for _ in 0..6 {
            key.push(LETTERS[(sum % 62) as usize]);
            sum /= 62;
        }
        assert!(Presented::read(&key).is_some());
    }

    #[test]
    fn what_is_changed_anywhere_is_no_key() {
        let key = Secret::new(Kind::Live, &"k".repeat(30)).reveal().to_owned();
        assert!(Presented::read(key.as_bytes()).is_some());
        for place in 0..key.len() {
            let mut other = key.clone().into_bytes();
            other[place] = if other[place] == b'x' { b'y' } else { b'x' };
            assert!(Presented::read(&other).is_none(), "{place}");
        }
        let (longer, shorter) = (format!("{key}a"), &key[..key.len() - 1]);
        let test = key.replace("live", "test");
        for no in [longer.as_str(), shorter, &test, "", "fd_live_", "fd_", "fd_live_é", " "] {
            assert!(Presented::read(no.as_bytes()).is_none(), "{no}");
        }
    }
}
