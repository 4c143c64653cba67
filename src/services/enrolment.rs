//! What a browser keeps for some minutes because nobody else is to: the second factor that somebody is setting up, and
//! recovery codes while they are shown. It is sealed, for one session of one account, so a cookie that was copied or made
//! up opens nothing; and the database never has it.

use crate::digest;
use crate::services::second_factors::{RecoveryCode, Secret};
use crate::services::secrets::Secrets;
use crate::services::sessions::Member;
use std::time::Duration;
use time::OffsetDateTime;

/// How long one may take to set up a second factor.
pub const SETTING_UP: Duration = Duration::from_secs(30 * 60);
/// How long recovery codes are shown.
pub const SHOWN: Duration = Duration::from_secs(10 * 60);

/// Seals for one session.
pub struct Sealer<'a> {
    /// The keys of this installation.
    pub keys: &'a Secrets,
    /// Whose session it is.
    pub who: &'a Member,
    /// Now.
    pub at: OffsetDateTime,
    /// Random bytes.
    pub nonce: [u8; 12],
}

impl Sealer<'_> {
    /// A second factor that is being set up, as a cookie's value.
    pub fn setting_up(&self, secret: &Secret) -> String {
        self.seal("setting up", SETTING_UP, secret.bytes())
    }

    /// Recovery codes that are being shown, as a cookie's value.
    pub fn recovery_codes(&self, codes: &[RecoveryCode]) -> String {
        let bytes: Vec<u8> = codes.iter().flat_map(RecoveryCode::bytes).collect();
        self.seal("recovery codes", SHOWN, &bytes)
    }

    fn seal(&self, what: &str, lifetime: Duration, plain: &[u8]) -> String {
        let until = (self.at + lifetime).unix_timestamp().to_be_bytes();
        let sealed = self.keys.seal(
            &Bound::to(what, self.who).parts(),
            self.nonce,
            &[&until, plain].concat(),
        );
        digest::hex(&sealed)
    }
}

/// What, whose, and in which session.
struct Bound([Vec<u8>; 3]);

impl Bound {
    fn to(what: &str, who: &Member) -> Self {
        Self([what.into(), who.id().as_bytes().into(), who.session().as_bytes().into()])
    }

    fn parts(&self) -> [&[u8]; 3] {
        self.0.each_ref().map(Vec::as_slice)
    }
}

fn open(
    keys: &Secrets,
    who: &Member,
    at: OffsetDateTime,
    what: &str,
    kept: &str,
) -> Option<Vec<u8>> {
    let opened = keys.open(&Bound::to(what, who).parts(), &digest::unhex(kept)?)?;
    let (until, plain) = opened.split_first_chunk::<8>()?;
    (i64::from_be_bytes(*until) > at.unix_timestamp()).then(|| plain.to_vec())
}

/// Someone who is setting up a second factor. Only [`SettingUp::of`] makes one.
pub struct SettingUp {
    member: Member,
    secret: Secret,
    site: String,
}

impl SettingUp {
    /// `member`, where their browser keeps what they have begun with; at the site of this name.
    pub fn of(
        keys: &Secrets,
        member: Member,
        at: OffsetDateTime,
        kept: &str,
        site: &str,
    ) -> Option<Self> {
        let secret = open(keys, &member, at, "setting up", kept)?;
        Some(Self { secret: Secret::of_bytes(&secret)?, member, site: site.to_owned() })
    }

    /// Who.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// What the app is to have.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The name of the site.
    pub fn site(&self) -> &str {
        &self.site
    }
}

/// Someone who is shown their recovery codes. Only [`Sheet::of`] makes one.
pub struct Sheet {
    member: Member,
    codes: Vec<RecoveryCode>,
}

impl Sheet {
    /// `member`, where their browser keeps the codes.
    pub fn of(keys: &Secrets, member: Member, at: OffsetDateTime, kept: &str) -> Option<Self> {
        let bytes = open(keys, &member, at, "recovery codes", kept)?;
        let codes = bytes.as_chunks::<10>().0.iter().map(|code| RecoveryCode::new(*code));
        Some(Self { codes: codes.collect(), member })
    }

    /// Who.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// The codes, as they are written down.
    pub fn codes(&self) -> Vec<String> {
        self.codes.iter().map(RecoveryCode::text).collect()
    }
}
